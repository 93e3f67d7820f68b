//! Rows of prompt files that cannot be continued: told by file, line and id, or left out and listed.

use std::path::{Path, PathBuf};

use idiolect_completion::Quiet;
use idiolect_data::{BadRows, SkippedRow};
use idiolect_generate::GenerationSettings;
use idiolect_lm::jobs::Generate;
use idiolect_lm::rows::{read_prompts, read_scores};

use crate::tiny::{folder, peft, settings};

/// Rows that cannot be continued, each with a part of what is said of it.
fn unusable(foreign: &Path) -> [(serde_json::Value, &'static str); 4] {
    [
        (
            serde_json::json!({"id": "foreign", "prompt": "x", "adapter": foreign}),
            "adapter_model.safetensors",
        ),
        (
            serde_json::json!({"id": "beyond", "input_ids": [100_000]}),
            "token 100000 at position 0 of the prompt is outside the vocabulary of ",
        ),
        (
            serde_json::json!({"id": "empty", "input_ids": []}),
            "the prompt is empty",
        ),
        (
            serde_json::json!({"id": "long", "input_ids": vec![1; 256]}),
            "256 prompt tokens and 4 new ones exceed the context of 256",
        ),
    ]
}

fn file_of(place: &Path, rows: &[serde_json::Value]) -> PathBuf {
    let path = place.join("prompts.jsonl");
    let lines: Vec<String> = rows.iter().map(ToString::to_string).collect();
    std::fs::write(&path, lines.join("\n")).unwrap();
    path
}

/// The folder of an adapter without its weights.
fn without_weights(place: &Path) -> PathBuf {
    let folder = place.join("foreign");
    std::fs::create_dir(&folder).unwrap();
    let config = "adapter_config.json";
    std::fs::copy(peft("qv").join(config), folder.join(config)).unwrap();
    folder
}

#[test]
fn a_row_that_cannot_be_continued_is_told_or_left_out() {
    let Some(model) = settings() else { return };
    let place = tempfile::tempdir().unwrap();
    let unusable = unusable(&without_weights(place.path()));
    let good = serde_json::json!({"id": "good", "prompt": "x", "adapter": peft("qv")});
    let mut job = Generate {
        model,
        generation: GenerationSettings {
            max_new_tokens: 4,
            ..GenerationSettings::default()
        },
        ..Generate::default()
    };
    for (row, expected) in &unusable {
        let path = file_of(place.path(), &[good.clone(), row.clone()]);
        let error = job.file(&path, &Quiet).unwrap_err().to_string();
        let id = row["id"].as_str().unwrap();
        assert!(error.starts_with(&format!("row {id}: ")), "{error}");
        assert!(error.contains(expected), "{error}");
    }
    job.bad_rows = BadRows::Skip;
    let list = place.path().join("skipped.jsonl");
    job.skipped_list = Some(list.clone());
    let mut rows: Vec<_> = unusable.iter().map(|(row, _)| row.clone()).collect();
    let error = job.file(&file_of(place.path(), &rows), &Quiet).unwrap_err();
    assert!(error.to_string().starts_with("row foreign: "), "{error}");
    rows.push(good);
    let path = file_of(place.path(), &rows);
    let kept = job.file(&path, &Quiet).unwrap();
    assert_eq!(kept.iter().map(|row| &row.id).collect::<Vec<_>>(), ["good"]);
    let listed = std::fs::read_to_string(list).unwrap();
    assert_eq!(listed.lines().count(), unusable.len());
    for (at, (line, (row, expected))) in listed.lines().zip(&unusable).enumerate() {
        let found: SkippedRow = serde_json::from_str(line).unwrap();
        assert_eq!((&found.id, found.line), (&row["id"], Some(at + 1)));
        assert_eq!(found.file.as_deref(), Some(path.as_path()));
        assert!(found.problem.contains(expected), "{line}");
    }
}

#[test]
fn a_folder_without_an_adapter_is_told_for_what_it_is_with_its_row() {
    let place = tempfile::tempdir().unwrap();
    let file = |field: serde_json::Value| {
        file_of(
            place.path(),
            &[serde_json::json!({"prompt": "x", "response": "y", "adapter": field})],
        )
    };
    let told = |field| read_prompts(&file(field)).unwrap_err().to_string();
    let Some(model) = folder("tiny-llama3") else {
        return;
    };
    let error = told(model.display().to_string().into());
    assert!(
        error.contains("prompts.jsonl: row 0 (line 1): adapter "),
        "{error}"
    );
    assert!(
        error.ends_with("found a model, which is given as the model (the option model)"),
        "{error}"
    );
    let error = told(7.into());
    assert!(
        error.contains("row 0 (line 1): adapter: expected the folder of an adapter"),
        "{error}"
    );
    let error = read_scores(&file("x".into())).unwrap_err().to_string();
    assert!(
        error.contains("row 0 (line 1): adapter: expected no such field"),
        "{error}"
    );
}
