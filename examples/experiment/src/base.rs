//! What the base model says before any training: what the arms are held against.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use idiolect::embed::Embedder;
use idiolect::eval::{EvalRun, EvalSettings, EvaluatedModel, evaluate};
use idiolect::forgetting::{BaseAnswers, ForgettingPlace, ForgettingSettings, questions};
use idiolect::generate::GenerationSettings;
use idiolect::lm::{GenerateRun, ModelPrompt};
use idiolect::tokens::TokenRow;
use idiolect::{LanguageModel, Progress};
use serde::Deserialize;

use crate::design::{ANSWER_TOKENS, ARC, GREEDY, GREEDY_TOKENS, PROMPTS};
use crate::error::ExperimentError;
use crate::rows::Rows;

/// Rows that are computed together.
const GROUP: usize = 8;

/// What the evaluation leaves of an item.
#[derive(Deserialize)]
struct ChoiceRow {
    /// 1 where the likeliest choice by its length is the right one.
    acc_norm: f64,
}

/// The measures, with the base model's values.
pub(crate) struct Measures<'a> {
    pub(crate) progress: &'a dyn Progress,
    pub(crate) own: BaseAnswers,
    held_out: Vec<TokenRow>,
    held_out_nll: Vec<f64>,
    prompts: Vec<ModelPrompt>,
    greedy: Vec<String>,
    embedder: Option<(Embedder, Vec<Vec<f32>>)>,
    arc: Option<(PathBuf, Vec<f64>)>,
}

/// What a tuned model gives, item by item.
pub(crate) struct Measured {
    pub(crate) learning: Vec<f64>,
    pub(crate) bleu4: Vec<f64>,
    pub(crate) rouge_l: Vec<f64>,
    pub(crate) cosine: Vec<f64>,
    pub(crate) knowledge: Vec<f64>,
}

/// Where measures come from.
pub(crate) struct Places<'a> {
    pub(crate) out: &'a Path,
    pub(crate) tasks: Option<&'a Path>,
    pub(crate) embedder: Option<&'a Path>,
}

impl<'a> Measures<'a> {
    /// Measures the base model.
    pub(crate) fn new(
        model: &LanguageModel,
        rows: &Rows,
        places: &Places<'_>,
        progress: &'a dyn Progress,
    ) -> Result<Self, ExperimentError> {
        let settings = ForgettingSettings {
            forgetting: Some(PROMPTS),
            forgetting_tokens: ANSWER_TOKENS,
            ..ForgettingSettings::default()
        };
        let place = ForgettingPlace {
            journal: Some(places.out.join("own.jsonl")),
            ..ForgettingPlace::user_cache()
        };
        let own = BaseAnswers::draw(model, &settings, &place, progress)?;
        let row =
            |row: &idiolect::data::Row| model.example_row(row.example.id.clone(), &row.example);
        let held_out: Vec<TokenRow> = rows.held_out.iter().map(row).collect::<Result<_, _>>()?;
        // Behind those of the forgetting measure, so that no prompt serves twice.
        let prompts = questions()?.into_iter().rev().take(GREEDY);
        let prompts: Vec<ModelPrompt> = prompts.map(|row| row.prompt).collect();
        let greedy = greedy(model, &prompts)?;
        let embedder = places
            .embedder
            .map(|folder| Embedder::load(folder, &model.device()));
        let embedder = embedder.transpose()?;
        let embedder = embedder.map(|embedder| {
            let vectors = vectors(&embedder, &greedy)?;
            Ok::<_, ExperimentError>((embedder, vectors))
        });
        let mut measures = Self {
            progress,
            own,
            held_out_nll: nll(model, &held_out, progress)?,
            held_out,
            prompts,
            greedy,
            embedder: embedder.transpose()?,
            arc: None,
        };
        if let Some(tasks) = places.tasks {
            let right = measures.right(model, tasks, &places.out.join("arc-base"))?;
            measures.arc = Some((tasks.to_owned(), right));
        }
        Ok(measures)
    }

