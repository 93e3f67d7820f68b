//! A model that tells how it was asked, the questions of MT-bench, and where the recorded data lie.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test file uses a part of it"
)]

use std::fs;
use std::path::{Path, PathBuf};

use idiolect_completion::{
    BoxError, Completion, CompletionRequest, FinishReason, Likelihood, LikelihoodRequest, Prompt,
    Scorer, Writer, WriterIdentity,
};
use idiolect_eval::AnswerSettings;
use idiolect_metrics::interval::Draws;
use serde_json::{Value, json};

/// Few, for means that are looked at and intervals that are not.
pub(crate) const DRAWS: Draws = Draws {
    samples: 200,
    level: 0.95,
    seed: 1,
};
/// All items, three at a time.
pub(crate) const SETTINGS: AnswerSettings = AnswerSettings {
    limit: None,
    batch_size: 3,
    max_new_tokens: None,
};

/// A text as a completion of a request.
pub(crate) fn completion(request: &CompletionRequest, text: impl Into<String>) -> Completion {
    Completion {
        id: request.id.clone(),
        text: text.into(),
        token_count: 1,
        token_ids: None,
        passes: None,
        logprobs: None,
        finish_reason: FinishReason::Stop,
    }
}

/// Says how it was asked: the number of turns, and the seed where it draws.
pub(crate) struct Teller(pub(crate) usize);

impl Writer for Teller {
    fn identity(&self) -> WriterIdentity {
        WriterIdentity::named("teller")
    }

    fn complete(
        &mut self,
        requests: &[CompletionRequest],
        on_done: &mut dyn FnMut(Completion) -> Result<(), BoxError>,
    ) -> Result<(), BoxError> {
        self.0 = self.0.checked_sub(1).ok_or("spent")?;
        for request in requests.iter().filter(|request| !request.done) {
            let text = match &request.prompt {
                Prompt::Chat(turns) => format!(
                    " {} after {}: {}\n",
                    turns.last().unwrap().content,
                    turns.len(),
                    request.seed
                ),
                Prompt::Text(text) => text.clone(),
                _ => return Err("no task renders".into()),
            };
            on_done(completion(request, text))?;
        }
        Ok(())
    }
}

impl Scorer for Teller {
    fn likelihoods(
        &mut self,
        _: &[&[LikelihoodRequest]],
    ) -> Result<Vec<Vec<Likelihood>>, BoxError> {
        Err("it only writes".into())
    }
}

/// Six questions of three kinds, with references for those of mathematics, and the judge's four prompts.
pub(crate) fn mt_bench(folder: &Path) {
    let folder = folder.join("mtbench");
    fs::create_dir_all(&folder).unwrap();
    let lines = |name: &str, rows: Vec<Value>| {
        let text: Vec<String> = rows.iter().map(Value::to_string).collect();
        fs::write(folder.join(name), text.join("\n")).unwrap();
    };
    let kinds = ["writing", "math", "stem"];
    let rows = (0..6).map(|i| json!({"question_id": 81 + i, "category": kinds[i % 3], "turns": [format!("q{i}"), format!("{{answer_1}}{i}")]}));
    lines("mt_bench_question.jsonl", rows.collect());
    let rows = [1, 4]
        .map(|i| json!({"question_id": 81 + i, "choices": [{"turns": [format!("r{i}"), "s"]}]}));
    lines("mt_bench_reference_answer_gpt-4.jsonl", rows.to_vec());
    let form = |name: &str, text: &str| json!({"name": name, "system_prompt": format!("You are {name}."), "prompt_template": text});
    lines(
        "judge_prompts.jsonl",
        vec![
            form("single-v1", "{question}|{answer}"),
            form("single-math-v1", "{question}|{ref_answer_1}|{answer}"),
            form(
                "single-v1-multi-turn",
                "{question_1}|{answer_1}|{question_2}|{answer_2}",
            ),
            form(
                "single-math-v1-multi-turn",
                "{ref_answer_1}|{ref_answer_2}|{question_2}|{answer_2}",
            ),
        ],
    );
}

/// The folder of the data; nothing, said aloud, where it is absent.
pub(crate) fn data() -> Option<PathBuf> {
    idiolect_testkit::shared_file("data")
}
