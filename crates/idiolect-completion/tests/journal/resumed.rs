//! Runs that resume from a journal, whole or torn, of today or of an earlier version.

use std::fs;

use idiolect_completion::{
    AnswerRow, CompletionError, CompletionJournal, CompletionRequest, JournalRun, Prompt,
    WriterIdentity,
};
use idiolect_data::Journal;
use serde_json::json;

use crate::counter::{Counter, Folder, identity, requests};

#[test]
fn a_row_holds_the_text_and_all_that_made_it() {
    let folder = Folder::new();
    folder.answer(requests(2), &mut Counter::default()).unwrap();
    let written = fs::read_to_string(folder.path()).unwrap();
    let hash = Prompt::Text("x".into()).sha256();
    let expected = format!(
        "{{\"id\":\"row 1\",\"text\":\"1\",\"token_count\":1,\"finish_reason\":\"length\",\
         \"model\":\"counter\",\"adapter\":null,\
         \"sampler\":{{\"temperature\":0.9300000071525574,\"stops\":[]}},\
         \"prompt_sha256\":\"{hash}\",\"seed\":10,\"crc32c\":\"04d546f4\"}}"
    );
    assert_eq!(written.lines().nth(1), Some(expected.as_str()));
}

/// A row as version 0.1.0 wrote it, whose prompts were hashed as token ids.
#[test]
fn a_row_of_an_earlier_version_is_read() {
    let folder = Folder::new();
    let row = r####"{"id":3,"text":"It is 4.","token_count":5,"finish_reason":"stop_string","model":"5f","adapter":"a0","sampler":{"temperature":0.949999988079071,"top_k":50,"top_p":0.699999988079071,"min_p":0.0,"repetition_penalty":1.0,"stops":["###"],"stop_ids":[2],"max_new_tokens":512,"batch_size":8,"share_prefixes":true,"speculate":4,"dtype":"F32"},"prompt_sha256":"74234e98afe7498fb5daf1f36ac2d78acc339464f950703b8c019892f982b90b","seed":18446744073709551615}"####;
    fs::create_dir_all(folder.path().parent().unwrap()).unwrap();
    fs::write(folder.path(), format!("{row}\n")).unwrap();
    let writer = WriterIdentity {
        model: "5f".into(),
        adapter: Some("a0".into()),
        sampler: json!({
            "temperature": 0.95_f32, "top_k": 50, "top_p": 0.7_f32, "min_p": 0.0_f32,
            "repetition_penalty": 1.0_f32, "stops": ["###"], "stop_ids": [2], "max_new_tokens": 512,
            "batch_size": 8, "share_prefixes": true, "speculate": 4, "dtype": "F32",
        }),
    };
    let request = CompletionRequest::new(json!(3), Prompt::user("2 + 2?"), u64::MAX);
    let mut run = JournalRun::of("answers", writer, std::slice::from_ref(&request));
    // `printf 'null' | sha256sum`: what the caller hashes is the caller's.
    run.prompt_sha256 = Box::new(|_| idiolect_data::text_hash("null"));
    let mut journal = CompletionJournal::<AnswerRow>::open(&folder.path(), run).unwrap();
    let found = journal.row(&json!(3)).unwrap();
    journal.hold(&found, &request).unwrap();
    assert_eq!(serde_json::to_string(&found).unwrap(), row);
}

#[test]
fn killed_at_any_byte_a_run_ends_the_same() {
    let whole = Folder::new();
    let expected = whole.answer(requests(5), &mut Counter::default()).unwrap();
    let bytes = fs::read(whole.path()).unwrap();
    for cut in (0..=bytes.len()).step_by(13) {
        let killed = Folder::new();
        fs::create_dir_all(killed.path().parent().unwrap()).unwrap();
        fs::write(killed.path(), &bytes[..cut]).unwrap();
        let mut rest = Counter::default();
        assert_eq!(killed.answer(requests(5), &mut rest).unwrap(), expected);
        assert_eq!(fs::read(killed.path()).unwrap(), bytes);
        let done = bytes[..cut].split(|byte| *byte == b'\n').count() - 1;
        assert_eq!(rest.wrote.len(), 5 - done);
        // The writer sees the requests that are done too.
        assert_eq!(rest.calls, if done < 5 { vec![(5, done)] } else { vec![] });
    }
}

#[test]
fn a_writer_that_stops_leaves_what_it_wrote() {
    let folder = Folder::new();
    let mut failing = Counter {
        fails_after: Some(3),
        ..Counter::default()
    };
    let error = folder.answer(requests(7), &mut failing).unwrap_err();
    assert_eq!(
        error.to_string(),
        "answers: stopped after 3 of 7 texts: the server is gone"
    );
    let mut rest = Counter::default();
    folder.answer(requests(7), &mut rest).unwrap();
    assert_eq!(
        rest.wrote,
        [json!("row 3"), json!(4), json!("row 5"), json!(6)]
    );
}

#[test]
fn requests_may_come_in_windows() {
    let (folder, whole) = (Folder::new(), Folder::new());
    let expected = whole.answer(requests(7), &mut Counter::default()).unwrap();
    let run = JournalRun::of("answers", identity(), &requests(7));
    let mut journal = CompletionJournal::open(&folder.path(), run).unwrap();
    let mut writer = Counter::default();
    let row = &mut |made, done| Ok::<_, CompletionError>(AnswerRow::new(made, done));
    for window in requests(7).chunks(3) {
        journal.complete(window.to_vec(), &mut writer, row).unwrap();
    }
    assert_eq!(writer.calls, [(3, 0), (3, 0), (1, 0)]);
    assert_eq!((journal.len(), journal.rows().unwrap()), (7, expected));
    assert_eq!(
        fs::read(folder.path()).unwrap(),
        fs::read(whole.path()).unwrap()
    );
}

#[test]
fn a_journal_that_is_being_written_is_read_and_left_alone() {
    let folder = Folder::new();
    let rows = folder.answer(requests(3), &mut Counter::default()).unwrap();
    let bytes = fs::read(folder.path()).unwrap();
    for torn in ["", "{\"id\": 4", "{\"id\n"] {
        let text = [&bytes, torn.as_bytes()].concat();
        fs::write(folder.path(), &text).unwrap();
        assert_eq!(Journal::read::<AnswerRow>(&folder.path()).unwrap(), rows);
        assert_eq!(fs::read(folder.path()).unwrap(), text);
    }
    fs::write(folder.path(), [b"{\"id\n", bytes.as_slice()].concat()).unwrap();
    let error = Journal::read::<AnswerRow>(&folder.path())
        .unwrap_err()
        .to_string();
    assert!(error.contains("answers.jsonl: line 1, column "), "{error}");
    let missing = Journal::read::<AnswerRow>(&folder.0.path().join("no")).unwrap_err();
    assert!(missing.to_string().contains("no: cannot read: "));
}
