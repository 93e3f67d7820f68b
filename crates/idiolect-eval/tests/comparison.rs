//! Three models compared on the same rows.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests end them"
)]

use idiolect_completion::{AnswerRow, FinishReason, WriterIdentity};
use idiolect_data::{Example, Message, Role, Row};
use idiolect_eval::{
    AnswerCheck, ComparedModel, ComparedRows, Comparison, EvalError, ProjectionShift, compare,
};
use serde_json::{Map, Value};

fn rows() -> Vec<Row> {
    let turn = |role, content: String| Message::new(role, content);
    let row = |at: usize| Row {
        line: at + 1,
        raw: Map::new(),
        example: Example::new(
            at.into(),
            vec![
                turn(Role::User, format!("ask {at}")),
                turn(Role::Assistant, format!("the answer is {at}")),
            ],
        ),
    };
    (0..10).map(row).collect()
}

fn model(name: &str, text: impl Fn(usize) -> String) -> ComparedModel {
    let answer = |at: usize| AnswerRow {
        id: at.into(),
        text: text(at),
        token_count: 3,
        finish_reason: if at == 0 {
            FinishReason::Length
        } else {
            FinishReason::Stop
        },
        writer: WriterIdentity::named(name),
        prompt_sha256: String::new(),
        seed: 0,
    };
    ComparedModel {
        model: name.to_owned(),
        answers: (0..10).map(answer).collect(),
        ..ComparedModel::default()
    }
}

fn shift(norm: f64) -> ProjectionShift {
    ProjectionShift {
        site: "model.layers.0.self_attn.q_proj".into(),
        layer: 0,
        norm,
        relative: norm / 10.0,
    }
}

fn models() -> [ComparedModel; 3] {
    let base = model("seed", |at| format!("it is {at}"));
    let plain = ComparedModel {
        shifts: Some(vec![shift(3.0), shift(4.0)]),
        last_loss: Some(0.5),
        ..model("plain", |_| "no".to_owned())
    };
    let distilled = ComparedModel {
        embedding: Some(vec![1.0; 10]),
        ..model("distilled", |at| format!("it is {at}"))
    };
    [base, plain, distilled]
}

const SAME_END: AnswerCheck<'_> = &|label, text| Ok(label.chars().last() == text.chars().last());

fn compared(models: &[ComparedModel], check: AnswerCheck<'_>) -> Result<Comparison, EvalError> {
    let compared = ComparedRows {
        rows: &rows(),
        check: Some(check),
        seed: 3,
    };
    compare(&compared, models)
}

#[test]
fn scores_gains_and_samples_follow_from_the_answers() {
    let found = compared(&models(), SAME_END).unwrap();
    let [base, plain, distilled] = found.models.as_slice() else {
        panic!("three");
    };
    assert_eq!(
        (found.rows, base.right, plain.right),
        (10, Some(10), Some(0))
    );
    assert_eq!(
        (base.bleu4, base.rouge_l),
        (distilled.bleu4, distilled.rouge_l)
    );
    assert!(
        plain.bleu4 < base.bleu4
            && plain.rouge_l < base.rouge_l
            && base.bleu4_to_label < base.bleu4
    );
    assert_eq!(
        (base.ended, base.shift, plain.last_loss),
        (9, None, Some(0.5))
    );
    assert_eq!(plain.shift, Some(5.0));
    assert!((plain.relative_shift.unwrap() - 0.35).abs() < 1e-12);
    let gain = &found.gains["right"];
    assert!((gain.difference.mean - 1.0).abs() < 1e-12 && gain.p_value < 0.01);
    // The score that plain lacks is no gain.
    assert_eq!(
        (distilled.embedding, found.gains.get("embedding")),
        (Some(1.0), None)
    );
    assert_eq!(found.samples.len(), 8);
    assert_eq!(found.samples[1].answers, ["it is 1", "no", "it is 1"]);
    assert_eq!(
        (&*found.samples[1].prompt, &*found.samples[1].label),
        ("ask 1", "the answer is 1")
    );
}

/// Right answers are a share of so few rows; how near a text is to itself is known.
#[test]
fn a_score_that_is_no_share_has_no_interval_of_one() {
    let found = compared(&models(), SAME_END).unwrap();
    let ends = |name: &str| {
        let found = found.models[0].intervals[name];
        [found.low, found.high]
    };
    for name in ["bleu4", "rouge_l"] {
        assert!(
            ends(name).iter().all(|end| (end - 1.0).abs() < 1e-6),
            "{name}"
        );
    }
    let [low, high] = ends("right");
    assert!(low < 0.8 && (high - 1.0).abs() < 1e-12, "{low} to {high}");
}

/// The keys of `outcome.json`, in their order.
#[test]
fn the_json_is_that_of_reports() {
    let found = compared(&models(), SAME_END).unwrap();
    let value: Value = serde_json::to_value(&found).unwrap();
    let keys =
        |value: &Value| -> Vec<String> { value.as_object().unwrap().keys().cloned().collect() };
    assert_eq!(keys(&value), ["rows", "models", "gains", "samples"]);
    let model = [
        "model",
        "right",
        "bleu4",
        "rouge_l",
        "embedding",
        "bleu4_to_label",
        "ended",
        "shift",
        "relative_shift",
        "last_loss",
        "intervals",
        "values",
        "shifts",
    ];
    assert_eq!(keys(&value["models"][1]), model);
    assert_eq!(
        keys(&value["models"][1]["shifts"][0]),
        ["site", "layer", "norm", "relative"]
    );
    assert_eq!(keys(&value["gains"]["right"]), ["difference", "p_value"]);
    assert_eq!(
        keys(&value["samples"][0]),
        ["id", "prompt", "label", "answers"]
    );
    assert_eq!(serde_json::from_value::<Comparison>(value).unwrap(), found);
}

#[test]
fn answers_that_are_missing_and_labels_without_use_are_refused() {
    let mut short = models();
    short[1].answers.pop();
    let error = compared(&short, SAME_END).unwrap_err().to_string();
    assert_eq!(
        error,
        "answers of plain: expected one for each of 10 rows, found 9"
    );
    let error = compared(&models(), &|_, _| Err("no call".into())).unwrap_err();
    assert!(matches!(error, EvalError::Score { .. }), "{error}");
    assert_eq!(error.to_string(), "item 0 cannot be scored");
}
