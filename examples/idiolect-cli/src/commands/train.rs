//! `idiolect train`: a data set in, an adapter and its run directory out.

use std::path::PathBuf;

use clap::Args;
use idiolect::data::Format;
use serde::{Deserialize, Serialize};

use crate::adapting;
use crate::args;
use crate::dataset;
use crate::device::on_threads;
use crate::error::CliError;
use crate::full;
use crate::keys::{DataKeys, ModelKeys, TrainKeys};
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
    let full = keys.train.full.unwrap_or(false);
    if full {
        full::check(&keys.model, &keys.train)?;
    }
    let loss = adapting::loss(&keys.train)?;
    let opened = Opened::new(&keys.model, None, keys.data.template.as_deref())?;
    let prepared = prepare(keys, &opened, seed)?;
    if prepared.dropped + prepared.cut > 0 {
        crate::progress::say(&format!(
            "{} rows were left out and {} cut for their length",
            prepared.dropped, prepared.cut
        ));
    }
    let cancel = training::stop_flag();
    let run = Run {
        opened: &opened,
        config: &config,
        prepared: &prepared,
        loss,
        checkpoint_blocks: keys.train.checkpoint_blocks.as_deref(),
        out: &out,
        resume,
        cancel: &cancel,
    };
    std::fs::create_dir_all(&out).map_err(CliError::io(&out))?;
    settings::write(keys, &out.join("run.toml"))?;
    if full {
        return full::train(&run);
    }
    let adapter = adapting::adapter(&keys.train, &opened, seed)?;
    training::train(&run, adapter).map(drop)
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
