//! Every row of the reference programs' recorded values.
//!
//! The rows stand beside the repository (`shared/data/oracles`); without them the tests say so and
//! pass, or fail where `IDIOLECT_REQUIRE_SHARED` is set.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod common;

use common::file;
use idiolect_metrics::math::Gsm8k;
use idiolect_metrics::{
    bleu4, call, choice, code, math, rouge_l, rouge_l_google, sacrebleu, safety,
};
use serde_json::Value;

fn rows(name: &str) -> Vec<Value> {
    common::rows(&format!("oracles/{name}"))
}

fn text<'a>(row: &'a Value, field: &str) -> &'a str {
    row[field].as_str().unwrap()
}

fn close(row: &Value, found: f64, expected: &Value, bound: f64) {
    let expected = expected.as_f64().unwrap();
    assert!(
        (found - expected).abs() <= bound,
        "{}: {found} is not {expected}",
        row["id"]
    );
}

#[test]
fn bleu_over_characters() {
    for row in rows("text_pairs.jsonl") {
        let found = bleu4(text(&row, "reference"), text(&row, "hypothesis"));
        close(&row, found, &row["bleu4_char_m3"], 1e-12);
    }
}

#[test]
fn sacrebleu_over_words() {
    for row in rows("text_pairs.jsonl") {
        let found = sacrebleu(text(&row, "reference"), text(&row, "hypothesis"));
        close(&row, found, &row["sacrebleu_13a"], 1e-12);
    }
}

/// Rows with Chinese characters need the dictionary.
fn is_chinese(row: &Value) -> bool {
    let chinese = |c| ('\u{4e00}'..='\u{9fd5}').contains(&c);
    text(row, "reference").contains(chinese) || text(row, "hypothesis").contains(chinese)
}

#[test]
fn rouge_l_as_the_reference() {
    for row in rows("text_pairs.jsonl") {
        if is_chinese(&row) && !cfg!(feature = "chinese") {
            continue;
        }
        let found = rouge_l(text(&row, "reference"), text(&row, "hypothesis"));
        if row["rougel_jieba_error"].is_null() {
            close(&row, found, &row["rougel_jieba"]["f"], 1e-12);
        } else {
            close(&row, found, &Value::from(0.0), 0.0);
        }
    }
}

#[test]
fn rouge_l_as_google() {
    for row in rows("text_pairs.jsonl") {
        let found = rouge_l_google(text(&row, "reference"), text(&row, "hypothesis"));
        close(&row, found, &row["google"]["rougeL"]["f"], 1e-12);
    }
}

#[test]
fn math_answers() {
    for row in rows("math.jsonl") {
        let (label, predict) = (text(&row, "label"), text(&row, "predict"));
        for (field, source) in [("label_int", label), ("predict_int", predict)] {
            let found = math::last_number(source);
            let found = found.as_deref().unwrap_or(math::NO_NUMBER);
            assert_eq!(found, text(&row, field), "{} {field}", row["id"]);
        }
        let correct = row["correct"].as_bool().unwrap();
        assert_eq!(math::same_answer(label, predict), correct, "{}", row["id"]);
    }
}

#[test]
fn function_calls() {
    for row in rows("openfunction.jsonl") {
        let (label, predict) = (text(&row, "label"), text(&row, "predict"));
        let (main, reproduce) = (
            call::matches_main(label, predict),
            call::score_reproduce(label, predict),
        );
        assert_eq!(main.ok(), row["check_main"].as_bool(), "{}", row["id"]);
        assert_eq!(
            reproduce.ok(),
            row["check_reproduce"].as_f64(),
            "{}",
            row["id"]
        );
    }
}

#[test]
fn every_label_of_the_data_set_calls_itself() {
    for name in ["openfunction_train.json", "openfunction_test.json"] {
        let json = file(&format!("sdft/{name}")).unwrap_or_else(|| "[]".into());
        let rows: Vec<Value> = serde_json::from_str(&json).unwrap();
        for row in rows {
            let label = text(&row, "output");
            assert_eq!(call::matches_main(label, label), Ok(true), "{label}");
        }
    }
}

