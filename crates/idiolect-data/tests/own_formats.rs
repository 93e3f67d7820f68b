//! Formats that a user describes, and formats that are found by themselves.
#![allow(
    clippy::unwrap_used,
    clippy::needless_raw_string_hashes,
    reason = "a test's own files; the snapshots are written by a tool"
)]

use std::path::{Path, PathBuf};

use expect_test::{Expect, expect};
use idiolect_data::{Dataset, Format, LineIndex, PairFields, Role, RowFormat, RowShape, read_rows};
use tempfile::TempDir;

const SUPPORT: &str = r#"
name = "support"
id = "ticket"
kind = "turns"
turns = "dialogue"
role = "speaker"
text = "said"
roles = { user = ["customer", "caller"], assistant = ["agent"] }
system = "policy"
"#;

fn file(name: &str, text: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

fn described(text: &str) -> Result<RowFormat, String> {
    let (_folder, path) = file("own.toml", text);
    let format = RowFormat::read(&path).map_err(|error| error.to_string());
    format.map_err(|error| error.replace(&path.display().to_string(), "F"))
}

fn said(set: &Dataset) -> Vec<(Role, &str)> {
    let turns = set.rows[0].example.messages.iter();
    turns
        .map(|turn| (turn.role, turn.content.as_str()))
        .collect()
}

#[test]
fn a_described_format_is_read_replaced_and_written() {
    let format = described(SUPPORT).unwrap();
    let row = r#"{"ticket":7,"policy":"kind","dialogue":[{"speaker":"caller","said":"q","at":1}],"more":[]}"#;
    let (_folder, path) = file("rows.jsonl", &format!("{row}\n"));
    let mut set = Dataset::open_as(&path, format.clone()).unwrap();
    assert_eq!(said(&set), [(Role::System, "kind"), (Role::User, "q")]);
    assert_eq!(set.rows[0].example.id, 7);
    let error = set.require_responses().unwrap_err().to_string();
    assert!(
        error.ends_with("dialogue: expected a last turn of agent, found none"),
        "{error}"
    );
    let lazily = LineIndex::new(&path).unwrap().row(0, &format).unwrap();
    assert_eq!(lazily, set.rows[0]);
    for text in ["a", "b"] {
        set.replace_response(0, text);
    }
    set.write(&path).unwrap();
    assert_eq!(
        std::fs::read_to_string(&path).unwrap(),
        r#"{"ticket":7,"policy":"kind","dialogue":[{"speaker":"caller","said":"q","at":1},{"speaker":"agent","said":"b"}],"more":[]}"#
            .to_owned() + "\n"
    );
    let again = Dataset::open_as(&path, format).unwrap();
    assert_eq!(again.rows, set.rows);
}

#[test]
fn a_format_is_a_value_too() {
    let format = RowFormat {
        name: "dolly".into(),
        id: "id".into(),
        shape: RowShape::Pair(PairFields {
            instruction: "instruction".into(),
            input: Some("context".into()),
            response: "response".into(),
            history: None,
            system: None,
        }),
    };
    let row = r#"{"instruction":"q","context":"c","response":"a","history":3,"system":4}"#;
    let (_folder, path) = file("rows.jsonl", row);
    let set = Dataset::open_as(&path, format.clone()).unwrap();
    // Fields that the format does not have are not looked at.
    assert_eq!(said(&set), [(Role::User, "q\nc"), (Role::Assistant, "a")]);
    let text = toml::to_string(&format).unwrap();
    assert_eq!(described(&text).unwrap(), format);
}

#[test]
fn lists_of_a_described_format_are_json_in_csv() {
    let format = described(SUPPORT).unwrap();
    let text = "dialogue\n\"[{\"\"speaker\"\": \"\"customer\"\", \"\"said\"\": \"\"q\"\"}]\"\n";
    let (_folder, path) = file("rows.csv", text);
    let set = Dataset::open_as(&path, format).unwrap();
    assert_eq!(said(&set), [(Role::User, "q")]);
}

#[test]
fn rows_that_are_not_of_a_described_format_are_refused_in_its_words() {
    let format = described(SUPPORT).unwrap();
    let rows = [
        r#"{"dialogue":[{"speaker":"user","said":"q"}]}"#,
        r#"{"dialogue":[{"speaker":"agent"}]}"#,
        r#"{"dialogue":[{"speaker":"customer","text":"q"}]}"#,
        r#"{"conversations":[]}"#,
    ];
    let errors = rows.map(|row| {
        let (_folder, path) = file("rows.jsonl", row);
        let error = Dataset::open_as(&path, format.clone())
            .unwrap_err()
            .to_string();
        error.replace(&path.display().to_string(), "F") + "\n"
    });
    expect![[r#"
        F: row 0 (line 1): dialogue[0].speaker: expected a role out of system, customer, agent, tool, found "user"
        F: row 0 (line 1): dialogue[0].said: expected a string, found no such field among speaker
        F: row 0 (line 1): dialogue[0].said: expected a string, found no such field among speaker, text
        F: row 0 (line 1): dialogue: expected an array of turns, found no such field among conversations (the rows look like sharegpt, which --format auto finds)
    "#]]
    .assert_eq(&errors.concat());
}

#[test]
fn a_description_that_is_none_is_refused() {
    let roles = "roles = { user = [\"u\"], assistant = [\"a\"] }";
    let turns = "name = \"x\"\nkind = \"turns\"\nturns = \"t\"\nrole = \"r\"\n";
    let texts = [
        "name = \"x\"\nkind = \"list\"".to_owned(),
        "name = \"x\"\nkind = \"text\"\ntxt = \"t\"".to_owned(),
        "name = \"x\"\nkind = \"text\"\ntext = \"t\"\nturns = \"t\"".to_owned(),
        "name = \"x\"\nkind = \"text\"\ntext = \"\"".to_owned(),
        format!("{turns}{roles}"),
        format!("{turns}text = \"t\"\nroles = {{ user = [\"u\"], assistant = [] }}"),
        format!("{turns}text = \"t\"\nroles = {{ user = [\"u\"], assistant = [\"u\"] }}"),
        "name = ".to_owned(),
    ];
    let errors = texts.map(|text| described(&text).unwrap_err() + "\n");
    expect![[r#"
        F: format: expected a description of a data format, found unknown variant `list`, expected one of `pair`, `turns`, `completion`, `text`
        F: format: expected a description of a data format, found unknown field `txt`, expected `text`
        F: format: expected a description of a data format, found unknown field `turns`, expected `text`
        F: format: expected a name for each field, found an empty one
        F: format: expected a description of a data format, found missing field `text`
        F: format: expected a name for user and for assistant, found none
        F: format: expected names of roles that differ, found "u" twice
        F: line 1: not valid TOML: string values must be quoted, expected literal string
    "#]]
    .assert_eq(&errors.concat());
}

#[track_caller]
fn found(row: &str, expect: &Expect) {
    let (_folder, path) = file("rows.jsonl", row);
    let found = match Dataset::open(&path) {
        Ok(set) => set.format.name,
        Err(error) => error.to_string().replace(&path.display().to_string(), "F"),
    };
    expect.assert_eq(&found);
}

#[test]
fn a_format_is_found_from_the_first_rows() {
    found(r#"{"instruction":"q","output":"a"}"#, &expect!["alpaca"]);
    // As the original alpaca set has it.
    found(
        r#"{"instruction":"q","output":"a","text":"whole"}"#,
        &expect!["alpaca"],
    );
    found(
        r#"{"conversations":[{"from":"human","value":"q"}]}"#,
        &expect!["sharegpt"],
    );
    found(
        r#"{"text":"","messages":[{"role":"user","content":"q"}]}"#,
        &expect!["messages"],
    );
    found(r#"{"text":"t"}"#, &expect!["text"]);
    // The first rows may have no value.
    found(
        "{\"text\":null,\"messages\":null,\"instruction\":\"q\"}",
        &expect!["alpaca"],
    );
}

#[test]
fn a_format_that_is_not_found_says_what_is_there() {
    found(
        r#"{"ask":"q","tell":"a"}"#,
        &expect![
            "F: row 0 (line 1): fields: expected one of messages, conversations, instruction, completion, prompt, text, input_ids, or a question with its answer (question and answer, query and response, ...), unless format, or instruction_column with response_column, is given, found ask, tell"
        ],
    );
    found(
        "{}",
        &expect![
            "F: row 0 (line 1): fields: expected one of messages, conversations, instruction, completion, prompt, text, input_ids, or a question with its answer (question and answer, query and response, ...), unless format, or instruction_column with response_column, is given, found no fields"
        ],
    );
    found(
        r#"{"input_ids":[1],"labels":[1]}"#,
        &expect![
            "F: row 0 (line 1): input_ids: expected a data set with text, found ready token rows"
        ],
    );
    // Rows of two formats are refused, whichever is found.
    found(
        "{\"text\":\"t\"}\n{\"instruction\":\"q\"}",
        &expect![
            "F: row 0 (line 1): instruction: expected a string, found no such field among text"
        ],
    );
}

#[test]
fn a_found_format_reads_as_a_given_one() {
    let row =
        r#"{"id":"x","conversations":[{"from":"human","value":"q"},{"from":"gpt","value":"a"}]}"#;
    let (_folder, path) = file("rows.json", &format!("[{row}]"));
    let given = Dataset::open_as(&path, Format::Sharegpt).unwrap();
    assert_eq!(Dataset::open(&path).unwrap(), given);
    let raw = read_rows(Path::new(&path)).unwrap();
    assert_eq!(Dataset::from_rows(raw, Format::Sharegpt).unwrap(), given);
}
