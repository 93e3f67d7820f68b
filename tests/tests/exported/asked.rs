//! Questions to llama.cpp through Python, and our own answers beside them.

use std::path::PathBuf;
use std::process::Command;

use burn::tensor::{Int, Tensor, TensorData};
use idiolect::lm::LanguageModel;
use idiolect_testkit::workspace_root;
use serde_json::{Value, json};

/// How far a log-probability may be in f32.
const TOLERANCE: f64 = 1e-3;

/// One question to llama.cpp, and the model that must answer alike.
pub(crate) struct Job {
    pub(crate) name: String,
    /// Ours, with the adapter on.
    pub(crate) model: LanguageModel,
    pub(crate) gguf: PathBuf,
    pub(crate) lora: Option<PathBuf>,
    pub(crate) ids: Vec<u32>,
    pub(crate) tokens: usize,
}

/// A token of llama.cpp's answer, and the likeliest ones in its place with their log-probabilities.
pub(crate) struct Answered {
    pub(crate) id: u32,
    pub(crate) top: Vec<(u32, f64)>,
}

/// Whether there is a Python to ask.
pub(crate) fn has_python() -> bool {
    let found = std::env::var_os("IDIOLECT_PYTHON").is_some();
    if !found {
        idiolect_testkit::skipped("IDIOLECT_PYTHON names no Python with xllamacpp");
    }
    found
}

pub(crate) fn ask(jobs: &[Job]) -> Vec<Vec<Answered>> {
    let python = std::env::var_os("IDIOLECT_PYTHON").unwrap();
    let place = tempfile::tempdir().unwrap();
    let [file, out] = ["jobs.json", "answers.json"].map(|name| place.path().join(name));
    let asked = jobs.iter().map(|job| {
        json!({"model": job.gguf, "lora": job.lora, "ids": job.ids, "tokens": job.tokens, "top": 5})
    });
    std::fs::write(&file, asked.collect::<Value>().to_string()).unwrap();
    let script = workspace_root().join("tests/python/llama_cpp.py");
    let run = Command::new(python).args([&script, &file, &out]).output();
    let run = run.unwrap();
    assert!(
        run.status.success(),
        "{}",
        String::from_utf8_lossy(&run.stderr)
    );
    let answers: Vec<Vec<Value>> = serde_json::from_slice(&std::fs::read(&out).unwrap()).unwrap();
    let one = |value: &Value| Answered {
        id: serde_json::from_value(value["id"].clone()).unwrap(),
        top: serde_json::from_value(value["top"].clone()).unwrap(),
    };
    let answers = answers.iter();
    answers.map(|all| all.iter().map(one).collect()).collect()
}

/// Log-probabilities of the token behind each of the last `count` of `ids`.
pub(crate) fn ours(model: &LanguageModel, ids: &[u32], count: usize) -> Vec<Vec<f64>> {
    let data = TensorData::new(ids.to_vec(), [1, ids.len()]);
    let batch = Tensor::<2, Int>::from_data(data, &model.device());
    let hidden = model.decoder().hidden(batch, model.adapter());
    let [_, tokens, width] = hidden.dims();
    let logits = model.decoder().logits(hidden.reshape([tokens, width]));
    let vocab = logits.dims()[1];
    let logits: Vec<f64> = logits.into_data().iter::<f64>().collect();
    let rows = logits.chunks(vocab).skip(tokens - count);
    rows.map(log_softmax).collect()
}

fn log_softmax(logits: &[f64]) -> Vec<f64> {
    let most = logits.iter().copied().fold(f64::MIN, f64::max);
    let sum: f64 = logits.iter().map(|x| (x - most).exp()).sum();
    logits.iter().map(|x| x - most - sum.ln()).collect()
}

pub(crate) fn greedy(scores: &[f64]) -> u32 {
    let ids = scores.iter().zip(0..);
    ids.max_by(|(a, _), (b, _)| a.total_cmp(b)).unwrap().1
}

/// Asserts that the first `count` tokens are ours, with our log-probabilities.
pub(crate) fn assert_alike(job: &Job, answer: &[Answered], count: usize) {
    let tokens: Vec<u32> = answer.iter().map(|token| token.id).collect();
    let ids = [&job.ids[..], &tokens[..count - 1]].concat();
    for (at, scores) in ours(&job.model, &ids, count).iter().enumerate() {
        assert_eq!(tokens[at], greedy(scores), "{} at {at}", job.name);
        for (id, found) in &answer[at].top {
            let far = (found - scores[*id as usize]).abs();
            assert!(
                far < TOLERANCE,
                "{} at {at}: token {id} is {far} away",
                job.name
            );
        }
    }
}