    /// Measures a tuned model; what ARC leaves lies in a folder.
    pub(crate) fn of(
        &self,
        tuned: &LanguageModel,
        out: &Path,
    ) -> Result<Measured, ExperimentError> {
        let after = nll(tuned, &self.held_out, self.progress)?;
        let fall = self.held_out_nll.iter().zip(&after);
        let answers = greedy(tuned, &self.prompts)?;
        let pairs: Vec<(&str, &str)> = self
            .greedy
            .iter()
            .zip(&answers)
            .map(|(base, tuned)| (base.as_str(), tuned.as_str()))
            .collect();
        let likeness = |of: fn(&str, &str) -> f64| pairs.iter().map(|(a, b)| of(a, b)).collect();
        let cosine = self.embedder.as_ref().map(|(embedder, base)| {
            let tuned = vectors(embedder, &answers)?;
            let pairs = base.iter().zip(&tuned);
            Ok::<_, ExperimentError>(pairs.map(|(a, b)| idiolect::embed::cosine(a, b)).collect())
        });
        let knowledge = self.arc.as_ref().map(|(tasks, base)| {
            let right = self.right(tuned, tasks, out)?;
            let pairs = right.iter().zip(base);
            Ok::<_, ExperimentError>(pairs.map(|(after, before)| after - before).collect())
        });
        Ok(Measured {
            learning: fall.map(|(before, after)| before - after).collect(),
            bleu4: likeness(idiolect::metrics::bleu4),
            rouge_l: likeness(idiolect::metrics::rouge_l),
            cosine: cosine.transpose()?.unwrap_or_default(),
            knowledge: knowledge.transpose()?.unwrap_or_default(),
        })
    }

    /// Which items of ARC-Challenge a model answers right.
    fn right(
        &self,
        model: &LanguageModel,
        tasks: &Path,
        out: &Path,
    ) -> Result<Vec<f64>, ExperimentError> {
        let settings = EvalSettings {
            task: "arc_challenge".into(),
            data: tasks.to_owned(),
            limit: Some(ARC),
            ..EvalSettings::default()
        };
        let about = EvaluatedModel {
            name: model.name().to_owned(),
            model_hash: model.model_hash()?,
            adapter_hash: model.adapter_hash()?,
            template: None,
            dtype: format!("{:?}", model.dtype()),
        };
        let run = EvalRun {
            model: &about,
            judge: None,
            progress: self.progress,
            out,
        };
        let mut writer = model.writer(&GenerationSettings::default())?;
        evaluate(&settings, &mut writer, run)?;
        let path = out.join("rows.jsonl");
        let text = std::fs::read_to_string(&path).map_err(ExperimentError::io(&path))?;
        let right = |(at, line): (usize, &str)| {
            let row: ChoiceRow =
                serde_json::from_str(line).map_err(|source| ExperimentError::Record {
                    path: path.clone(),
                    line: at + 1,
                    source,
                })?;
            Ok(row.acc_norm)
        };
        text.lines().enumerate().map(right).collect()
    }
}

/// Nats per token of rows.
fn nll(
    model: &LanguageModel,
    rows: &[TokenRow],
    progress: &dyn Progress,
) -> Result<Vec<f64>, ExperimentError> {
    let scored = model.score(rows, GROUP, progress)?.into_iter();
    Ok(scored
        .map(|row| row.nll / row.tokens.max(1) as f64)
        .collect())
}

fn greedy(model: &LanguageModel, prompts: &[ModelPrompt]) -> Result<Vec<String>, ExperimentError> {
    let settings = GenerationSettings {
        max_new_tokens: GREEDY_TOKENS,
        generation_batch_size: GROUP,
        ..GenerationSettings::default()
    };
    let run = GenerateRun {
        seed: 1,
        ignore_eos: false,
    };
    let texts = model.generate(prompts, &settings, run, &mut |_| ControlFlow::Continue(()))?;
    Ok(texts.into_iter().map(|text| text.text).collect())
}

fn vectors(embedder: &Embedder, texts: &[String]) -> Result<Vec<Vec<f32>>, ExperimentError> {
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    Ok(embedder.embed(&texts, GROUP)?)
}
