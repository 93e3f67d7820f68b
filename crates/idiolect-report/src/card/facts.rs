//! What the files of an adapter or a model, and those of its run, say for a card.

use std::path::{Path, PathBuf};

use idiolect_data::RunDir;
use idiolect_data::settings::read_file;
use idiolect_input::counted;
use serde_json::{Map, Value, json};

use super::license::card_license;
use super::table::{last_part, value};
use crate::ReportError;
use crate::files::{lines, object, text};

/// Settings that a card shows, in this order. Paths are not among them.
const SHOWN: [&str; 22] = [
    "rank",
    "alpha",
    "targets",
    "rslora",
    "dora",
    "dropout",
    "init",
    "loss",
    "learning_rate",
    "lora_plus_ratio",
    "schedule",
    "warmup_steps",
    "weight_decay",
    "epochs",
    "max_steps",
    "batch_size",
    "accumulation",
    "max_length",
    "packing",
    "dtype",
    "quantize",
    "seed",
];

/// What is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CardKind {
    /// An adapter in PEFT's form.
    Adapter,
    /// A whole model.
    Model,
}

/// Files of a folder and of the run that it lies in.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Facts {
    pub(super) kind: CardKind,
    /// Of the adapter, or of the model.
    config: Map<String, Value>,
    /// `run.toml`; empty without a run.
    run: Map<String, Value>,
    plan: Map<String, Value>,
    metrics: Vec<Map<String, Value>>,
    forgetting: Map<String, Value>,
    distilled: bool,
}

