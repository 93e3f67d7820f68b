//! The vendors' conversations under the named templates of their forms, against the ids of the vendors' encoders.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

use std::path::{Path, PathBuf};

use idiolect_data::Message;
use idiolect_prompt::NamedTemplate;
use idiolect_tokens::{Encoded, Tokenizer};
use serde_json::Value;

/// A form of the vendors: the folder of its vocabulary, its name among the ids, and the template.
struct Form {
    folder: &'static str,
    key: &'static str,
    template: &'static str,
}

const fn form(folder: &'static str, key: &'static str, template: &'static str) -> Form {
    Form {
        folder,
        key,
        template,
    }
}

const FORMS: [Form; 7] = [
    form("spm_v1", "spm_v1", "mistral-v1"),
    form("spm_v1", "spm_v1", "mistral"),
    form("spm_v3", "spm_v3", "mistral-v3"),
    form("spm_v7", "spm_v7", "mistral-v7"),
    form("tekken", "tekken_v3", "mistral-v3-tekken"),
    form("tekken", "tekken_v7", "mistral-v7-tekken"),
    form("llama3", "llama3", "llama3"),
];

/// What golden/vendors.py wrote, if it was run.
fn vendor_files() -> Option<PathBuf> {
    let place = std::env::var_os("IDIOLECT_VENDOR_FILES").map(PathBuf::from);
    if place.is_none() {
        idiolect_testkit::skipped(
            "IDIOLECT_VENDOR_FILES names no folder that golden/vendors.py wrote",
        );
    }
    place
}

fn rows(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    let rows = text.lines().map(|line| serde_json::from_str(line).unwrap());
    rows.collect()
}

/// The trained ids, one list for each response.
fn trained_spans(example: &Encoded) -> Vec<Vec<u32>> {
    let (mut spans, mut was_trained) = (Vec::new(), false);
    for (id, is_trained) in example.ids.iter().zip(&example.trained) {
        if *is_trained && !was_trained {
            spans.push(Vec::new());
        }
        if *is_trained {
            spans.last_mut().unwrap().push(*id);
        }
        was_trained = *is_trained;
    }
    spans
}

/// Which of prompt, whole and trained spans are not those of the vendor, with both.
fn differences(tokenizer: &Tokenizer, form: &Form, row: &Value) -> Option<String> {
    let template = NamedTemplate::by_name(form.template).unwrap();
    let messages: Vec<Message> = serde_json::from_value(row["messages"].clone()).unwrap();
    let ids = |name: &str| -> Vec<u32> {
        serde_json::from_value(row["ids"][form.key][name].clone()).unwrap()
    };
    let prompt = template.prompt(&messages[..messages.len() - 1]).unwrap();
    let prompt = tokenizer.encode(&prompt).unwrap().ids;
    let example = template.example(&messages).unwrap();
    let example = tokenizer.encode(&example).unwrap();
    let spans: Vec<Vec<u32>> =
        serde_json::from_value(row["ids"][form.key]["trained"].clone()).unwrap();
    let mut wrong = Vec::new();
    if prompt != ids("prompt") {
        wrong.push(format!("prompt {prompt:?}, expected {:?}", ids("prompt")));
    }
    if example.ids != ids("full") {
        wrong.push(format!(
            "whole {:?}, expected {:?}",
            example.ids,
            ids("full")
        ));
    }
    if trained_spans(&example) != spans {
        wrong.push(format!("trained, expected {spans:?}"));
    }
    let name = format!("{} {} {}", form.template, form.key, row["name"]);
    (!wrong.is_empty()).then(|| format!("{name}: {}", wrong.join("; ")))
}

fn compare(place: &Path, dialogs: &[Value]) {
    let mut wrong = Vec::new();
    for form in &FORMS {
        let (tokenizer, _) = Tokenizer::from_folder(&place.join(form.folder)).unwrap();
        let own = dialogs
            .iter()
            .filter_map(|row| differences(&tokenizer, form, row));
        wrong.extend(own);
    }
    let shown: Vec<&str> = wrong.iter().take(20).map(String::as_str).collect();
    assert!(wrong.is_empty(), "{}: {}", wrong.len(), shown.join("\n"));
}

#[test]
fn conversations_have_the_vendors_ids_under_the_named_templates() {
    let (Some(place), Some(file)) = (
        vendor_files(),
        idiolect_testkit::shared_file("oracles/vendors/dialogs.jsonl"),
    ) else {
        return;
    };
    let dialogs = rows(&file);
    assert_eq!(dialogs.len(), 9);
    compare(&place, &dialogs);
}

/// One to four turns of texts in many scripts, with markup and white space at their ends, with and without a system
/// text, which may be empty.
#[test]
fn written_conversations_have_the_vendors_ids_under_the_named_templates() {
    let Some(place) = vendor_files() else {
        return;
    };
    let dialogs = rows(&place.join("dialogs.jsonl"));
    assert_eq!(dialogs.len(), 300);
    compare(&place, &dialogs);
}
