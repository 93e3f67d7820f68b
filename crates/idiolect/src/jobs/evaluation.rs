//! A model on a task, with a judge where the task has one; and the likeness of pairs of texts.

use std::path::Path;

use idiolect_completion::{BoxError, Progress, Writer, earlier_costs, sum_costs};
use idiolect_data::settings::RecordedRun;
use idiolect_data::{RunDir, write_json};
use idiolect_embed::{Embedder, cosine};
use idiolect_eval::{
    EvalRun, EvaluatedModel, Evaluation, JudgeOpener, JudgeSettings, RowScores, ScoredRow,
    TaskTable,
};
use idiolect_forgetting::{BaseAnswers, ForgettingPlace};
use idiolect_generate::GenerationSettings;
use idiolect_lm::{LanguageModel, LocalWriter, ModelSettings, device, on_threads};
use serde_json::{Value, json};

use super::writers::{AnyWriter, Writers};
use crate::Error;
use crate::settings::EvalJob;

/// Texts that are embedded together.
const TEXTS: usize = 16;

/// Measures a model on a task and leaves journal, rows and summary in the job's folder; the summary. Several tasks
/// have a folder each in it, and the summary is the table of their scores.
///
/// # Errors
///
/// [`Error::Eval`] for the tasks, their files, the journals and a judge; [`Error::Lm`] for the model;
/// [`Error::Setting`] without a folder.
pub fn evaluate(job: &EvalJob, progress: &dyn Progress) -> Result<Value, Error> {
    let out = job.out.as_deref();
    let out = out.ok_or_else(|| Error::setting("out", "a folder", "nothing"))?;
    on_threads(job.model.threads, || {
        let all = Evaluation::each(&job.eval)?;
        job.server.check()?;
        let model = LanguageModel::load(&job.model, progress)?;
        let model = model.load_optional_adapter(job.eval.adapter.as_deref())?;
        check_forgetting(job)?;
        let about = about(&model, job)?;
        let recorded = RecordedRun::begin(&RunDir::from(out), job, &job.model.device)?;
        let generation = GenerationSettings {
            generation_batch_size: job.eval.batch_size,
            ..GenerationSettings::default()
        };
        let mut writer = model.writer(&generation)?.reasoning(job.eval.reasoning);
        let mut summaries = Vec::new();
        for one in &all {
            let out = &one.folder(out, all.len());
            summaries.push(measured(job, one, &about, &mut writer, (out, progress))?);
        }
        if let Some(remark) = writer.scored_tokens().remark() {
            progress.note(&remark);
        }
        writer.tell_to(progress);
        let table = TaskTable::new(&all, &summaries);
        progress.note(table.to_string().trim_end());
        let mut summary = match summaries.as_slice() {
            [one] => one.clone(),
            _ => table.write(out)?,
        };
        if let Some(found) = forgetting(job, &model, &RunDir::from(out), progress)? {
            summary["forgetting"] = found;
            write_json(&RunDir::from(out).summary(), &summary)?;
        }
        recorded.end()?;
        Ok(summary)
    })
}

/// One task, and what its judge cost.
fn measured(
    job: &EvalJob,
    evaluation: &Evaluation,
    model: &EvaluatedModel,
    writer: &mut LocalWriter<'_>,
    (out, progress): (&Path, &dyn Progress),
) -> Result<Value, Error> {
    let mut judges = Judges {
        job,
        progress,
        open: None,
    };
    let judge: &mut dyn JudgeOpener = &mut judges;
    let judge = evaluation.is_judged().then_some(judge);
    let run = EvalRun {
        model,
        judge,
        progress,
        out,
    };
    let file = RunDir::from(out).summary();
    let before = earlier_costs(&file, &["judge", "spent"])?;
    let summary = evaluation.run(writer, run);
    if let Some(judge) = &judges.open {
        judge.tell();
    }
    let mut summary = summary?;
    let now = judges.open.as_ref().and_then(AnyWriter::spent);
    if let Some(spent) = sum_costs(&before, now).filter(|_| summary["judge"].is_object()) {
        summary["judge"]["spent"] = spent;
        write_json(&file, &summary)?;
    }
    Ok(summary)
}

