//! A check and a question of a user's own, and a folder of journals joined beside nothing.
#![allow(clippy::unwrap_used, reason = "a test's own files")]

mod common;

use std::fs;
use std::sync::Arc;

use common::{Folder, Scripted, answers, identity, math, settings, sums, writer};
use idiolect_completion::{BoxError, CompletionRequest, Prompt};
use idiolect_data::Example;
use idiolect_distill::{
    DistillConfig, DistillError, DistillFiles, Reason, RewriteCheck, RewritePrompt, Shard,
    distill_into, merge_into,
};
use serde_json::json;

/// Refuses rewrites that contain a word; no label may contain it.
#[derive(Debug)]
struct Without(&'static str);

impl RewriteCheck for Without {
    fn name(&self) -> &'static str {
        "without"
    }

    fn objection(&self, label: &str, rewrite: &str) -> Result<Option<Reason>, BoxError> {
        if label.contains(self.0) {
            return Err(format!("expected a response without {}, found {label}", self.0).into());
        }
        Ok(rewrite.contains(self.0).then(|| Reason::Custom {
            check: self.name().into(),
            problem: self.0.into(),
        }))
    }
}

/// Asks in a chat.
#[derive(Debug)]
struct Plainly;

impl RewritePrompt for Plainly {
    fn name(&self) -> String {
        "plainly".into()
    }

    fn prompt(&self, example: &Example) -> Result<Prompt, BoxError> {
        let label = example.response().ok_or("expected a response")?;
        Ok(Prompt::user(format!("Say it plainly: {label}")))
    }
}

#[test]
fn a_check_of_ones_own_gives_its_reason() {
    let folder = Folder::new();
    let set = sums(folder.0.path(), 3);
    let config = |word| DistillConfig {
        check: Arc::new(Without(word)),
        ..settings()
    };
    let distilled = folder
        .run(&set, &config("forgot"), &mut answers(&set))
        .unwrap();
    assert_eq!(distilled.summary.refused["custom"], 1);
    let row = &folder.records()[2];
    assert_eq!(
        (&row["reason"], &row["check"]),
        (&json!("custom"), &json!("without"))
    );
    assert_eq!(
        (&row["problem"], &row["replaced"]),
        (&json!("forgot"), &json!(false))
    );
    let again = folder
        .run(&set, &config("forgot"), &mut Scripted::default())
        .unwrap();
    assert_eq!(again, distilled);
    assert_eq!(
        folder.refusal(&set, &config("4"), &mut Scripted::default()),
        "data.json: id 2: response: expected a response without 4, found 4"
    );
}

#[test]
fn a_question_of_ones_own_is_asked_and_named_in_the_journal() {
    let folder = Folder::new();
    let set = sums(folder.0.path(), 2);
    let config = DistillConfig {
        prompt: Some(Arc::new(Plainly)),
        ..settings()
    };
    let mut asked = Vec::new();
    let mut writer = writer(|request: &CompletionRequest| {
        asked.push(request.prompt.clone());
        Ok(common::completion(&request.id, "so"))
    });
    folder.run(&set, &config, &mut writer).unwrap();
    drop(writer);
    assert_eq!(asked[1], Prompt::user("Say it plainly: 2"));
    assert_eq!(folder.records()[0]["template"], "plainly");
    assert_eq!(folder.records()[1]["prompt_sha256"], asked[1].sha256());
    assert!(
        folder
            .refusal(&set, &settings(), &mut Scripted::default())
            .contains("the option preset was plainly, is sdft-2402/main/using")
    );
}

#[test]
#[allow(clippy::too_many_lines, reason = "one story")]
fn parts_are_joined_in_a_folder_and_left_as_they_are() {
    let folder = Folder::new();
    let set = sums(folder.0.path(), 5);
    let [parts, out] = ["parts", "out"].map(|name| folder.0.path().join(name));
    let shard = |index| Shard { index, count: 2 };
    for index in [1, 2] {
        distill_into(&set, &math(), shard(index), &mut answers(&set), &parts).unwrap();
    }
    let names = || -> Vec<_> {
        let entries = fs::read_dir(parts.join("journal")).unwrap();
        let entry = |entry: std::io::Result<fs::DirEntry>| entry.unwrap();
        let mut all: Vec<_> = entries
            .map(entry)
            .map(|entry| (entry.path(), entry.metadata().unwrap().modified().unwrap()))
            .collect();
        all.sort();
        all
    };
    let before = names();
    let first = DistillFiles::new(&parts, shard(1)).journal();
    let from = std::slice::from_ref(&first);
    let error = merge_into(
        &set,
        &math(),
        &identity(),
        from,
        &folder.0.path().join("some"),
    );
    let error = error.unwrap_err();
    assert!(
        matches!(&error, DistillError::Incomplete { missing, asked: 5, .. } if missing.len() == 2)
    );
    assert!(
        error.to_string().ends_with("(ids \"row 1\", \"row 3\")"),
        "{error}"
    );
    let report = merge_into(
        &set,
        &math(),
        &identity(),
        std::slice::from_ref(&parts),
        &out,
    )
    .unwrap();
    assert_eq!((report.texts, report.remark()), (5, None));
    assert_eq!(names(), before);
    assert!(out.join("merge.json").exists());
    let mut nobody = Scripted {
        fails_after: Some(0),
        ..Scripted::default()
    };
    let joined = distill_into(&set, &math(), Shard::WHOLE, &mut nobody, &out).unwrap();
    let whole = folder.run(&set, &math(), &mut answers(&set)).unwrap();
    assert_eq!(joined, whole);
    assert!(out.join("distilled.json").exists() && out.join("summary.json").exists());
    let empty = folder.0.path().join("empty");
    fs::create_dir_all(empty.join("journal")).unwrap();
    let error = merge_into(&set, &math(), &identity(), &[empty], &out).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("from: expected a folder with journal/rewrites*.jsonl, found "),
        "{error}"
    );
}
