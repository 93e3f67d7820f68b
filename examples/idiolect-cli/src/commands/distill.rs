//! `idiolect distill`: a data set in, the same data set in the model's own words out.

use std::path::{Path, PathBuf};

use clap::Args;
use idiolect::data::{DataSet, Layout, sample};
use idiolect::distill::{Check, Distilled, Extras, Identity, Settings, distill};
use idiolect::prompt::{DistillTemplate, Template};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::args;
use crate::continuing::Generation;
use crate::dataset;
use crate::device::on_threads;
use crate::error::CliError;
use crate::identity::hash;
use crate::keys::{DataKeys, DistillKeys, ModelKeys, SamplingKeys};
use crate::opened::Opened;
use crate::rewriting::LocalWriter;
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
    /// Seed of the sample, the mix and the draws [default: 42]
    #[arg(long)]
    pub seed: Option<u64>,
    /// Folder of journal, data set and summary; the same command goes on where it was killed
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
///
/// Every [`CliError`] of settings, data, model and generation.
pub fn run(args: &args::Distill) -> Result<(), CliError> {
    let keys: Keys = settings::resolve(&args.keys, args.config.as_deref())?;
    on_threads(keys.model.threads, || work(&keys))
}

fn work(keys: &Keys) -> Result<(), CliError> {
    let out = keys.out.as_deref();
    let out = out.ok_or_else(|| CliError::setting("--out", "a folder", "nothing"))?;
    let template = keys.data.template.as_deref();
    let set = read(&keys.data, keys.seed.unwrap_or(42))?;
    let opened = Opened::new(&keys.model, keys.adapter.as_deref(), template)?;
    let distilled = rewrite(keys, &opened, &set, out)?;
    crate::rows::write_lines(None, &[distilled.summary])
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

/// Rewrites `set` and leaves journal, data set and summary in `out`.
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
    let journal = out.join("journal");
    std::fs::create_dir_all(&journal).map_err(CliError::io(&journal))?;
    let seed = keys.seed.unwrap_or(42);
    let (template, chat, extras) = preset(&keys.distill, opened)?;
    let mut generation = Generation::new(&keys.sampling, opened, seed);
    if chat.is_some() {
        generation
            .settings
            .stops
            .strings
            .push(DistillTemplate::CHAT_STOP.into());
    }
    let settings = Settings {
        template,
        chat,
        check: check(&keys.distill)?,
        extras,
        mix_ratio: keys.distill.mix_ratio.unwrap_or(1.0),
        trim: true,
        seed,
        identity: identity(keys, opened, &generation)?,
    };
    let mut writer = LocalWriter {
        opened,
        generation: &generation,
    };
    let distilled = distill(set, &settings, &mut writer, &journal.join("rewrites.jsonl"))?;
    let name = if set.layout == Layout::Array {
        "distilled.json"
    } else {
        "distilled.jsonl"
    };
    distilled.set.write(&out.join(name))?;
    distilled.summary.write(&out.join("summary.json"))?;
    Ok(distilled)
}

/// The distillation template: a short name is put into the checkpoint's chat template, with the verdicts
/// that small models need; a preset's full name is the raw form of the paper's scripts, with theirs only.
fn preset(
    keys: &DistillKeys,
    opened: &Opened,
) -> Result<(DistillTemplate, Option<Template>, Extras), CliError> {
    let name = keys.preset.as_deref().unwrap_or("using");
    let template = DistillTemplate::by_name(name)?;
    let wrapped = !name.contains('/') && matches!(opened.template, Template::Chat(_));
    let chat = wrapped.then(|| opened.template.clone());
    let echo = Extras::MARKUP.iter().map(ToString::to_string).collect();
    let strict = Extras {
        unfinished: true,
        empty: true,
        echo,
        ..Extras::default()
    };
    Ok((
        template,
        chat,
        if wrapped { strict } else { Extras::default() },
    ))
}

/// The check that the keys name.
///
/// # Errors
///
/// [`CliError::Distill`] for a name that is none.
pub fn check(keys: &DistillKeys) -> Result<Check, CliError> {
    Ok(keys.check.as_deref().unwrap_or("text").parse()?)
}

/// Who writes, and with what; a journal of another writer is refused.
fn identity(keys: &Keys, opened: &Opened, generation: &Generation) -> Result<Identity, CliError> {
    let idiolect::generate::Settings {
        sampling,
        stops,
        max_new_tokens,
        batch_size,
        share_prefixes,
        speculate,
    } = &generation.settings;
    let adapter = keys.adapter.as_deref().map(hash).transpose()?;
    Ok(Identity {
        model: hash(&opened.path)?,
        adapter,
        sampler: json!({
            "temperature": sampling.temperature, "top_k": sampling.top_k, "top_p": sampling.top_p,
            "min_p": sampling.min_p, "repetition_penalty": sampling.repetition_penalty,
            "stops": stops.strings, "stop_ids": stops.tokens, "max_new_tokens": max_new_tokens,
            "batch_size": batch_size, "share_prefixes": share_prefixes, "speculate": speculate, "dtype": format!("{:?}", opened.decoder.dtype()),
        }),
    })
}