/// A pair of a table.
pub(super) type Row = (&'static str, String);

/// The folder that is published: the given one, or the adapter or model of a run directory.
///
/// # Errors
///
/// [`ReportError::NoModel`] for a folder of neither.
pub fn published(folder: &Path) -> Result<PathBuf, ReportError> {
    let run = RunDir::new(folder);
    let distilled = run.part(RunDir::DISTILLED).adapter();
    let places = [folder.to_owned(), run.adapter(), run.model(), distilled];
    let found = places.into_iter().find(|place| kind(place).is_some());
    found.ok_or_else(|| ReportError::no_model(folder))
}

fn kind(folder: &Path) -> Option<(CardKind, PathBuf)> {
    let files = [
        (CardKind::Adapter, "adapter_config.json"),
        (CardKind::Model, "config.json"),
    ];
    let mut files = files
        .map(|(kind, name)| (kind, folder.join(name)))
        .into_iter();
    files.find(|(_, path)| path.is_file())
}

impl Facts {
    pub(super) fn read(folder: &Path) -> Result<Self, ReportError> {
        let Some((kind, config)) = kind(folder) else {
            return Err(ReportError::no_model(folder));
        };
        let config = file(&config)?;
        // The parent of `.` is nothing.
        let whole = folder.canonicalize();
        let folder = whole.as_deref().unwrap_or(folder);
        let run = folder.parent().map(RunDir::from);
        let run = run.filter(|run| run.run_toml().is_file());
        let Some(run) = run else {
            return Ok(Self {
                kind,
                config,
                run: Map::new(),
                plan: Map::new(),
                metrics: Vec::new(),
                forgetting: Map::new(),
                distilled: false,
            });
        };
        let settings = json!(read_file(&run.run_toml())?.values);
        let metrics = run.metrics();
        let rows = text(&metrics)?.map(|text| lines(&metrics, &text));
        Ok(Self {
            kind,
            config,
            run: settings.as_object().cloned().unwrap_or_default(),
            plan: file(&run.plan())?,
            metrics: rows.transpose()?.unwrap_or_default(),
            forgetting: file(&run.forgetting())?,
            distilled: run.root.ends_with(RunDir::DISTILLED),
        })
    }

    pub(super) fn has_run(&self) -> bool {
        !self.run.is_empty()
    }

    pub(super) fn is_distilled(&self) -> bool {
        self.distilled
    }

    /// The base model as the files name it: a path, or a name on the Hub without its revision.
    pub(super) fn base(&self) -> Option<String> {
        let own = self.config.get("base_model_name_or_path");
        let own = own.or_else(|| self.run.get("model"))?.as_str()?;
        let name = own.split('@').next().unwrap_or(own);
        let base = if is_hub_name(name) { name } else { own };
        (!base.is_empty()).then(|| base.to_owned())
    }

    pub(super) fn data(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        let files = self.run.get("data").map(value).unwrap_or_default();
        let names = files.split(", ").map(last_part).collect::<Vec<_>>();
        if !files.is_empty() {
            rows.push(("data", names.join(", ")));
        }
        self.add(&mut rows, &self.run, "format", "format");
        for (key, name) in [
            ("rows", "rows trained on"),
            ("held_out", "rows held out"),
            ("tokens", "tokens of an epoch"),
            ("trained_tokens", "of these trained"),
        ] {
            self.add(&mut rows, &self.plan, key, name);
        }
        rows
    }

    pub(super) fn settings(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        for key in SHOWN {
            self.add(&mut rows, &self.run, key, key);
        }
        let number = |key: &str| self.run.get(key).and_then(Value::as_u64);
        if let (Some(batch), Some(accumulation)) = (number("batch_size"), number("accumulation")) {
            let step = batch.saturating_mul(accumulation);
            rows.push(("rows of a step", step.to_string()));
        }
        rows
    }

    /// A pair, unless the value is none or that of something that is off.
    fn add(&self, rows: &mut Vec<Row>, from: &Map<String, Value>, key: &str, name: &'static str) {
        let is_of_adapter = ["rank", "alpha", "targets", "init", "dropout"].contains(&key);
        let is_idle = is_of_adapter && self.kind == CardKind::Model;
        let found = from.get(key);
        let found = found.filter(|value| !is_idle && !value.is_null() && **value != json!(false));
        rows.extend(found.map(|found| (name, value(found))));
    }

    pub(super) fn numbers(&self) -> Vec<Row> {
        let series = |key: &str| -> Vec<(u64, f64)> {
            let of = |row: &Map<String, Value>| {
                Some((row.get("step")?.as_u64()?, row.get(key)?.as_f64()?))
            };
            self.metrics.iter().filter_map(of).collect()
        };
        let ends = |all: &[(u64, f64)]| match (all.first(), all.last()) {
            (Some((_, first)), Some((_, last))) => Some(format!("{first:.4}, {last:.4}")),
            _ => None,
        };
        let (losses, held_out) = (series("loss"), series("eval_loss"));
        let lowest = held_out.iter().min_by(|a, b| a.1.total_cmp(&b.1));
        let lowest = lowest.map(|(step, loss)| format!("{loss:.4} after step {step}"));
        let rows = [
            ("training loss, first and last step", ends(&losses)),
            ("held-out loss, first and last", ends(&held_out)),
            ("held-out loss, lowest", lowest),
            ("forgetting, nats a token", self.forgot()),
        ];
        let known = rows.into_iter();
        known
            .filter_map(|(name, value)| Some((name, value?)))
            .collect()
    }

    fn forgot(&self) -> Option<String> {
        let rise = self.forgetting.get("rise")?;
        let number = |key: &str| rise[key].as_f64();
        let (mean, low, high) = (number("mean")?, number("low")?, number("high")?);
        let prompts = self.forgetting.get("prompts")?.as_u64()?;
        let prompts = counted(prompts, "prompt", "prompts");
        Some(format!(
            "{mean:.4} (95 % interval {low:.4} to {high:.4}, {prompts})"
        ))
    }
}

/// A file that is an object; empty where it is absent.
fn file(path: &Path) -> Result<Map<String, Value>, ReportError> {
    let found = text(path)?.map(|text| object(path, &text));
    Ok(found.transpose()?.unwrap_or_default())
}

/// Whether a base model is named as the Hub names it, and is no path of this machine.
pub(super) fn is_hub_name(name: &str) -> bool {
    let is_part = |part: &str| {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        !part.is_empty() && part.chars().all(allowed) && !part.starts_with('.')
    };
    let parts = name.split_once('/');
    parts.is_some_and(|(owner, rest)| is_part(owner) && is_part(rest))
        && !name.to_ascii_lowercase().ends_with(".gguf")
        && !Path::new(name).exists()
}

/// The licence that the card of a base model on this machine names.
pub(super) fn license_beside(base: &Path) -> Result<Option<String>, ReportError> {
    let card = text(&base.join("README.md"))?;
    Ok(card.and_then(|card| card_license(&card)))
}
