//! Eq. 4 against the reference script's own results: recorded cases, and the published sets.
//!
//! The rows stand beside the repository (`shared/data`); without them the tests say so and pass, or
//! fail where `IDIOLECT_REQUIRE_SHARED` is set.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's own files")]

mod common;

use common::{Scripted, settings, shared};
use idiolect_completion::CompletionError;
use idiolect_data::{Columns, Dataset, Format, Layout, RawRow, RawRows};
use idiolect_distill::{Check, DistillConfig, DistillError, Distilled, distill, verdict};
use serde_json::Value;

fn rows(name: &str) -> Vec<Value> {
    let Some(path) = shared(name) else {
        return Vec::new();
    };
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn set(name: &str) -> Option<Dataset> {
    let path = shared(&format!("sdft/{name}.json"))?;
    Some(Dataset::read(&path, Format::Alpaca, &Columns::default()).unwrap())
}

fn kept(check: Check, label: &str, rewrite: &str) -> bool {
    verdict(&check, label, rewrite).unwrap().is_keep()
}

fn text<'a>(row: &'a Value, field: &str) -> &'a str {
    row[field].as_str().unwrap()
}

/// The checks alone; each row is free of banned phrases or says so by its verdict.
#[test]
fn task_checks_row_by_row() {
    let mut compared = 0;
    let unbanned = |predict: &str| kept(Check::Text, "", predict);
    for row in rows("oracles/math.jsonl") {
        let (label, predict) = (text(&row, "label"), text(&row, "predict"));
        let expected = row["correct"].as_bool().unwrap() && unbanned(predict);
        assert_eq!(kept(Check::Math, label, predict), expected, "{}", row["id"]);
        compared += 1;
    }
    for row in rows("oracles/magicoder.jsonl") {
        let expected = row["ok"].as_bool().unwrap() && unbanned(text(&row, "predict"));
        assert_eq!(
            kept(Check::Code, "", text(&row, "predict")),
            expected,
            "{}",
            row["id"]
        );
        compared += 1;
    }
    for row in rows("oracles/openfunction.jsonl") {
        let (label, predict) = (text(&row, "label"), text(&row, "predict"));
        for (check, field) in [
            (Check::Call, "check_main"),
            (Check::CallHalf, "check_reproduce"),
        ] {
            let expected = row[field]
                .as_bool()
                .or(row[field].as_f64().map(|score| score > 0.0));
            let expected = expected.map(|correct| correct && unbanned(predict));
            let found = verdict(&check, label, predict)
                .ok()
                .map(|verdict| verdict.is_keep());
            let expected = if unbanned(predict) {
                expected
            } else {
                Some(false)
            };
            assert_eq!(found, expected, "{} {field}", row["id"]);
        }
        compared += 1;
    }
    assert!(compared == 0 || compared == 191 + 20 + 152, "{compared}");
}

/// The case's rows; the script takes the first column whose text equals the first label for the
/// answer, we are told.
fn case_set(case: &Value) -> Option<Dataset> {
    let origin = case["origin"].as_array().unwrap();
    let label = text(&case["predictions"][0], "label").trim();
    let mut fields = origin[0].as_object().unwrap().iter();
    let answer = fields
        .find(|(_, value)| value.as_str().map(str::trim) == Some(label))?
        .0;
    let question = if origin[0].get("question").is_some() {
        "question"
    } else {
        "instruction"
    };
    let columns = format!("instruction={question},response={answer}")
        .parse()
        .unwrap();
    let rows = origin.iter().map(|row| RawRow {
        line: 1,
        fields: row.as_object().unwrap().clone(),
    });
    let (path, layout) = ("case.json".into(), Layout::Array);
    let raw = RawRows {
        path,
        layout,
        rows: rows.collect(),
    };
    Some(Dataset::from_rows(raw, Format::Alpaca.with(&columns)).unwrap())
}

fn case_check(case: &Value) -> Check {
    match text(case, "dataset") {
        name if name.contains("gsm8k") => Check::Math,
        name if name.contains("openfunction") => Check::Call,
        name if name.contains("magicoder") => Check::Code,
        _ => Check::Text,
    }
}

fn run(set: &Dataset, check: Check, rewrites: &[&str]) -> Result<Distilled, DistillError> {
    let folder = tempfile::tempdir().unwrap();
    let ids = set.rows.iter().map(|row| row.example.id.clone());
    let mut writer = Scripted::new(ids.zip(rewrites.iter().map(|&text| text.to_owned())));
    let settings = DistillConfig {
        check: check.into(),
        trim: true,
        ..settings()
    };
    distill(
        set,
        &settings,
        &mut writer,
        &folder.path().join("journal.jsonl"),
    )
}

