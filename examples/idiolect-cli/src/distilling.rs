//! From keys to a distillation: template, verdicts, writer, and the names of its files.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use idiolect::data::{DataSet, Layout, Row, write_atomically};
use idiolect::distill::{Check, Distilled, Extras, Settings, Shard, Summary};
use idiolect::prompt::{DistillTemplate, Template};
use serde::Serialize;

use crate::commands::distill::Keys;
use crate::continuing::Generation;
use crate::error::CliError;
use crate::identity::Writer;
use crate::keys::DistillKeys;
use crate::opened::Opened;
use crate::outcome::{TargetNll, target_nll};

/// Where a distillation, or a part of one, keeps what it has.
#[derive(Debug, Clone)]
pub struct Files {
    folder: PathBuf,
    part: String,
}

impl Files {
    /// The files of a part; those of several parts may lie in one folder.
    #[must_use]
    pub fn new(folder: &Path, shard: Shard) -> Self {
        let part = match shard {
            Shard::WHOLE => String::new(),
            Shard { index, count } => format!("-{index}-of-{count}"),
        };
        let folder = folder.to_owned();
        Self { folder, part }
    }

    /// The journal.
    #[must_use]
    pub fn journal(&self) -> PathBuf {
        let name = format!("journal/rewrites{}.jsonl", self.part);
        self.folder.join(name)
    }

    /// The data set, in the layout that it came in.
    #[must_use]
    pub fn set(&self, layout: Layout) -> PathBuf {
        let array = layout == Layout::Array;
        let end = if array { "json" } else { "jsonl" };
        self.folder.join(format!("distilled{}.{end}", self.part))
    }

    /// The summary.
    #[must_use]
    pub fn summary(&self) -> PathBuf {
        self.folder.join(format!("summary{}.json", self.part))
    }
}

/// How likely the model finds the responses.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Likelihood {
    /// Those of the data set; none where no reference was used.
    pub before: Option<TargetNll>,
    /// Those that it has now.
    pub after: TargetNll,
}

/// What `summary.json` holds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The numbers.
    #[serde(flatten)]
    pub summary: Summary,
    /// Negative log-likelihood of the responses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_nll: Option<Likelihood>,
}

/// Writes `summary.json`, whole or not at all.
///
/// # Errors
///
/// [`CliError::Data`] when it cannot be written.
pub fn report(
    summary: &Summary,
    target_nll: Option<Likelihood>,
    path: &Path,
) -> Result<Report, CliError> {
    let summary = summary.clone();
    let report = Report {
        summary,
        target_nll,
    };
    write_atomically(path, |out| {
        serde_json::to_writer_pretty(&mut *out, &report)?;
        out.write_all(b"\n")
    })?;
    Ok(report)
}

/// Scores the responses of the rows that are left, as they were and as they are.
///
/// # Errors
///
/// The errors of rendering and scoring.
pub fn likelihood(
    keys: &DistillKeys,
    opened: &Opened,
    set: &DataSet,
    distilled: &Distilled,
) -> Result<Likelihood, CliError> {
    let key = |row: &Row| row.example.id.to_string();
    let ids: HashSet<String> = distilled.set.rows.iter().map(key).collect();
    let mut before = set.rows.clone();
    before.retain(|row| ids.contains(&key(row)));
    let unaided = template(keys)? == DistillTemplate::unaided();
    let before = (!unaided).then(|| target_nll(opened, &before));
    Ok(Likelihood {
        before: before.transpose()?,
        after: target_nll(opened, &distilled.set.rows)?,
    })
}

/// Sampler and stops; inside a chat template the heading that small models go on with ends a rewrite too.
#[must_use]
pub fn generation(keys: &Keys, opened: &Opened) -> Generation {
    let mut generation = Generation::new(&keys.sampling, opened, keys.seed());
    if is_wrapped(&keys.distill, opened) {
        let stop = DistillTemplate::CHAT_STOP.into();
        generation.settings.stops.strings.push(stop);
    }
    generation
}

/// The settings that the keys say.
///
/// # Errors
///
/// [`CliError::Prompt`], [`CliError::Distill`] and [`CliError::Setting`] for names that are none;
/// [`CliError::Io`] where the model's files cannot be read.
pub fn settings(
    keys: &Keys,
    opened: &Opened,
    generation: &Generation,
) -> Result<Settings, CliError> {
    let wrapped = is_wrapped(&keys.distill, opened);
    let writer = Writer::local(opened, keys.adapter.as_deref(), generation)?;
    Ok(Settings {
        template: template(&keys.distill)?,
        chat: wrapped.then(|| opened.template.clone()),
        check: check(&keys.distill)?,
        extras: extras(&keys.distill, wrapped)?,
        mix_ratio: keys.distill.mix_ratio.unwrap_or(1.0),
        trim: true,
        seed: keys.seed(),
        identity: writer.into(),
    })
}

/// Whether the model answers without a reference.
#[must_use]
pub fn is_unaided(settings: &Settings) -> bool {
    settings.template == DistillTemplate::unaided()
}

fn template(keys: &DistillKeys) -> Result<DistillTemplate, CliError> {
    Ok(DistillTemplate::by_name(
        keys.preset.as_deref().unwrap_or("using"),
    )?)
}

/// A short name is put into the checkpoint's chat template; a preset's full name is the raw form of the
/// paper's scripts.
fn is_wrapped(keys: &DistillKeys, opened: &Opened) -> bool {
    let raw = keys
        .preset
        .as_deref()
        .is_some_and(|name| name.contains('/'));
    !raw && matches!(opened.template, Template::Chat(_))
}

/// The check that the keys name.
///
/// # Errors
///
/// [`CliError::Distill`] for a name that is none.
pub fn check(keys: &DistillKeys) -> Result<Check, CliError> {
    Ok(keys.check.as_deref().unwrap_or("text").parse()?)
}

/// The verdicts beside the paper's; what small models need by default where the template is wrapped.
fn extras(keys: &DistillKeys, wrapped: bool) -> Result<Extras, CliError> {
    let usual: &[&str] = if wrapped {
        &["unfinished", "empty", "echo"]
    } else {
        &[]
    };
    let typed: Vec<&str> = keys.verdicts.iter().map(String::as_str).collect();
    let names = if typed.is_empty() { usual } else { &typed };
    let mut extras = Extras::default();
    for name in names {
        match *name {
            "unfinished" => extras.unfinished = true,
            "empty" => extras.empty = true,
            "echo" => extras.echo = Extras::MARKUP.map(Into::into).into(),
            "short" => extras.least_percent = keys.least_percent.unwrap_or(50),
            "language" => extras.language = true,
            "none" if names.len() == 1 => {}
            other => {
                let expected = "unfinished, empty, echo, short, language, or none alone";
                return Err(CliError::setting("--verdicts", expected, other));
            }
        }
    }
    Ok(extras)
}
