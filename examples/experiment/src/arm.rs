//! One run: train an adapter on its rows, and measure it.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use idiolect::finetune::{FineTuneSettings, OnPolicySettings};
use idiolect::lm::WeightedAdapter;
use idiolect::{FineTune, LanguageModel, LoraConfig, ModelSettings, OnPolicy, Quiet, TrainConfig};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::args::Args;
use crate::base::{Measures, Places};
use crate::design::{
    self, ALPHA, ANSWER_TOKENS, ARC, Arm, BATCH, DRAWN_TOKENS, EPOCHS, GREEDY, GREEDY_TOKENS,
    HELD_OUT, LONGEST, PROMPTS, RANK, RATE, REWRITE_TOKENS, REWRITTEN, ROWS, Run, SLOW,
};
use crate::error::ExperimentError;
use crate::record::Record;
use crate::rows::{Rows, Source};

/// The training code; another number starts every run anew.
const TRAINING: u32 = 1;

/// The base model with its rows and measures.
pub(crate) struct Lab<'a> {
    args: &'a Args,
    out: PathBuf,
    pub(crate) model: LanguageModel,
    pub(crate) rows: Rows,
    measures: Measures<'a>,
    key: String,
}

impl<'a> Lab<'a> {
    /// Opens the model, has it rewrite the rows, and measures it.
    pub(crate) fn open(args: &'a Args) -> Result<Self, ExperimentError> {
        let mut settings = ModelSettings::of(&args.model);
        settings.device.clone_from(&args.device);
        let model = LanguageModel::load(&settings, &Quiet)?;
        let out = args.out.join(format!("draw-{}", args.draw));
        std::fs::create_dir_all(&out).map_err(ExperimentError::io(&out))?;
        println!("rewriting {REWRITTEN} rows, or resuming that");
        let source = Source {
            model: &model,
            data: &args.data,
            out: &out,
            draw: args.draw,
            progress: &Quiet,
        };
        let rows = source.rows()?;
        println!(
            "{} rewrites of {} were kept and differ; {ROWS} rows train",
            rows.counts[1], rows.counts[0]
        );
        println!("measuring the base model");
        let places = Places {
            out: &out,
            tasks: args.tasks.as_deref(),
            embedder: args.embedder.as_deref(),
        };
        let measures = Measures::new(&model, &rows, &places, &Quiet)?;
        let key = key(args, &model)?;
        Ok(Self {
            args,
            out,
            model,
            rows,
            measures,
            key,
        })
    }

    /// What the runs' numbers are filed under.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    fn source(&self) -> Source<'_> {
        Source {
            model: &self.model,
            data: &self.args.data,
            out: &self.out,
            draw: self.args.draw,
            progress: &Quiet,
        }
    }

    /// Trains and measures a run.
    pub(crate) fn measure(&self, run: &Run) -> Result<Record, ExperimentError> {
        let began = Instant::now();
        let folder = format!("{:?}-{}-{}", run.arm, run.rows, run.seed).to_lowercase();
        let folder = self.out.join(folder);
        let set = self.source().of(&self.rows, run)?;
        let tuning = FineTune::new(&self.model, &set)
            .lora(LoraConfig {
                rank: RANK,
                alpha: ALPHA,
                ..LoraConfig::default()
            })
            .config(training(run))
            .settings(FineTuneSettings::default())
            .run_dir(&folder)
            .resume(true);
        let divergence = if run.arm == Arm::OnPolicy {
            taught(tuning)?;
            divergences(&folder.join("metrics.jsonl"))?
        } else {
            tuning.start()?;
            Vec::new()
        };
        let adapter = folder.join("adapter");
        let tuned = self.model.load_adapter(&adapter)?;
        let forgotten = self.measures.own.measure(&tuned, &Quiet)?;
        let measured = self.measures.of(&tuned, &folder.join("arc"))?;
        let shift = self.model.shift_of(&[WeightedAdapter::whole(&adapter)])?;
        let rises = forgotten.rows.iter().map(|row| rounded(row.per_token()));
        Ok(Record {
            key: self.key.clone(),
            run: *run,
            forgetting: rises.collect(),
            plain_text: rounded(forgotten.plain_text.rise.mean),
            learning: all_rounded(&measured.learning),
            bleu4: all_rounded(&measured.bleu4),
            rouge_l: all_rounded(&measured.rouge_l),
            cosine: all_rounded(&measured.cosine),
            knowledge: measured.knowledge,
            shift: rounded(shift.summary().relative_shift),
            divergence: all_rounded(&divergence),
            seconds: began.elapsed().as_secs_f64().round(),
        })
    }
}

/// Trains on policy, with the method's own settings.
fn taught(tuning: FineTune<'_>) -> Result<(), ExperimentError> {
    let usual = OnPolicySettings {
        max_new_tokens: DRAWN_TOKENS,
        ..OnPolicySettings::default()
    };
    OnPolicy::new(tuning)
        .generation(usual.generation())
        .start()?;
    Ok(())
}

/// What the steps of an on-policy run recorded as their divergence from the teacher.
fn divergences(metrics: &Path) -> Result<Vec<f64>, ExperimentError> {
    let text = std::fs::read_to_string(metrics).map_err(ExperimentError::io(metrics))?;
    let one = |(at, line): (usize, &str)| {
        let row = serde_json::from_str::<Value>(line);
        let row = row.map_err(|source| ExperimentError::Record {
            path: metrics.to_owned(),
            line: at + 1,
            source,
        });
        row.map(|row| row.get("divergence").and_then(Value::as_f64))
    };
    let rows = text.lines().enumerate();
    rows.filter_map(|row| one(row).transpose()).collect()
}

fn training(run: &Run) -> TrainConfig {
    let share = if run.arm == Arm::PlainSlow { SLOW } else { 1.0 };
    TrainConfig {
        epochs: if run.arm == Arm::OnPolicy { 1 } else { EPOCHS },
        batch_size: 2,
        accumulation: BATCH / 2,
        learning_rate: RATE * share,
        seed: run.seed,
        ..TrainConfig::default()
    }
}

/// A hash of everything that two runs must share to be compared.
fn key(args: &Args, model: &LanguageModel) -> Result<String, ExperimentError> {
    let data = std::fs::read(&args.data).map_err(ExperimentError::io(&args.data))?;
    let about = json!({
        "model": model.model_hash()?, "dtype": format!("{:?}", model.dtype()), "draw": args.draw,
        "data": hex(&Sha256::digest(&data)), "training": TRAINING,
        "rewritten": [REWRITTEN, REWRITE_TOKENS, LONGEST], "rows": ROWS, "held_out": HELD_OUT,
        "forgetting": [PROMPTS, ANSWER_TOKENS], "greedy": [GREEDY, GREEDY_TOKENS], "arc": ARC,
        "adapter": [RANK, EPOCHS, BATCH], "rates": [ALPHA, RATE, SLOW], "seeds": design::SEEDS,
    });
    let mut hash = hex(&Sha256::digest(about.to_string()));
    hash.truncate(16);
    Ok(hash)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn all_rounded(values: &[f64]) -> Vec<f64> {
    values.iter().map(|value| rounded(*value)).collect()
}

/// To the millionth.
fn rounded(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}
