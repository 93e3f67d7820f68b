//! What a task reads from the Hub's file equals what it reads from its own: the same items.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::slice::from_ref;

use idiolect_eval::{DATA_FILES, EvalError, Item, Source, Task};
use idiolect_testkit::shared;
use serde_json::{Value, json};
use zip::write::{SimpleFileOptions, ZipWriter};

use crate::columns::{Columns, Kind, write};

const TEXT: Kind = Kind::Text;

/// Where the Hub's file goes that stands in the place of a task's.
fn to(path: &str, part: &str) -> &'static str {
    let file = DATA_FILES.iter().find(|file| file.path == path).unwrap();
    let Source::Hub(hub) = file.source else {
        panic!("{path} is not on the Hub");
    };
    hub.files
        .iter()
        .find(|file| file.to.contains(part))
        .unwrap()
        .to
}

/// The items of a task whose own file has `own`, and of one whose data folder has the Hub's rows alone.
fn both(task: &str, own: &[Value], columns: &Columns, hubs: &[Value]) -> [Vec<Item>; 2] {
    let task = Task::by_name(task).unwrap();
    let [first, second] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let path = task.file.to_str().unwrap();
    let lines: Vec<String> = own.iter().map(Value::to_string).collect();
    put(first.path(), path, lines.join("\n").as_bytes());
    write(&second.path().join(to(path, "")), columns, hubs);
    [first, second].map(|folder| task.read(folder.path(), 0).unwrap())
}

fn put(folder: &Path, path: &str, bytes: &[u8]) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn same([own, hubs]: [Vec<Item>; 2], count: usize) {
    assert_eq!(own.len(), count);
    assert_eq!(own, hubs);
}

#[test]
fn arc() {
    let own = json!({"id": "Mercury_1", "answerKey": "B", "question": {"stem": "Which is hot?", "choices": [
        {"text": "ice", "label": "A"}, {"text": "fire", "label": "B"}, {"text": "snow", "label": "C"},
    ]}});
    let hubs = json!({"id": "Mercury_1", "question": "Which is hot?", "answerKey": "B",
        "choices": {"text": ["ice", "fire", "snow"], "label": ["A", "B", "C"]}});
    let columns = [
        ("id", TEXT),
        ("question", TEXT),
        (
            "choices",
            Kind::Group(&[("text", Kind::Texts), ("label", Kind::Texts)]),
        ),
        ("answerKey", TEXT),
    ];
    for task in ["arc_challenge", "arc_easy"] {
        same(both(task, from_ref(&own), &columns, from_ref(&hubs)), 1);
    }
}

#[test]
fn hellaswag_and_winogrande() {
    let row = json!({"ind": 3, "activity_label": "Cooking", "ctx_a": "A man [title] stands.", "ctx_b": "he", "ctx": "x",
        "endings": ["eats.", "sings  on.", "sits.", "goes."], "label": 2, "source_id": "s", "split": "val",
        "split_type": "indomain"});
    let mut hubs = row.clone();
    hubs["label"] = "2".into();
    let columns = [
        ("ind", Kind::Number),
        ("activity_label", TEXT),
        ("ctx_a", TEXT),
        ("ctx_b", TEXT),
        ("ctx", TEXT),
        ("endings", Kind::Texts),
        ("source_id", TEXT),
        ("split", TEXT),
        ("split_type", TEXT),
        ("label", TEXT),
    ];
    same(both("hellaswag", &[row], &columns, &[hubs]), 1);
    let row = json!({"sentence": "Ann thanked Bea because _ helped.", "option1": "Ann", "option2": "Bea", "answer": "2"});
    let columns = ["sentence", "option1", "option2", "answer"].map(|name| (name, TEXT));
    same(
        both("winogrande", from_ref(&row), &columns, from_ref(&row)),
        1,
    );
}

#[test]
fn gsm8k_and_humaneval() {
    let rows = match shared() {
        Some(shared) => fs::read_to_string(shared.join("data/gsm8k/test.jsonl")).unwrap(),
        None => "{\"question\": \"1 + 1?\", \"answer\": \"2\\n#### 2\"}\n".to_owned(),
    };
    let rows: Vec<Value> = rows
        .lines()
        .map(|row| serde_json::from_str(row).unwrap())
        .collect();
    let columns = ["question", "answer"].map(|name| (name, TEXT));
    same(both("gsm8k", &rows, &columns, &rows), rows.len());
    let row = json!({"task_id": "HumanEval/0", "prompt": "def one():\n", "canonical_solution": "    return 1\n",
        "test": "def check(candidate):\n    assert candidate() == 1\n", "entry_point": "one"});
    let columns = [
        "task_id",
        "prompt",
        "canonical_solution",
        "test",
        "entry_point",
    ];
    let columns = columns.map(|name| (name, TEXT));
    same(
        both("humaneval", from_ref(&row), &columns, from_ref(&row)),
        1,
    );
}

