//! Data sets of every format: what they say, and that they come back as they were.
#![allow(clippy::unwrap_used, reason = "a test's own files")]

use idiolect_data::{
    Columns, Dataset, Format, Journal, Layout, Role, pair_by_id, read_rows, sample, split,
};
use idiolect_testkit::shared_file;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn set(format: Format, contents: &str) -> (Dataset, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.json");
    std::fs::write(&path, contents).unwrap();
    (
        Dataset::read(&path, format, &Columns::default()).unwrap(),
        folder,
    )
}

fn turns(set: &Dataset, row: usize) -> Vec<(Role, &str)> {
    set.rows[row]
        .example
        .messages
        .iter()
        .map(|turn| (turn.role, turn.content.as_str()))
        .collect()
}

/// Writes the set and reads the text back.
fn written(set: &Dataset) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.json");
    set.write(&path).unwrap();
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn alpaca_joins_input_and_unrolls_history() {
    let rows = r#"{"id":"x","instruction":"q ","input":"i","output":" a","history":[["q0","a0"]],"system":"s"}
        {"instruction":"q","input":"","output":null,"more":1}"#;
    let (set, _folder) = set(Format::Alpaca, rows);
    let expected = [
        (Role::System, "s"),
        (Role::User, "q0"),
        (Role::Assistant, "a0"),
        (Role::User, "q \ni"),
        (Role::Assistant, " a"),
    ];
    assert_eq!(turns(&set, 0), expected);
    assert_eq!(turns(&set, 1), [(Role::User, "q")]);
    assert_eq!(
        (&set.rows[0].example.id, &set.rows[1].example.id),
        (&json!("x"), &json!(1))
    );
    assert_eq!((set.layout, set.rows[1].line), (Layout::Lines, 2));
}

