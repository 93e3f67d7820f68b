//! What the whole job found: the three models side by side, and what the distillation did to the data.

use std::path::PathBuf;

use idiolect_data::{Dataset, RunDir, write_json};
use idiolect_distill::{Check, DistillSummary, ResponseNll};
use idiolect_embed::{Embedder, cosine};
use idiolect_eval::{
    AnswerCheck, ComparedModel, ComparedRows, Comparison, ProjectionShift, compare,
};
use idiolect_lm::LanguageModel;
use idiolect_lora::LoraAdapter;
use serde::Serialize;

use crate::Error;

/// Texts that are embedded together.
const TEXTS: usize = 16;

/// What the whole job found; `outcome.json` holds it.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// Base model, plain and distilled adapter on the held-out rows.
    #[serde(flatten)]
    pub comparison: Comparison,
    /// What the distillation kept.
    pub summary: DistillSummary,
    /// Likelihood of the responses as they were, and as they were trained on.
    pub target_nll: [ResponseNll; 2],
    /// The run directory.
    #[serde(skip)]
    pub run_dir: PathBuf,
}

impl Outcome {
    /// Writes `outcome.json`, from which the report is made.
    pub(super) fn write(&self, run: &RunDir) -> Result<(), Error> {
        let written = Written {
            outcome: self,
            finding: self.finding(),
        };
        Ok(write_json(&run.outcome(), &written)?)
    }
}

/// What `outcome.json` holds.
#[derive(Serialize)]
struct Written<'a> {
    #[serde(flatten)]
    outcome: &'a Outcome,
    finding: Option<String>,
}

/// What is measured with.
pub(super) struct Measure<'a> {
    pub(super) check: Check,
    pub(super) embedder: Option<&'a Embedder>,
    pub(super) seed: u64,
}

impl Measure<'_> {
    /// Scores the answers of all models, the base model first.
    pub(super) fn compare(
        &self,
        eval: &Dataset,
        models: &mut [ComparedModel],
    ) -> Result<Comparison, Error> {
        if let Some(embedder) = self.embedder {
            embed(embedder, models)?;
        }
        let check: AnswerCheck<'_> = &|label, answer| self.check.is_right(label, answer);
        let rows = ComparedRows {
            rows: &eval.rows,
            check: (self.check != Check::Text).then_some(check),
            seed: self.seed,
        };
        Ok(compare(&rows, models)?)
    }
}

/// The likeness of every answer to the base model's.
fn embed(embedder: &Embedder, models: &mut [ComparedModel]) -> Result<(), Error> {
    let mut base = None;
    for model in models {
        let texts: Vec<&str> = model.answers.iter().map(|row| row.text.as_str()).collect();
        let own = embedder.embed(&texts, TEXTS)?;
        let base = base.get_or_insert_with(|| own.clone());
        let cosines = base.iter().zip(&own).map(|(a, b)| cosine(a, b));
        model.embedding = Some(cosines.collect());
    }
    Ok(())
}

/// How far an adapter moves every projection of its model.
pub(super) fn shifts(adapter: &LoraAdapter, model: &LanguageModel) -> Vec<ProjectionShift> {
    let shifts = idiolect_lora::adapter_shift(adapter, model.base_decoder());
    let one = |shift: &idiolect_lora::SiteShift| ProjectionShift {
        site: shift.site.to_string(),
        layer: shift.site.layer,
        norm: shift.norm,
        relative: shift.relative,
    };
    shifts.iter().map(one).collect()
}