#[test]
fn mmlu_with_its_worked_examples() {
    let [own, hubs] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let file = own.path().join("mc/mmlu.zip");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    let mut archive = ZipWriter::new(fs::File::create(file).unwrap());
    let columns = [
        ("question", TEXT),
        ("subject", TEXT),
        ("choices", Kind::Texts),
        ("answer", Kind::Number),
    ];
    for (part, count) in [("dev", 5), ("test", 7)] {
        let mut rows = Vec::new();
        for subject in ["anatomy", "law"] {
            let name = format!("data/{part}/{subject}_{part}.csv");
            archive
                .start_file(name, SimpleFileOptions::default())
                .unwrap();
            for at in 0..count {
                let (question, right) = (format!("{subject} {part} {at}?"), at % 4);
                writeln!(
                    archive,
                    "{question},a,b {at},c,d,{}",
                    ["A", "B", "C", "D"][right]
                )
                .unwrap();
                rows.push(json!({"question": question, "subject": subject,
                    "choices": ["a", format!("b {at}"), "c", "d"], "answer": right}));
            }
        }
        write(&hubs.path().join(to("mc/mmlu.zip", part)), &columns, &rows);
    }
    archive.finish().unwrap();
    let task = Task::by_name("mmlu").unwrap();
    for shots in [0, 5] {
        same(
            [&own, &hubs].map(|folder| task.read(folder.path(), shots).unwrap()),
            14,
        );
    }
}

#[test]
fn truthfulqa() {
    let folder = tempfile::tempdir().unwrap();
    let table = "Type,Category,Question,Best Answer,Correct Answers,Incorrect Answers,Source\n\
                 A,B,Is it so?,No.,No.; It is not.,Yes.; Surely.,x\n";
    put(folder.path(), "mc/TruthfulQA.csv", table.as_bytes());
    let targets = Kind::Group(&[("choices", Kind::Texts), ("labels", Kind::Numbers)]);
    let columns = [
        ("question", TEXT),
        ("mc1_targets", targets),
        ("mc2_targets", targets),
    ];
    let row = json!({"question": "Is it so?",
        "mc1_targets": {"choices": ["No.", "Yes.", "Surely."], "labels": [1, 0, 0]},
        "mc2_targets": {"choices": ["No.", "It is not.", "Yes.", "Surely."], "labels": [1, 1, 0, 0]}});
    let hubs = tempfile::tempdir().unwrap();
    write(
        &hubs.path().join(to("mc/TruthfulQA.csv", "")),
        &columns,
        &[row],
    );
    for task in ["truthfulqa_mc1", "truthfulqa_mc2"] {
        let task = Task::by_name(task).unwrap();
        same(
            [&folder, &hubs].map(|folder| task.read(folder.path(), 0).unwrap()),
            1,
        );
    }
}

#[test]
fn packed_worked_examples_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let row = b"{\"question\": \"1 + 1?\", \"answer\": \"2\\n#### 2\"}\n";
    put(folder.path(), "gsm8k/test.jsonl", row);
    let packed = zstd::encode_all(&row.repeat(5)[..], 1).unwrap();
    put(folder.path(), "gsm8k/train.jsonl.zst", &packed);
    let items = Task::by_name("gsm8k")
        .unwrap()
        .read(folder.path(), 5)
        .unwrap();
    assert_eq!(items.len(), 1);
}

#[test]
fn a_missing_file_says_how_it_is_to_be_had() {
    let folder = tempfile::tempdir().unwrap();
    let error = |name: &str| {
        let error = Task::by_name(name)
            .unwrap()
            .read(folder.path(), 0)
            .unwrap_err();
        assert!(matches!(error, EvalError::NoFile { .. }));
        let folder = folder.path().display().to_string();
        error.to_string().replace(&folder, "F")
    };
    assert_eq!(
        error("gsm8k"),
        "F/gsm8k/test.jsonl: no such file; `idiolect fetch gsm8k --into FOLDER` gets it from \
         openai/gsm8k@740312add88f781978c0658806c59bc2815b9866 on the Hugging Face Hub (licence MIT)"
    );
    assert_eq!(
        error("multiarith"),
        "F/sdft/multiarith_test.json: no such file; it is at https://raw.githubusercontent.com/sail-sg/sdft/\
         bfb6c255fccdce7459235c20f19a3b9817a9cd5d/data/multiarith_test.json (licence not stated)"
    );
}
