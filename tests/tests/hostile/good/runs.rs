//! Runs of a few steps and of a few texts, and what a page about one reads.

use std::path::Path;

use idiolect::completion::{
    AnswerRow, Completion, CompletionError, CompletionJournal, CompletionRequest, JournalRun,
    Prompt, WriterFn, WriterIdentity,
};
use idiolect::eval::{AnswerRun, ComparedModel, ComparedRows, answers, compare};
use idiolect::finetune::{FineTuned, LazyRows, TrainingData};
use idiolect::generate::GenerationSettings;
use idiolect::{BoxError, Dataset, FineTune, LanguageModel, LoraConfig, SelfDistill, TrainConfig};
use serde_json::{Value, json};

use super::Good;

impl Good {
    /// Runs of four steps with their checkpoints and adapters, a distillation, a journal, and the files of a page.
    pub(super) fn runs(&self) {
        tune(self.root(), false).unwrap();
        tune_lazily(self.root(), false).unwrap();
        let adapter = self.path("run/adapter");
        assert!(adapter.join("adapter_config.json").is_file());
        distil(self.root()).unwrap();
        answer(&self.path("answers.jsonl")).unwrap();
        let side_by_side = self.path("distill/side_by_side.jsonl");
        std::fs::copy(side_by_side, self.path("run/side_by_side.jsonl")).unwrap();
        self.json("run/outcome.json", &self.outcome());
        let rise = json!({"mean": 0.25, "low": 0.125, "high": 0.5});
        let row = json!({"id": "a", "tokens": 4, "before": 1.0, "after": 2.0});
        let plain = json!({"texts": 1, "tokens": 9, "before": 2.0, "after": 2.5, "rise": rise});
        let forgetting = json!({"prompts": 1, "left_out": 0, "tokens": 4, "rise": rise, "rise_by_tokens": rise,
            "plain_text": plain, "rows": [row]});
        self.json("run/forgetting.json", &forgetting);
        let mean = json!({"mean": 0.5, "low": 0.25, "high": 0.75});
        let summary =
            json!({"task": "sums", "items": 3, "interval": 0.95, "scores": {"exact_match": mean}});
        self.json("run/eval/sums/summary.json", &summary);
    }

    /// Two models side by side.
    fn outcome(&self) -> Value {
        let data = Dataset::open(self.path("rows.jsonl")).unwrap();
        let models = ["seed", "plain"].map(|name| {
            let run = AnswerRun {
                rows: &data.rows,
                seed: &|_| 1,
                prompt_sha256: None,
                journal: &self.path(&format!("{name}.jsonl")),
            };
            let identity = WriterIdentity::named(name);
            let mut writer = WriterFn::new(identity, |request: &CompletionRequest| {
                Ok(Completion::new(request.id.clone(), format!("{name} it is")))
            });
            ComparedModel {
                model: name.into(),
                answers: answers(&run, &mut writer).unwrap(),
                ..ComparedModel::default()
            }
        });
        let rows = ComparedRows {
            rows: &data.rows,
            check: None,
            seed: 1,
        };
        json!(compare(&rows, &models).unwrap())
    }
}

fn open(root: &Path) -> Result<LanguageModel, BoxError> {
    let folder = root.join("model").display().to_string();
    Ok(LanguageModel::open(&folder)?)
}

/// The run of the folder, begun or resumed.
pub(crate) fn tune(root: &Path, resume: bool) -> Result<FineTuned, BoxError> {
    let data = Dataset::open(root.join("rows.jsonl"))?;
    trained(root, &data, "run", resume)
}

/// The same of rows that are read as they are needed, whose tokens are kept in a file.
pub(crate) fn tune_lazily(root: &Path, resume: bool) -> Result<FineTuned, BoxError> {
    let data = LazyRows::open(&root.join("rows.jsonl"))?;
    trained(root, data, "lazy", resume)
}

fn trained<'a>(
    root: &Path,
    data: impl Into<TrainingData<'a>>,
    run: &str,
    resume: bool,
) -> Result<FineTuned, BoxError> {
    let config = TrainConfig {
        epochs: 1,
        batch_size: 2,
        accumulation: 1,
        checkpoint_every: 2,
        ..TrainConfig::default()
    };
    let lora = LoraConfig {
        rank: 2,
        ..LoraConfig::default()
    };
    let job = FineTune::new(&open(root)?, data).lora(lora).config(config);
    Ok(job.run_dir(root.join(run)).resume(resume).start()?)
}

/// The rows with the model's own words, written or gone on with.
pub(crate) fn distil(root: &Path) -> Result<Dataset, BoxError> {
    let (model, data) = (open(root)?, Dataset::open(root.join("rows.jsonl"))?);
    let generation = GenerationSettings {
        max_new_tokens: 4,
        ..GenerationSettings::default()
    };
    let job = SelfDistill::new(&model, &data).generation(generation);
    Ok(job.run_dir(root.join("distill")).start()?.data)
}

/// Four answers of a writer that needs no model, in a journal.
pub(crate) fn answer(path: &Path) -> Result<Vec<AnswerRow>, BoxError> {
    let identity = WriterIdentity::named("echo");
    let mut writer = WriterFn::new(identity.clone(), |request: &CompletionRequest| {
        Ok(Completion::new(
            request.id.clone(),
            format!("answer {:?}", request.id),
        ))
    });
    let requests: Vec<CompletionRequest> = (0..4u64)
        .map(|at| CompletionRequest::new(at.into(), Prompt::Text(format!("question {at}")), 1))
        .collect();
    let run = JournalRun::of("answers", identity, &requests);
    let mut journal = CompletionJournal::<AnswerRow>::open(path, run)?;
    let row = &mut |made, completion| Ok::<_, CompletionError>(AnswerRow::new(made, completion));
    Ok(journal.finish(requests, &mut writer, row)?)
}
