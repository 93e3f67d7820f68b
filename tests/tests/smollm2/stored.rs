//! The tokens that a distillation stores, as a teacher of the same rows as all of its vocabulary.
//!
//! `IDIOLECT_LONG` may say how many rows are rewritten, with 64 tokens each; a row takes some seconds.
//! From 200 rows on the loss must be within 1 % of the whole vocabulary's.

use std::path::Path;

use burn::tensor::{Tensor, activation};
use idiolect::completion::{LogprobReader, Prompt, StoredLogprobs};
use idiolect::data::{Row, RunDir};
use idiolect::distill::DistillSettings;
use idiolect::generate::GenerationSettings;
use idiolect::lm::batch::{TrainedTokens, adapter_batch, trained_hidden};
use idiolect::tokens::{TokenBatch, TokenRow};
use idiolect::train::{
    CHUNK_ROWS, Divergence, Likeliest, StoredTeacher, Support, TeacherHead, TeacherLoss,
    stored_head_loss, teacher_head_loss,
};
use idiolect::{Dataset, LanguageModel, SelfDistill};
use idiolect_testkit::{shared, smollm2_gguf};
use serde_json::{Value, json};

/// How many tokens the file has at each; so many of the likeliest are compared with it.
const COUNT: usize = 20;

/// Sums over all tokens, in nats.
#[derive(Default)]
struct Sums {
    tokens: usize,
    full: f64,
    stored: f64,
    /// The `COUNT` likeliest with a category for the rest.
    with_tail: f64,
    /// Squares of what is stored less the whole, by row: these differences have no mean, and rows are independent.
    squares: f64,
}

/// Questions of GSM8K with their answers.
fn data(folder: &Path, rows: usize) -> Option<Dataset> {
    let path = shared()?.join("data/sdft/gsm8k_train.json");
    let all: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let some = all[..rows]
        .iter()
        .map(|row| json!({"instruction": row["question"], "input": "", "output": row["answer"]}));
    let some = some.collect::<Value>();
    let path = folder.join("rows.json");
    std::fs::write(&path, some.to_string()).unwrap();
    Some(Dataset::open(&path).unwrap())
}

/// Hidden states that predict an answer behind a prompt.
fn hidden(model: &LanguageModel, prompt: &[u32], answer: &[u32]) -> Tensor<2> {
    let mut row = TokenRow::all_trained(0.into(), [prompt, answer].concat());
    row.labels[..prompt.len()].fill(idiolect::tokens::IGNORE);
    let batch = TokenBatch::new(&[&row], 0);
    let positions = TrainedTokens::new(&batch).positions;
    let batch = adapter_batch(model.decoder(), &batch, positions, 0);
    trained_hidden(model.decoder(), model.adapter(), &batch)
}

fn prompt_ids(model: &LanguageModel, prompt: Prompt) -> Vec<u32> {
    let Prompt::Rendered(rendered) = prompt else {
        panic!("expected a rendered prompt");
    };
    model.tokenizer().encode(&rendered).unwrap().ids
}

/// What is stored is the teacher's to half precision: the likeliest tokens and, last, one that is less likely.
fn close(log_q: &Tensor<2>, ids: &[i64], logs: &[f32]) {
    let all: Vec<f32> = log_q.clone().into_data().iter().collect();
    let rows = all.chunks(log_q.dims()[1]);
    for (row, (ids, logs)) in rows.zip(ids.chunks(COUNT).zip(logs.chunks(COUNT))) {
        let mut order = row.to_vec();
        order.sort_by(|a, b| b.total_cmp(a));
        order[COUNT - 1] = row[usize::try_from(ids[COUNT - 1]).unwrap()];
        assert!(order[COUNT - 1] <= order[COUNT - 2]);
        for ((id, log), likeliest) in ids.iter().zip(logs).zip(order) {
            let exact = row[usize::try_from(*id).unwrap()];
            for exact in [exact, likeliest] {
                let off = (log - exact).abs();
                assert!(off <= 1e-4 + exact.abs() / 2000.0, "{log} for {exact}");
            }
        }
    }
}

