//! `idiolect sdft`: the whole job in one run directory.
//!
//! Distil the data set, train one adapter on the original responses and one on the distilled ones, answer
//! held-out rows with the seed model and both, and compare. Every stage keeps what it has done: the same
//! command goes on where it was killed.

use std::path::{Path, PathBuf};

use clap::Args;
use idiolect::data::DataSet;
use serde::{Deserialize, Serialize};

use super::distill;
use crate::args;
use crate::device::on_threads;
use crate::error::CliError;
use crate::fleet;
use crate::job::Job;
use crate::keys::{DataKeys, DistillKeys, ModelKeys, SamplingKeys, TrainKeys};
use crate::progress::say;
use crate::settings;
use crate::vocabulary;

/// Settings of the whole job.
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
    /// Held-out examples in the format of --data, answered by the seed model and both adapters
    #[arg(long, value_name = "FILE")]
    pub eval_data: Option<PathBuf>,
    /// Use this many of them, drawn by the seed
    #[arg(long)]
    pub eval_sample: Option<usize>,
    /// Folder of a sentence encoder (`MiniLM`) for the embedding similarity [default: without]
    #[arg(long, value_name = "FOLDER")]
    pub embedder: Option<PathBuf>,
    #[command(flatten)]
    #[serde(flatten)]
    #[allow(missing_docs)]
    pub distill: DistillKeys,
    #[command(flatten)]
    #[serde(flatten)]
    #[allow(missing_docs)]
    pub sampling: SamplingKeys,
    #[command(flatten)]
    #[serde(flatten)]
    #[allow(missing_docs)]
    pub train: TrainKeys,
    /// Seed of everything random [default: 42]
    #[arg(long)]
    pub seed: Option<u64>,
    /// Run directory; the same command goes on where it was killed
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
}

impl Keys {
    /// The part of them that the first stage takes.
    #[must_use]
    pub fn distill(&self) -> distill::Keys {
        distill::Keys {
            model: self.model.clone(),
            adapter: None,
            data: self.data.clone(),
            distill: self.distill.clone(),
            sampling: self.sampling.clone(),
            shard: None,
            no_likelihood: None,
            seed: self.seed,
            out: self.out.clone(),
        }
    }

    /// Seed of everything random.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed.unwrap_or(42)
    }
}

/// The example of the README: sizes that two cores end within minutes. Its paths are as seen from the
/// root of the repository, where `cargo xtask demo` runs it.
const DEMO: &str = include_str!("../../demo.toml");

/// Runs the command.
///
/// # Errors
///
/// Every [`CliError`] of the stages.
pub fn run(args: &args::Sdft) -> Result<(), CliError> {
    let keys = if args.demo {
        settings::overlay(&args.keys, Some(("demo.toml", DEMO)))?
    } else {
        settings::resolve(&args.keys, args.config.as_deref())?
    };
    on_threads(keys.model.threads, || work(&keys))
}

fn work(keys: &Keys) -> Result<(), CliError> {
    let missing = |name: &str, what: &str| CliError::setting(name, what, "nothing");
    if keys.train.full.unwrap_or(false) {
        let expected = "off: the job compares adapters of one model";
        return Err(CliError::setting("--full", expected, true));
    }
    let out = keys
        .out
        .as_deref()
        .ok_or_else(|| missing("--out", "a run directory"))?;
    let eval = keys
        .eval_data
        .as_deref()
        .ok_or_else(|| missing("--eval-data", "held-out examples"))?;
    let set = distill::read(&keys.data, keys.seed())?;
    set.require_responses()?;
    let eval = held_out(keys, eval)?;
    let template = keys.data.template.as_deref();
    let model = fleet::first(&keys.model, &keys.train)?;
    let opened = vocabulary::open(&model, &keys.train, template)?;
    claim(out, keys)?;
    let mut job = Job { keys, opened, out };
    let outcome = job.run(&set, &eval)?;
    outcome.write(out)?;
    crate::report::write(out)?;
    say(&format!("Artefacts are in {}", out.display()));
    let mut stdout = std::io::stdout().lock();
    std::io::Write::write_all(&mut stdout, outcome.table().as_bytes())
        .map_err(CliError::io("standard output"))
}

fn held_out(keys: &Keys, path: &Path) -> Result<DataSet, CliError> {
    let one = DataKeys {
        data: vec![path.into()],
        sample: keys.eval_sample,
        ..keys.data.clone()
    };
    let set = distill::read(&one, keys.seed())?;
    set.require_responses()?;
    set.require_unique_ids()?;
    Ok(set)
}

/// Makes the run directory ours: its settings are written once, and other ones are refused.
fn claim(out: &Path, keys: &Keys) -> Result<(), CliError> {
    std::fs::create_dir_all(out).map_err(CliError::io(out))?;
    let path = out.join("run.toml");
    let beside = out.join("run.toml.partial");
    settings::write(keys, &beside)?;
    let read = |path: &Path| std::fs::read_to_string(path).map_err(CliError::io(path));
    let now = read(&beside)?;
    if path.is_file() {
        let before = read(&path)?;
        if let Some((old, new)) = before
            .lines()
            .zip(now.lines())
            .find(|(old, new)| old != new)
        {
            let expected = format!("the settings it was begun with ({old}), or another --out");
            return Err(CliError::setting(
                &path.display().to_string(),
                expected,
                new,
            ));
        }
    }
    std::fs::rename(&beside, &path).map_err(CliError::io(&path))
}
