//! A scripted model, the settings of its evaluations, and a judge that is opened once.

use std::fs;
use std::path::Path;

use idiolect_completion::{
    BoxError, Completion, CompletionRequest, Likelihood, LikelihoodRequest, Prompt, Quiet, Scorer,
    Writer, WriterFn, WriterIdentity,
};
use idiolect_eval::{
    EvalError, EvalRun, EvalSettings, EvaluatedModel, JudgeOpener, JudgeSettings, evaluate,
};
use serde_json::Value;

/// Writes what stands in the request, and likes the first choice.
pub(crate) struct Model;

impl Writer for Model {
    fn identity(&self) -> WriterIdentity {
        WriterIdentity::named("model")
    }

    fn complete(
        &mut self,
        requests: &[CompletionRequest],
        on_done: &mut dyn FnMut(Completion) -> Result<(), BoxError>,
    ) -> Result<(), BoxError> {
        for request in requests.iter().filter(|request| !request.done) {
            let text = match &request.prompt {
                Prompt::Chat(turns) => turns.last().unwrap().content.clone(),
                // One seed in two completes the program.
                _ if request.seed % 2 == 0 => "1".to_owned(),
                _ => "0".to_owned(),
            };
            let most = request.overrides.max_new_tokens.unwrap();
            on_done(Completion::new(
                request.id.clone(),
                text.chars().take(most).collect::<String>(),
            ))?;
        }
        Ok(())
    }
}

impl Scorer for Model {
    fn likelihoods(
        &mut self,
        questions: &[&[LikelihoodRequest]],
    ) -> Result<Vec<Vec<Likelihood>>, BoxError> {
        let values = |all: &&[LikelihoodRequest]| {
            let value = |at: usize| Likelihood {
                log_likelihood: -0.5 - at as f64,
                greedy: at == 0,
            };
            (0..all.len()).map(value).collect()
        };
        Ok(questions.iter().map(values).collect())
    }
}

/// A judge that is opened when it is wanted.
#[derive(Default)]
pub(crate) struct Opener {
    pub(crate) wanted: Option<JudgeSettings>,
    pub(crate) judge: Option<Box<dyn Writer>>,
}

impl JudgeOpener for Opener {
    fn open(&mut self, settings: &JudgeSettings) -> Result<&mut dyn Writer, BoxError> {
        self.wanted = Some(settings.clone());
        let judge = WriterFn::new(WriterIdentity::named("j"), |request: &CompletionRequest| {
            let Prompt::Chat(turns) = &request.prompt else {
                return Err("a chat".into());
            };
            let text = match &turns.last().unwrap().content {
                text if text.contains("Assistant A's Answer|>\nbase") => "[[B>>A]]",
                text if text.contains("Assistant B's Answer|>\nbase") => "[[A=B]]",
                text if text.contains("q1") => "none",
                _ => "[[8]]",
            };
            Ok(Completion::new(request.id.clone(), text))
        });
        let judge = self.judge.insert(Box::new(judge));
        Ok(judge.as_mut())
    }
}

pub(crate) fn identity() -> EvaluatedModel {
    EvaluatedModel {
        name: "tiny".into(),
        model_hash: "abc".into(),
        adapter_hash: None,
        template: None,
        dtype: "F32".into(),
    }
}

pub(crate) fn ask(
    settings: &EvalSettings,
    out: &Path,
    judge: Option<&mut dyn JudgeOpener>,
) -> Result<Value, EvalError> {
    let model = identity();
    let run = EvalRun {
        model: &model,
        judge,
        progress: &Quiet,
        out,
    };
    evaluate(settings, &mut Model, run)
}

pub(crate) fn settings(task: &str, data: &Path) -> EvalSettings {
    EvalSettings {
        task: task.into(),
        data: data.into(),
        ..EvalSettings::default()
    }
}

pub(crate) fn data(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

pub(crate) const SUMS: &str = r#"[{"instruction": "3", "output": "It is 3"}, {"instruction": "4", "output": "It is 5"}, {"instruction": "6", "output": "6"}]"#;
