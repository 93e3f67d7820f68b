//! `idiolect train`: a data set in, an adapter and its run directory out.

use std::path::PathBuf;

use clap::Args;
use idiolect::data::{Format, LineIndex};
use idiolect::train::Rows;
use serde::{Deserialize, Serialize};

use crate::adapting;
use crate::args;
use crate::dataset;
use crate::device::on_threads;
use crate::error::CliError;
use crate::keys::{DataKeys, ModelKeys, TrainKeys};
use crate::lazy::{self, LazyRows};
use crate::opened::Opened;
use crate::rows::read_tokens;
use crate::settings;
use crate::training::{self, Prepared, Run};

/// Settings of a training run.
#[derive(Args, Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Keys {
    #[command(flatten)]
    #[serde(flatten)]
    #[allow(missing_docs)]
    pub model: ModelKeys,
    #[command(flatten)]
    #[serde(flatten)]
    #[allow(missing_docs)]
    pub data: DataKeys,
    #[command(flatten)]
    #[serde(flatten)]
    #[allow(missing_docs)]
    pub train: TrainKeys,
    /// Seed of the adapter's start, the sample, and the order of the rows [default: 42]
    #[arg(long)]
    pub seed: Option<u64>,
    /// Run directory
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
///
/// Every [`CliError`] of settings, data, model and training.
pub fn run(args: &args::Train) -> Result<(), CliError> {
    let keys: Keys = settings::resolve(&args.keys, args.config.as_deref())?;
    on_threads(keys.model.threads, || work(&keys, args.resume))
}

fn work(keys: &Keys, resume: bool) -> Result<(), CliError> {
    let out = keys
        .out
        .clone()
        .ok_or_else(|| CliError::setting("--out", "a run directory", "nothing"))?;
    let seed = keys.seed.unwrap_or(42);
    let config = training::config(&keys.train, seed)?;
    let loss = adapting::loss(&keys.train)?;
    let opened = Opened::new(&keys.model, None, keys.data.template.as_deref())?;
    let adapter = adapting::adapter(&keys.train, &opened, seed)?;
    let run = |rows: &dyn Rows, held_out: &dyn Rows| {
        let cancel = training::stop_flag();
        let run = Run {
            opened: &opened,
            config: &config,
            rows,
            held_out,
            loss,
            checkpoint_blocks: keys.train.checkpoint_blocks.as_deref(),
            out: &out,
            resume,
            cancel: &cancel,
        };
        std::fs::create_dir_all(&out).map_err(CliError::io(&out))?;
        settings::write(keys, &out.join("run.toml"))?;
        training::train(&run, adapter).map(drop)
    };
    if lazy::wanted(&keys.train, &keys.data)? {
        let index = LineIndex::new(dataset::only(&keys.data)?)?;
        let [rows, held_out] = LazyRows::new(&opened, &index, (&keys.train, &keys.data), seed)?;
        run(&rows, &held_out)?;
        report_lengths(rows.left_out(), 0);
        return Ok(());
    }
    let prepared = prepare(keys, &opened, seed)?;
    report_lengths(prepared.dropped, prepared.cut);
    run(&prepared.rows, &prepared.held_out)
}

fn report_lengths(dropped: usize, cut: usize) {
    if dropped + cut > 0 {
        let text = format!("{dropped} rows were left out and {cut} cut for their length");
        crate::progress::say(&text);
    }
}

fn prepare(keys: &Keys, opened: &Opened, seed: u64) -> Result<Prepared, CliError> {
    if dataset::format(&keys.data)? != Format::Tokens {
        let rows = dataset::read_all(&keys.data, seed)?;
        return training::prepare(opened, &rows, &keys.train, seed);
    }
    let rows = read_tokens(dataset::only(&keys.data)?)?;
    let rows = rows
        .into_iter()
        .map(|row| opened.checked(row))
        .collect::<Result<_, _>>()?;
    Prepared::new(opened, rows, &keys.train, seed)
}
