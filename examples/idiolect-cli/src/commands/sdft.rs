//! `idiolect sdft`: the whole job in one run directory.
//!
//! Distil the data set, train one adapter on the original responses and one on the distilled ones, answer
//! held-out rows with the seed model and both, and compare. Every stage keeps what it has done: the same
//! command goes on where it was killed.

use std::path::{Path, PathBuf};

use clap::Args;
use idiolect::data::{DataSet, Row};
use idiolect::lora::LoraAdapter;
use serde::{Deserialize, Serialize};

use super::distill;
use crate::answering::{Answered, answer};
use crate::args;
use crate::continuing::Generation;
use crate::error::CliError;
use crate::keys::{DataKeys, DistillKeys, ModelKeys, SamplingKeys, TrainKeys};
use crate::opened::Opened;
use crate::outcome::{Outcome, Side, target_nll};
use crate::progress::say;
use crate::training::{self, Run};
use crate::{dataset, settings};

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
    fn distill(&self) -> distill::Keys {
        distill::Keys {
            model: self.model.clone(),
            adapter: None,
            data: self.data.clone(),
            distill: self.distill.clone(),
            sampling: self.sampling.clone(),
            seed: self.seed,
            out: self.out.clone(),
        }
    }

    fn seed(&self) -> u64 {
        self.seed.unwrap_or(42)
    }
}

/// The example of the README, beside flags that were given: sizes that two cores end within minutes.
fn demo(flags: &Keys) -> Result<Keys, CliError> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let data = root.join("examples/data/openfunctions");
    let model = root.join("models/SmolLM2-135M-Instruct.Q4_1.gguf");
    let text = |path: PathBuf| path.display().to_string();
    let demo = Keys {
        model: ModelKeys {
            model: Some(text(model)),
            ..ModelKeys::default()
        },
        data: DataKeys {
            data: vec![data.join("train.json")],
            ..DataKeys::default()
        },
        eval_data: Some(data.join("test.json")),
        distill: DistillKeys {
            preset: Some("refer".into()),
            check: Some("call".into()),
            mix_ratio: None,
        },
        sampling: SamplingKeys {
            max_new_tokens: Some(96),
            ..SamplingKeys::default()
        },
        train: TrainKeys {
            learning_rate: Some(1e-3),
            ..TrainKeys::default()
        },
        seed: Some(42),
        out: Some(root.join("runs/demo")),
        eval_sample: None,
    };
    let path = std::env::temp_dir().join(format!("idiolect-demo-{}.toml", std::process::id()));
    settings::write(&demo, &path)?;
    let resolved = settings::resolve(flags, Some(&path));
    let _ = std::fs::remove_file(&path);
    resolved
}

/// Runs the command.
///
/// # Errors
///
/// Every [`CliError`] of the stages.
pub fn run(args: &args::Sdft) -> Result<(), CliError> {
    let keys = match args.demo {
        true => demo(&args.keys)?,
        false => settings::resolve(&args.keys, args.config.as_deref())?,
    };
    let missing = |name: &str, what: &str| CliError::setting(name, what, "nothing");
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
    let eval = held_out(&keys, eval)?;
    let opened = Opened::new(&keys.model, None, keys.data.template.as_deref())?;
    claim(out, &keys)?;
    let mut job = Job {
        keys: &keys,
        opened,
        out,
    };
    let outcome = job.run(&set, &eval)?;
    outcome.write(&out.join("report"))?;
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

struct Job<'a> {
    keys: &'a Keys,
    opened: Opened,
    out: &'a Path,
}

impl Job<'_> {
    fn run(&mut self, set: &DataSet, eval: &DataSet) -> Result<Outcome, CliError> {
        say("1/4 rewriting the responses");
        let place = self.out.join("distill");
        let distilled = distill::rewrite(&self.keys.distill(), &self.opened, set, &place)?;
        say("2/4 how likely the seed model finds the responses, before and after");
        let nll_before = target_nll(&self.opened, &set.rows)?;
        let nll_after = target_nll(&self.opened, &distilled.set.rows)?;
        let seed = self.answers("seed", eval)?;
        say("3/4 training on the original responses");
        let plain = self.side("plain", &set.rows, eval)?;
        say("4/4 training on the rewritten responses");
        let distilled_side = self.side("distilled", &distilled.set.rows, eval)?;
        let check = distill::check(&self.keys.distill)?;
        let summary = distilled.summary;
        let seed = Side {
            answers: seed,
            shift: None,
            last_loss: None,
        };
        Outcome::new(
            eval,
            check,
            [seed, plain, distilled_side],
            summary,
            [nll_before, nll_after],
        )
    }

    /// Trains on `rows` and answers the held-out rows with the adapter.
    fn side(&mut self, name: &str, rows: &[Row], eval: &DataSet) -> Result<Side, CliError> {
        let out = self.out.join(name);
        let (adapter, last_loss) = self.trained(&out, rows)?;
        let shift = idiolect::lora::shift(&adapter, &self.opened.decoder);
        self.opened.adapter = Some(adapter);
        let answers = self.answers(name, eval);
        self.opened.adapter = None;
        Ok(Side {
            answers: answers?,
            shift: Some(shift),
            last_loss,
        })
    }

    /// The finished adapter of a folder, or one trained now.
    fn trained(&self, out: &Path, rows: &[Row]) -> Result<(LoraAdapter, Option<f64>), CliError> {
        let (keys, opened) = (self.keys, &self.opened);
        let ready = out.join("adapter");
        if ready.join("adapter_config.json").is_file() {
            let device = opened.decoder.device();
            let adapter = idiolect::lora::load(&ready, &opened.decoder.config, &device)?;
            return Ok((adapter, last_loss(&out.join("metrics.jsonl"))));
        }
        let config = training::config(&keys.train, keys.seed())?;
        let prepared = training::prepare(opened, rows, &keys.train, keys.seed())?;
        let start = training::adapter(&keys.train, opened, keys.seed())?;
        let cancel = training::stop_flag();
        let run = Run {
            opened,
            config: &config,
            prepared: &prepared,
            checkpoint_blocks: keys.train.checkpoint_blocks.as_deref(),
            out,
            resume: true,
            cancel: &cancel,
        };
        let (adapter, _) = training::train(&run, start).map_err(|error| match error {
            CliError::Stopped { what, .. } => CliError::Stopped {
                what,
                again: "nothing more",
            },
            other => other,
        })?;
        Ok((adapter, last_loss(&out.join("metrics.jsonl"))))
    }

    fn answers(&self, name: &str, eval: &DataSet) -> Result<Vec<Answered>, CliError> {
        let generation = Generation::new(&self.keys.sampling, &self.opened, self.keys.seed());
        let journal = self.out.join("journal").join(format!("{name}.jsonl"));
        dataset::folder_of(&journal)?;
        answer(&self.opened, &eval.rows, &generation, &journal)
    }
}

/// The loss of the last step in a metrics file.
fn last_loss(path: &Path) -> Option<f64> {
    let text = std::fs::read_to_string(path).ok()?;
    let rows = text
        .lines()
        .rev()
        .filter_map(|line| serde_json::from_str(line).ok());
    rows.filter_map(|row: serde_json::Value| row["loss"].as_f64())
        .next()
}