/// Adds what an answer gives: the student sees the question, the teacher the reference too.
fn add(
    sums: &mut Sums,
    model: &LanguageModel,
    [student, teacher]: [&[u32]; 2],
    (answer, entries): (&[u32], &[idiolect::completion::TokenLogprob]),
) {
    let [student, teacher] = [student, teacher].map(|prompt| hidden(model, prompt, answer));
    let weight = model.decoder().head();
    let targets: Vec<i64> = answer.iter().map(|id| i64::from(*id)).collect();
    let of = |support| {
        let head = TeacherHead {
            student: &student,
            teacher: &teacher,
            weight: &weight,
            targets: &targets,
            old: None,
            shares: &vec![1.0; targets.len()],
        };
        let settings = TeacherLoss {
            divergence: Divergence::Forward,
            support,
            temperature: 1.0,
            clip: 2.0,
        };
        let tokens = teacher_head_loss(&head, &settings, CHUNK_ROWS).tokens;
        tokens
            .iter()
            .map(|token| f64::from(token.loss))
            .sum::<f64>()
    };
    let ids: Vec<i64> = entries.iter().map(|entry| i64::from(entry.token)).collect();
    let logs: Vec<f32> = entries.iter().map(|entry| entry.log_probability).collect();
    let logits = model.decoder().logits(teacher.clone());
    close(&activation::log_softmax(logits, 1), &ids, &logs);
    let stored = StoredTeacher {
        count: COUNT,
        ids: &ids,
        log_probabilities: &logs,
        drawn: true,
    };
    let estimate = stored_head_loss(&student, &stored, &weight, 1.0, CHUNK_ROWS).sum;
    let full = of(Support::Full);
    sums.tokens += answer.len();
    sums.full += full;
    sums.stored += estimate;
    sums.squares += (estimate - full).powi(2);
    sums.with_tail += of(Support::Teacher(Likeliest {
        count: COUNT,
        tail: true,
    }));
}

#[test]
fn what_is_stored_has_the_loss_of_the_whole_vocabulary_on_average() {
    let long = std::env::var("IDIOLECT_LONG").ok();
    let long = long.map(|rows| rows.parse().unwrap_or(200));
    let (rows, tokens) = long.map_or((4, 16), |rows| (rows, 64));
    let folder = tempfile::tempdir().unwrap();
    let (Some(path), Some(set)) = (smollm2_gguf(), data(folder.path(), rows)) else {
        return;
    };
    let model = LanguageModel::open(&path.display().to_string()).unwrap();
    let (settings, run) = (
        DistillSettings::default(),
        RunDir::new(folder.path().join("run")),
    );
    let distil = SelfDistill::new(&model, &set).settings(settings.clone());
    let distil = distil.logprobs(COUNT).run_dir(&run.root);
    let generation = GenerationSettings {
        max_new_tokens: tokens,
        ..GenerationSettings::default()
    };
    distil.generation(generation).start().unwrap();
    let journal = run.journal(RunDir::REWRITES);
    let bin = RunDir::logprobs_beside(&journal);
    let reader = LogprobReader::open(&bin).unwrap();
    let config = settings.config(model.template(), 42).unwrap();
    let row = |id: &Value| -> &Row { set.rows.iter().find(|row| row.example.id == *id).unwrap() };
    let mut sums = Sums::default();
    for line in std::fs::read_to_string(&journal).unwrap().lines() {
        let text: Value = serde_json::from_str(line).unwrap();
        let stored: StoredLogprobs = serde_json::from_value(text["logprobs"].clone()).unwrap();
        let mut answer: Vec<u32> = serde_json::from_value(text["token_ids"].clone()).unwrap();
        answer.extend(stored.end);
        let entries = reader.read_text(&text["id"], &stored).unwrap();
        let example = &row(&text["id"]).example;
        let student = model.conversation_ids(example.prompt()).unwrap();
        let teacher = prompt_ids(&model, config.prompt(example).unwrap());
        add(&mut sums, &model, [&student, &teacher], (&answer, &entries));
    }
    let bytes = std::fs::metadata(&bin).unwrap().len() as f64 / sums.tokens as f64;
    let per_token = |sum: f64| sum / sums.tokens as f64;
    let off = (sums.stored - sums.full) / sums.full;
    let deviation = sums.squares.sqrt() / sums.full;
    eprintln!(
        "{rows} rows, {} tokens, {bytes:.2} bytes a token; nats a token: all {:.5}, stored {:.5} (off by {:.2} %, \
         standard error {:.2} %), {COUNT} likeliest with a category for the rest {:.5}",
        sums.tokens,
        per_token(sums.full),
        per_token(sums.stored),
        100.0 * off,
        100.0 * deviation,
        per_token(sums.with_tail),
    );
    // What lumping loses is how both differ within the rest, which is never negative.
    assert!(sums.with_tail < sums.full);
    assert!(off.abs() < 4.0 * deviation, "off by {off:e}");
    assert!(rows < 200 || off.abs() < 0.01, "off by {off:e}");
    // The first line is shared by all tokens.
    let all = std::fs::read(&bin).unwrap();
    let line = all.split(|byte| *byte == b'\n').next().unwrap().len() + 1;
    assert_eq!(all.len() - line, 100 * sums.tokens);
}