#[test]
fn every_recorded_case_of_the_reference_script() {
    let cases = rows("oracles/gen_distilled_cases.jsonl");
    let skipped = cases.is_empty();
    let told: Vec<_> = cases
        .iter()
        .map(|case| (text(case, "name"), outcome(case)))
        .collect();
    let other = |name| told.iter().find(|told| told.0 == name).map(|told| told.1);
    assert_eq!(
        told.iter().filter(|told| told.1 == "same").count(),
        if skipped { 0 } else { 8 }
    );
    if skipped {
        return;
    }
    assert_eq!(
        other("alpaca_fewer_predictions_truncates"),
        Some("missing rewrites named")
    );
    assert_eq!(
        other("alpaca_label_mismatch_first_row_error"),
        Some("no such column")
    );
    assert_eq!(
        other("openfunction_bad_label_raises"),
        Some("label refused")
    );
    assert_eq!(
        other("openfunction_bad_label_not_reached_if_banned"),
        Some("label refused")
    );
}

/// What our run makes of a case; asserts that its rows are the script's wherever it ends.
fn outcome(case: &Value) -> &'static str {
    let predictions = case["predictions"].as_array().unwrap();
    let rewrites: Vec<_> = predictions.iter().map(|row| text(row, "predict")).collect();
    let Some(set) = case_set(case) else {
        assert_eq!(
            text(case, "expected_error"),
            "ValueError: answer key not found!"
        );
        return "no such column";
    };
    // The verdicts themselves, also where a run ends otherwise; the record says what changed, so
    // that a rewrite equal to the original counts as not kept there.
    if let Some(kept) = case["kept"].as_array() {
        for ((row, rewrite), kept) in set.rows.iter().zip(&rewrites).zip(kept) {
            let label = row.example.response().unwrap().trim();
            let keep = verdict(&case_check(case), label, rewrite)
                .unwrap()
                .is_keep();
            assert_eq!(keep && rewrite.trim() != label, *kept, "{}", case["name"]);
        }
    }
    match run(&set, case_check(case), &rewrites) {
        Ok(distilled) => {
            let rows: Vec<_> = distilled
                .set
                .rows
                .into_iter()
                .map(|row| Value::from(row.raw))
                .collect();
            assert_eq!(Value::from(rows), case["expected"], "{}", case["name"]);
            "same"
        }
        Err(DistillError::Completion(CompletionError::Unpaired { missing, .. })) => {
            assert_eq!(missing.len(), set.rows.len() - rewrites.len());
            "missing rewrites named"
        }
        Err(DistillError::Label { .. }) => "label refused",
        Err(other) => panic!("{}: {other}", case["name"]),
    }
}

/// Every verdict of a published pair of sets; returns how many answers the model left as they were.
fn verdicts(name: &str, check: Check, original: &Dataset, published: &Dataset) -> usize {
    let recorded = rows(&format!("oracles/eq4_{name}.jsonl"));
    for (at, row) in recorded.iter().enumerate() {
        let (before, after) = (&original.rows[at].example, &published.rows[at].example);
        let (before, after) = (before.response().unwrap(), after.response().unwrap());
        assert_eq!(
            row["equal"] == true,
            before.trim() == after.trim(),
            "{name} row {at}"
        );
        for (text, verify, passes) in [
            (after, "verify", "check"),
            (before, "verify_original", "check_original"),
        ] {
            let verified = kept(Check::Text, before, text);
            assert_eq!(row[verify] == true, verified, "{name} row {at}");
            let expected = row[passes] == true && verified;
            assert_eq!(expected, kept(check, before, text), "{name} row {at}");
        }
    }
    assert_eq!(recorded.len(), original.rows.len());
    recorded.iter().filter(|row| row["equal"] == true).count()
}

/// Mean words of the answers, by a distillation that rewrites none.
fn words(set: &Dataset) -> f64 {
    let folder = tempfile::tempdir().unwrap();
    let settings = DistillConfig {
        mix_ratio: 0.0,
        ..settings()
    };
    let journal = folder.path().join("journal.jsonl");
    let distilled = distill(set, &settings, &mut Scripted::default(), &journal).unwrap();
    assert_eq!(distilled.set, *set);
    distilled.summary.length_after.words
}

#[test]
fn published_sets_come_out_of_their_own_rewrites() {
    for (name, check, equal, (words_before, words_after)) in [
        ("alpaca", Check::Text, 352, (45.0, 107.3)),
        ("openfunction", Check::Call, 1975, (1.9, 12.2)),
    ] {
        let Some(mut original) = set(&format!("{name}_train")) else {
            return;
        };
        let Some(mut published) = set(&format!("distilled_{name}")) else {
            return;
        };
        assert_eq!(verdicts(name, check, &original, &published), equal);
        assert!(
            (words(&original) - words_before).abs() < 0.051,
            "{}",
            words(&original)
        );
        assert!(
            (words(&published) - words_after).abs() < 0.051,
            "{}",
            words(&published)
        );
        // Some rows through the journal too, which waits for the disk at each.
        for set in [&mut original, &mut published] {
            set.rows = set.rows.drain(..).step_by(16).collect();
        }
        let answers = published
            .rows
            .iter()
            .map(|row| row.example.response().unwrap());
        let distilled = run(&original, check, &answers.collect::<Vec<_>>()).unwrap();
        assert_eq!(distilled.set.rows, published.rows, "{name}");
    }
}
