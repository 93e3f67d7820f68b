//! `idiolect train`: a data set in, an adapter and its run directory out.

use std::path::{Path, PathBuf};

use clap::Args;
use idiolect::data::{Format, LineIndex};
use idiolect::lora::LoraAdapter;
use idiolect::model::Weights;
use idiolect::train::Rows;
use serde::{Deserialize, Serialize};

use crate::adapting;
use crate::args;
use crate::dataset;
use crate::device::on_threads;
use crate::error::CliError;
use crate::fleet::{self, Fleet};
use crate::full;
use crate::keys::{DataKeys, ModelKeys, TrainKeys};
use crate::lazy::{self, LazyRows};
use crate::opened::Opened;
use crate::planning::{Plan, Trained};
use crate::prepared::{self, Prepared};
use crate::rows::read_tokens;
use crate::settings;
use crate::training::{self, Run};
use crate::vocabulary;

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
    let out = keys.out.as_deref();
    let out = out.ok_or_else(|| CliError::setting("--out", "a run directory", "nothing"))?;
    with_run(keys, (out, resume), |run, weights| {
        std::fs::create_dir_all(out).map_err(CliError::io(out))?;
        settings::write(keys, &out.join("run.toml"))?;
        match weights {
            Some(weights) => full::train(run, weights),
            None => training::train(run, start(keys, run)?).map(drop),
        }
    })
}

/// What a run of these settings needs.
///
/// # Errors
///
/// As [`run`], without what only training can refuse; and for a run that does not fit.
pub fn plan(config: &Path) -> Result<Plan, CliError> {
    let keys: Keys = settings::resolve(&Keys::default(), Some(config))?;
    on_threads(keys.model.threads, || {
        with_run(
            &keys,
            (Path::new(""), false),
            |run, weights| match weights {
                Some(weights) => Plan::new(run, Trained::Weights(&weights)),
                None => Plan::new(run, Trained::Adapter(&start(&keys, run)?)),
            },
        )
    })
}

/// The adapter before its first step.
fn start(keys: &Keys, run: &Run<'_>) -> Result<LoraAdapter, CliError> {
    adapting::adapter(&keys.train, run.opened, run.config.seed)
}

/// Opens the model, reads the rows, and passes on the run to make, with the weights where all of them are
/// to be trained; a run with a place keeps there the tokens of rows that are read as they are needed.
fn with_run<T>(
    keys: &Keys,
    (out, resume): (&Path, bool),
    then: impl FnOnce(&Run<'_>, Option<Weights>) -> Result<T, CliError>,
) -> Result<T, CliError> {
    let seed = keys.seed.unwrap_or(42);
    let config = training::config(&keys.train, seed)?;
    let is_full = keys.train.full.unwrap_or(false);
    if is_full {
        full::check(&keys.model, &keys.train)?;
    }
    let loss = adapting::loss(&keys.train)?;
    let template = keys.data.template.as_deref();
    let model = fleet::first(&keys.model, &keys.train)?;
    let mut opened = vocabulary::open(&model, &keys.train, template)?;
    let fleet = Fleet::open((&model, &keys.train), &opened, seed)?;
    let weights = is_full.then(|| full::take(&mut opened.decoder));
    let cancel = training::stop_flag();
    let run = |rows: &dyn Rows, held_out: &dyn Rows| {
        let run = Run {
            opened: &opened,
            config: &config,
            rows,
            held_out,
            loss,
            fleet: &fleet,
            checkpoint_blocks: keys.train.checkpoint_blocks.as_deref(),
            tensorboard: keys.train.tensorboard.unwrap_or(false),
            out,
            resume,
            cancel: &cancel,
        };
        then(&run, weights)
    };
    if lazy::wanted(&keys.train, &keys.data)? {
        let index = LineIndex::new(dataset::only(&keys.data)?)?;
        let settings = (&keys.train, &keys.data);
        let has_place = !out.as_os_str().is_empty();
        let cache = has_place.then(|| lazy::cache(&opened, &index, settings, out));
        let cache = cache.transpose()?;
        let [rows, held_out] = LazyRows::new(&opened, (&index, cache.as_ref()), settings, seed)?;
        let done = run(&rows, &held_out)?;
        report_lengths(rows.left_out(), 0);
        return Ok(done);
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
        return prepared::prepare(opened, &rows, &keys.train, seed);
    }
    let rows = read_tokens(dataset::only(&keys.data)?)?;
    let rows = rows
        .into_iter()
        .map(|row| opened.checked(row))
        .collect::<Result<_, _>>()?;
    Prepared::new(opened, rows, &keys.train, seed)
}