/// Forgetting is that of an adapter: a model alone has nothing to be held against.
fn check_forgetting(job: &EvalJob) -> Result<(), Error> {
    job.forgetting.check(0)?;
    if job.forgetting.prompts(0) > 0 && job.eval.adapter.is_none() {
        return Err(Error::setting("forgetting", "an adapter beside it", "none"));
    }
    Ok(())
}

/// What the adapter has made the model forget, without its single answers, which `forgetting.json` has.
fn forgetting(
    job: &EvalJob,
    tuned: &LanguageModel,
    run: &RunDir,
    progress: &dyn Progress,
) -> Result<Option<Value>, Error> {
    if job.forgetting.prompts(0) == 0 {
        return Ok(None);
    }
    let place = ForgettingPlace::of_run(run);
    let base = BaseAnswers::draw(tuned, &job.forgetting, &place, progress)?;
    let found = base.measure(tuned, progress)?;
    found.write(&run.forgetting())?;
    job.forgetting.hold(found.rise.mean)?;
    Ok(Some(json!({
        "prompts": found.prompts, "tokens": found.tokens, "rise": found.rise,
        "rise_by_tokens": found.rise_by_tokens, "plain_text": found.plain_text,
    })))
}

fn about(model: &LanguageModel, job: &EvalJob) -> Result<EvaluatedModel, Error> {
    Ok(EvaluatedModel {
        name: model.name().to_owned(),
        model_hash: model.model_hash()?,
        adapter_hash: model.adapter_hash()?,
        template: job.model.template.clone(),
        dtype: format!("{:?}", model.dtype()),
    })
}

/// Opens the judge of a job, where the model computes or at a server.
struct Judges<'a> {
    job: &'a EvalJob,
    progress: &'a dyn Progress,
    open: Option<AnyWriter<'a>>,
}

impl JudgeOpener for Judges<'_> {
    fn open(&mut self, asked: &JudgeSettings) -> Result<&mut dyn Writer, BoxError> {
        let address = asked.address.as_ref().ok_or("no judge is named")?;
        let writers = Writers {
            model: ModelSettings {
                template: None,
                ..self.job.model.clone()
            },
            server: self.job.server.clone(),
            generation: GenerationSettings {
                max_new_tokens: asked.max_new_tokens,
                generation_batch_size: asked.batch_size,
                ..GenerationSettings::default()
            },
            reasoning: self.job.eval.reasoning,
            seed: asked.seed,
            stage: "judge",
            progress: self.progress,
        };
        Ok(self.open.insert(writers.open(address, None)?))
    }
}

/// The likeness of the two texts of each row, by the sentence encoder that the model settings name.
///
/// # Errors
///
/// [`Error::Setting`] without an encoder's folder; [`Error::Eval`] names the row and field that is no text;
/// [`Error::Embed`].
pub fn embedding_scores(
    encoder: &ModelSettings,
    rows: &[ScoredRow],
) -> Result<Vec<RowScores>, Error> {
    if encoder.model.is_empty() {
        return Err(Error::setting("model", "a MiniLM folder", "nothing"));
    }
    on_threads(encoder.threads, || {
        let mut texts = Vec::new();
        for row in rows {
            texts.extend([row.text("reference")?, row.text("hypothesis")?]);
        }
        let device = device::device(&encoder.device)?;
        let embedder = Embedder::load(Path::new(&encoder.model), &device)?;
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let found = embedder.embed(&texts, TEXTS)?;
        let pair = |pair: &[Vec<f32>]| {
            RowScores::from_iter([("cosine".to_string(), cosine(&pair[0], &pair[1]).into())])
        };
        Ok(found.chunks_exact(2).map(pair).collect())
    })
}
