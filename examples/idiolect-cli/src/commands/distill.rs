//! `idiolect distill`: a data set in, the same data set in the model's own words out.

use std::path::{Path, PathBuf};

use clap::Args;
use idiolect::data::{DataSet, sample};
use idiolect::distill::{Distilled, Shard, answer_unaided, distill_shard};
use serde::{Deserialize, Serialize};

use super::distill_merge;
use crate::args;
use crate::continuing::LocalWriter;
use crate::dataset;
use crate::device::on_threads;
use crate::distilling::{self, Files};
use crate::error::CliError;
use crate::keys::{DataKeys, DistillKeys, ModelKeys, SamplingKeys};
use crate::opened::Opened;
use crate::settings;

/// Settings of a distillation.
#[derive(Args, Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Keys {
    #[command(flatten)]
    #[serde(flatten)]
    #[allow(missing_docs)]
    pub model: ModelKeys,
    /// PEFT folder: rewrite with this adapter on the model
    #[arg(long)]
    pub adapter: Option<PathBuf>,
    #[command(flatten)]
    #[serde(flatten)]
    #[allow(missing_docs)]
    pub data: DataKeys,
    #[command(flatten)]
    #[serde(flatten)]
    #[allow(missing_docs)]
    pub distill: DistillKeys,
    #[command(flatten)]
    #[serde(flatten)]
    #[allow(missing_docs)]
    pub sampling: SamplingKeys,
    /// Rewrite part I of N of the rows, for N machines; `distill merge` joins the parts
    #[arg(long, value_name = "I/N")]
    pub shard: Option<String>,
    /// Do not score the responses, before and after, under the model
    #[arg(long, num_args = 0..=1, default_missing_value = "true")]
    pub no_likelihood: Option<bool>,
    /// Seed of the sample, the mix and the draws [default: 42]
    #[arg(long)]
    pub seed: Option<u64>,
    /// Folder of journal, data set and summary; the same command goes on where it was killed
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
}

impl Keys {
    /// The part of the rows that is asked for.
    ///
    /// # Errors
    ///
    /// [`CliError::Distill`] for a part that there is not.
    pub fn shard(&self) -> Result<Shard, CliError> {
        let shard = self.shard.as_deref().map(str::parse).transpose()?;
        Ok(shard.unwrap_or(Shard::WHOLE))
    }

    /// The folder of the results.
    ///
    /// # Errors
    ///
    /// [`CliError::Setting`] where there is none.
    pub fn out(&self) -> Result<&Path, CliError> {
        let out = self.out.as_deref();
        out.ok_or_else(|| CliError::setting("--out", "a folder", "nothing"))
    }

    /// Seed of the sample, the mix and the draws.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed.unwrap_or(42)
    }
}

/// Runs the command.
///
/// # Errors
///
/// Every [`CliError`] of settings, data, model and generation.
pub fn run(args: &args::Distill) -> Result<(), CliError> {
    if let Some(args::DistillCommand::Merge(merge)) = &args.instead {
        return distill_merge::run(merge);
    }
    let keys: Keys = settings::resolve(&args.keys, args.config.as_deref())?;
    on_threads(keys.model.threads, || work(&keys))
}

fn work(keys: &Keys) -> Result<(), CliError> {
    let (out, shard) = (keys.out()?, keys.shard()?);
    let template = keys.data.template.as_deref();
    let set = read(&keys.data, keys.seed())?;
    let opened = Opened::new(&keys.model, keys.adapter.as_deref(), template)?;
    let distilled = rewrite(keys, &opened, &set, out)?;
    conclude(keys, &opened, &set, &distilled, &Files::new(out, shard))
}

/// Scores the responses unless that is switched off, writes the summary and prints it.
///
/// # Errors
///
/// The errors of scoring and writing.
pub fn conclude(
    keys: &Keys,
    opened: &Opened,
    set: &DataSet,
    distilled: &Distilled,
    files: &Files,
) -> Result<(), CliError> {
    let wanted = !keys.no_likelihood.unwrap_or(false);
    let likelihood = wanted.then(|| distilling::likelihood(&keys.distill, opened, set, distilled));
    let likelihood = likelihood.transpose()?;
    let report = distilling::report(&distilled.summary, likelihood, &files.summary())?;
    crate::rows::write_lines(None, &[report])
}

/// Reads the one data set of the keys, or a sample of it.
///
/// # Errors
///
/// [`CliError::Data`] names file, row and field.
pub fn read(keys: &DataKeys, seed: u64) -> Result<DataSet, CliError> {
    let mut set = dataset::read(dataset::only(keys)?, keys)?;
    if let Some(n) = keys.sample {
        let chosen = sample(set.rows.len(), n, seed);
        set.rows = chosen
            .into_iter()
            .filter_map(|i| set.rows.get(i).cloned())
            .collect();
    }
    Ok(set)
}

/// Rewrites `set`, or the part of it that the keys name, and leaves journal, data set and summary in `out`.
///
/// # Errors
///
/// [`CliError::Distill`] for what the data, the journal or the writer refuse; the errors of writing.
pub fn rewrite(
    keys: &Keys,
    opened: &Opened,
    set: &DataSet,
    out: &Path,
) -> Result<Distilled, CliError> {
    let shard = keys.shard()?;
    let files = Files::new(out, shard);
    let journal = files.journal();
    dataset::folder_of(&journal)?;
    let generation = &distilling::generation(keys, opened);
    let settings = distilling::settings(keys, opened, generation)?;
    let mut writer = LocalWriter { opened, generation };
    let one = if distilling::is_unaided(&settings) {
        answer_unaided
    } else {
        distill_shard
    };
    let distilled = one(set, &settings, shard, &mut writer, &journal)?;
    distilled.set.write(&files.set(set.layout))?;
    distilling::report(&distilled.summary, None, &files.summary())?;
    Ok(distilled)
}