#[test]
fn every_format_replaces_only_its_last_response() {
    let cases = [
        (
            Format::Alpaca,
            r#"{"output":"a","instruction":"q","history":[["x","y"]],"more":[1]}"#,
            r#"{"output":"b","instruction":"q","history":[["x","y"]],"more":[1]}"#,
        ),
        (
            Format::Sharegpt,
            r#"{"conversations":[{"from":"human","value":"q"},{"from":"gpt","value":"a","n":1}]}"#,
            r#"{"conversations":[{"from":"human","value":"q"},{"from":"gpt","value":"b","n":1}]}"#,
        ),
        (
            Format::Messages,
            r#"{"messages":[{"role":"system","content":"s"},{"role":"user","content":"q"}]}"#,
            r#"{"messages":[{"role":"system","content":"s"},{"role":"user","content":"q"},{"role":"assistant","content":"b"}]}"#,
        ),
        (Format::Text, r#"{"text":"a"}"#, r#"{"text":"b"}"#),
    ];
    for (format, before, after) in cases {
        let (mut set, _folder) = set(format, before);
        assert_eq!(written(&set), format!("{before}\n"));
        set.replace_response(0, "b");
        assert_eq!(written(&set), format!("{after}\n"));
        assert_eq!(set.rows[0].example.response(), Some("b"));
    }
}

#[test]
fn text_is_a_response_to_nothing() {
    let (set, _folder) = set(Format::Text, r#"[{"text":"once"}]"#);
    assert_eq!(turns(&set, 0), [(Role::Assistant, "once")]);
    assert_eq!(
        (set.rows[0].example.prompt().len(), set.layout),
        (0, Layout::Array)
    );
}

#[test]
fn byte_order_mark_blank_lines_and_windows_line_breaks_are_no_rows() {
    let rows = "\u{feff}\r\n{\"text\":\"a\"}\r\n\r\n  {\"text\":\"b\"}";
    let (set, _folder) = set(Format::Text, rows);
    let lines: Vec<_> = set.rows.iter().map(|row| row.line).collect();
    assert_eq!(lines, [2, 4]);
}

#[test]
fn rows_of_an_array_know_their_lines() {
    let (set, _folder) = set(
        Format::Text,
        "[\n {\"text\":\n \"a\"},{\"text\":\"b\"},\n{\"text\":\"c\"}]",
    );
    let lines: Vec<_> = set.rows.iter().map(|row| row.line).collect();
    assert_eq!(lines, [2, 3, 4]);
}

#[test]
fn the_papers_sets_come_back_byte_by_byte() {
    for (name, rows, with_history) in [
        ("alpaca_train", 2000, 0),
        ("distilled_alpaca", 2000, 0),
        ("openfunction_train", 2211, 0),
        ("distilled_openfunction", 2211, 0),
        ("dolly_train", 2000, 0),
    ] {
        let Some(path) = shared_file(&format!("data/sdft/{name}.json")) else {
            return;
        };
        let set = Dataset::read(&path, Format::Alpaca, &Columns::default()).unwrap();
        set.require_responses().unwrap();
        set.require_unique_ids().unwrap();
        assert_eq!(set.rows.len(), rows);
        let history = set
            .rows
            .iter()
            .filter(|row| row.example.messages.len() > 2)
            .count();
        assert_eq!(history, with_history);
        assert!(
            written(&set) == std::fs::read_to_string(&path).unwrap(),
            "{name}"
        );
    }
}

#[test]
fn histories_and_renamed_columns_of_the_papers_sets() {
    let Some(path) = shared_file("data/sdft/lima_train.json") else {
        return;
    };
    let lima = Dataset::read(&path, Format::Alpaca, &Columns::default()).unwrap();
    assert_eq!(
        lima.rows
            .iter()
            .filter(|row| row.example.messages.len() > 2)
            .count(),
        29
    );
    let Some(path) = shared_file("data/sdft/gsm8k_train.json") else {
        return;
    };
    let columns = "instruction=question,response=answer".parse().unwrap();
    let gsm8k = Dataset::read(&path, Format::Alpaca, &columns).unwrap();
    gsm8k.require_responses().unwrap();
    assert_eq!(gsm8k.rows.len(), 7473);
}

/// JSON strings with everything that needs care, line breaks and separators above all.
fn text() -> impl Strategy<Value = String> {
    "[ -~\n\r\t\u{0}\u{85}\u{2028}\u{feff}é🙂\\\\\"]{0,12}"
}

fn object() -> impl Strategy<Value = Map<String, Value>> {
    let value = prop_oneof![
        text().prop_map(Value::from),
        any::<i64>().prop_map(Value::from)
    ];
    prop::collection::vec((text(), value), 1..4).prop_map(Map::from_iter)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn rows_written_are_the_rows_read(
        objects in prop::collection::vec(object(), 1..6),
        array in any::<bool>(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows");
        let lines = objects.iter().map(|object| serde_json::to_string(object).unwrap());
        let joined = lines.collect::<Vec<_>>().join(if array { "," } else { "\n" });
        std::fs::write(&path, if array { format!("[{joined}]") } else { joined }).unwrap();
        let read = read_rows(&path).unwrap();
        let read: Vec<_> = read.rows.into_iter().map(|row| row.fields).collect();
        prop_assert_eq!(read, objects);
    }

    #[test]
    fn a_journal_cut_anywhere_keeps_its_whole_lines_and_goes_on(
        rows in prop::collection::vec(text(), 1..6),
        share in 0.0..1.0f64,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.jsonl");
        let (mut journal, before) = Journal::open::<String>(&path).unwrap();
        prop_assert!(before.is_empty());
        for row in &rows {
            journal.append(row).unwrap();
        }
        drop(journal);
        let bytes = std::fs::read(&path).unwrap();
        let (len, kept) = (bytes.len() as f64 * share, &rows);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the file")]
        std::fs::write(&path, &bytes[..len as usize]).unwrap();

        let (mut journal, kept_rows) = Journal::open::<String>(&path).unwrap();
        prop_assert_eq!(&kept_rows[..], &kept[..kept_rows.len()]);
        for row in &rows[kept_rows.len()..] {
            journal.append(row).unwrap();
        }
        prop_assert_eq!(std::fs::read(&path).unwrap(), bytes);
    }

    #[test]
    fn pairing_is_one_to_one_or_says_why_not(
        left in prop::collection::vec(0..6u8, 0..8),
        right in prop::collection::vec(0..6u8, 0..8),
    ) {
        let ids = |side: &[u8]| side.iter().map(|&id| Value::from(id)).collect::<Vec<_>>();
        let (left, right) = (ids(&left), ids(&right));
        let report = pair_by_id(&left, &right);
        prop_assert!(report.pairs.iter().all(|&(l, r)| left[l] == right[r]));
        for id in left.iter().chain(&right) {
            let named = report.pairs.iter().filter(|&&(l, _)| left[l] == *id).count()
                + [&report.missing, &report.extra, &report.repeated]
                    .iter()
                    .map(|ids| ids.iter().filter(|&other| other == id).count())
                    .sum::<usize>();
            prop_assert_eq!(named, 1);
        }
    }

    #[test]
    fn a_split_parts_all_rows_and_samples_grow(n in 0..200usize, share in 0.0..1.0f64, seed: u64) {
        let (train, held_out) = split(n, share, seed);
        let mut all = [train, held_out].concat();
        all.sort_unstable();
        prop_assert_eq!(all, (0..n).collect::<Vec<_>>());
        let (small, large) = (sample(n, n / 3, seed), sample(n, n / 2, seed));
        prop_assert!(small.iter().all(|row| large.binary_search(row).is_ok()));
        prop_assert!(large.is_sorted() && large.len() == n / 2);
    }
}