#[test]
fn code_answers() {
    for row in rows("magicoder.jsonl") {
        let found = code::accepts(text(&row, "predict"));
        assert_eq!(found, row["ok"].as_bool().unwrap(), "{}", row["id"]);
    }
}

#[test]
fn refusals() {
    for row in rows("safety.jsonl") {
        let response = text(&row, "text");
        assert_eq!(
            safety::is_safe(response),
            row["safe"].as_bool().unwrap(),
            "{}",
            row["id"]
        );
        let mut matched: Vec<&str> = safety::keywords_in(response).collect();
        matched.sort_unstable();
        assert_eq!(Value::from(matched), row["matched"], "{}", row["id"]);
    }
}

#[test]
fn the_jailbreak_suffix() {
    let Some(json) = file("safety/sdft_constants.json") else {
        return;
    };
    let constants: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        text(&constants, "jailbreak_suffix"),
        safety::JAILBREAK_SUFFIX
    );
    assert_eq!(
        constants["safe_keywords"],
        Value::from(safety::KEYWORDS.to_vec())
    );
}

#[test]
fn gsm8k_answers_as_the_harness_extracts_them() {
    for row in rows("gsm8k_lm_eval.jsonl") {
        for (filter, name) in [
            (Gsm8k::Strict, "strict"),
            (Gsm8k::Flexible, "flexible"),
            (Gsm8k::Cot, "cot_strict"),
        ] {
            let found = math::gsm8k_extract(filter, text(&row, "response"));
            assert_eq!(found, text(&row, name), "{} {name}", row["id"]);
            let matched = f64::from(math::gsm8k_matches(text(&row, "gold"), found));
            close(&row, matched, &row[format!("{name}_em")], 0.0);
        }
    }
}

#[test]
fn pass_at_k() {
    for row in rows("pass_at_k.jsonl") {
        let [n, c, k] =
            ["n", "c", "k"].map(|field| usize::try_from(row[field].as_u64().unwrap()).unwrap());
        close(&row, code::pass_at_k(n, c, k), &row["pass_at_k"], 1e-12);
    }
}

/// Log-likelihoods; JSON has no infinity, and the rows write `"-inf"`.
fn numbers(row: &Value) -> Vec<f64> {
    row["lls"]
        .as_array()
        .unwrap()
        .iter()
        .map(|value| value.as_f64().unwrap_or(f64::NEG_INFINITY))
        .collect()
}

#[test]
fn multiple_choice() {
    for row in rows("multiple_choice_scoring.jsonl") {
        let values = numbers(&row);
        if let Some(labels) = row["labels"].as_array() {
            let labels: Vec<bool> = labels.iter().map(|label| label == 1).collect();
            let found = choice::mc2(&values, &labels).unwrap();
            // The harness underflows where every choice is very unlikely, and says "nan".
            if !row["acc"].is_string() {
                close(&row, found, &row["acc"], 1e-12);
            }
            assert!((0.0..=1.0).contains(&found));
            continue;
        }
        let choices: Vec<choice::Choice> = (0..values.len())
            .map(|i| choice::Choice {
                text: row["choices"][i].as_str().unwrap(),
                log_likelihood: values[i],
                greedy: row["is_greedy"][i].as_bool().unwrap(),
            })
            .collect();
        let found = choice::score(
            &choices,
            usize::try_from(row["gold"].as_u64().unwrap()).unwrap(),
        )
        .unwrap();
        assert_eq!(row["pred"], found.picked, "{}", row["id"]);
        assert_eq!(row["pred_norm"], found.picked_norm, "{}", row["id"]);
        for (name, value) in [
            ("acc", found.acc),
            ("acc_norm", found.acc_norm),
            ("acc_bytes", found.acc_bytes),
            ("exact_match", found.exact_match),
        ] {
            close(&row, f64::from(value), &row[name], 0.0);
        }
    }
}
