//! The journal from outside: what it refuses, how a run resumes, and that rows of earlier versions are read.
#![allow(clippy::unwrap_used, reason = "a test's own files")]

use std::fs;
use std::path::PathBuf;

use idiolect_completion::{
    AnswerRow, BoxError, Completion, CompletionError, CompletionJournal, CompletionRequest,
    FinishReason, JournalRun, Prompt, Writer, WriterIdentity, read_journal,
};
use serde_json::{Value, json};

/// Says the number of letters of a prompt; may fail, repeat, leave out and invent.
/// Makes other requests of those that were asked.
type Odd = fn(&[CompletionRequest]) -> Vec<CompletionRequest>;

#[derive(Default)]
struct Counter {
    fails_after: Option<usize>,
    wrote: Vec<Value>,
    /// How many requests came, and how many of them were done, at each call.
    calls: Vec<(usize, usize)>,
    odd: Option<Odd>,
}

fn identity() -> WriterIdentity {
    WriterIdentity {
        sampler: json!({"temperature": 0.93_f32, "stops": []}),
        ..WriterIdentity::named("counter")
    }
}

impl Writer for Counter {
    fn identity(&self) -> WriterIdentity {
        identity()
    }

    fn complete(
        &mut self,
        requests: &[CompletionRequest],
        on_done: &mut dyn FnMut(Completion) -> Result<(), BoxError>,
    ) -> Result<(), BoxError> {
        let done = requests.iter().filter(|request| request.done).count();
        self.calls.push((requests.len(), done));
        let requests = self.odd.map_or(requests.to_vec(), |odd| odd(requests));
        for request in requests.iter().filter(|request| !request.done) {
            if self.fails_after == Some(self.wrote.len()) {
                return Err("the server is gone".into());
            }
            self.wrote.push(request.id.clone());
            let Prompt::Text(text) = &request.prompt else {
                return Err("expected a text".into());
            };
            on_done(Completion {
                token_count: 1,
                finish_reason: FinishReason::Length,
                ..Completion::new(request.id.clone(), text.len().to_string())
            })?;
        }
        Ok(())
    }
}

fn requests(count: usize) -> Vec<CompletionRequest> {
    let request = |n: usize| {
        let id = if n.is_multiple_of(2) {
            json!(n)
        } else {
            json!(format!("row {n}"))
        };
        CompletionRequest::new(id, Prompt::Text("x".repeat(n)), n as u64 * 10)
    };
    (0..count).map(request).collect()
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("journal/answers.jsonl")
    }

    fn run(
        &self,
        run: JournalRun<'_>,
        requests: Vec<CompletionRequest>,
        writer: &mut Counter,
    ) -> Result<Vec<AnswerRow>, CompletionError> {
        let mut journal = CompletionJournal::open(&self.path(), run)?;
        journal.finish(requests, writer, &mut |made, done| {
            Ok(AnswerRow::new(made, done))
        })
    }

    fn answer(
        &self,
        requests: Vec<CompletionRequest>,
        writer: &mut Counter,
    ) -> Result<Vec<AnswerRow>, CompletionError> {
        let run = JournalRun::of("answers", identity(), &requests);
        self.run(run, requests, writer)
    }

    /// The error's text, without the folder.
    fn told(&self, error: &CompletionError) -> String {
        let folder = self.0.path().join("journal").display().to_string();
        error.to_string().replace(&format!("{folder}/"), "")
    }

    fn refusal(&self, run: JournalRun<'_>, requests: Vec<CompletionRequest>) -> String {
        let mut nobody = Counter {
            fails_after: Some(0),
            ..Counter::default()
        };
        let error = self.run(run, requests, &mut nobody).unwrap_err();
        assert!(nobody.wrote.is_empty());
        self.told(&error)
    }
}

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
         \"prompt_sha256\":\"{hash}\",\"seed\":10}}"
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
fn the_rows_of_another_run_are_refused_with_what_differs() {
    let folder = Folder::new();
    folder.answer(requests(3), &mut Counter::default()).unwrap();
    let run = |change: fn(&mut WriterIdentity)| {
        let mut writer = identity();
        change(&mut writer);
        folder.refusal(JournalRun::of("answers", writer, &requests(3)), requests(3))
    };
    assert_eq!(
        run(|writer| writer.model = "other".into()),
        "answers.jsonl: id 0: model differs: journal \"counter\", now \"other\"; \
         use another journal or the settings of this one"
    );
    assert!(
        run(|writer| writer.adapter = Some("a".into())).contains("adapter differs: journal null")
    );
    assert!(
        run(|writer| writer.sampler["temperature"] = json!(0.5)).contains(": sampler differs: ")
    );
    let seeds = JournalRun::new("answers", identity(), |_| Some(7));
    assert!(
        folder
            .refusal(seeds, requests(3))
            .contains(": seed differs: journal 0, now 7;")
    );
    let mut other = requests(3);
    other[1].prompt = Prompt::Text("y".into());
    let told = folder.refusal(JournalRun::of("answers", identity(), &other), other);
    assert!(
        told.contains("id \"row 1\": prompt_sha256 differs: "),
        "{told}"
    );
}

#[test]
fn ids_that_are_unknown_or_stand_twice_are_refused() {
    let folder = Folder::new();
    folder.answer(requests(3), &mut Counter::default()).unwrap();
    let of = |count| JournalRun::of("answers", identity(), &requests(count));
    assert_eq!(
        folder.refusal(of(2), requests(2)),
        "answers.jsonl: 0 texts missing, 1 that nobody asked for, 0 repeated (ids 2)"
    );
    // A run that knows an id and does not ask for it leaves its row alone.
    let mut nobody = Counter::default();
    folder.run(of(3), requests(2), &mut nobody).unwrap();
    assert!(nobody.wrote.is_empty());
    let lines = fs::read_to_string(folder.path()).unwrap();
    let first = lines.split_inclusive('\n').next().unwrap();
    fs::write(folder.path(), format!("{lines}{first}{first}")).unwrap();
    assert_eq!(
        folder.refusal(of(3), requests(3)),
        "answers.jsonl: 0 texts missing, 0 that nobody asked for, 1 repeated (ids 0)"
    );
    fs::remove_file(folder.path()).unwrap();
    let mut twice = requests(2);
    twice.push(twice[1].clone());
    assert_eq!(
        folder.refusal(of(2), twice),
        "the requests: 0 texts missing, 0 that nobody asked for, 1 repeated (ids \"row 1\")"
    );
    fs::write(folder.path(), "{\"id\": 1}\n").unwrap();
    let told = folder.refusal(of(3), requests(3));
    assert!(
        told.starts_with(
            "answers.jsonl: line 1, column 9: not the row expected here: missing field"
        ),
        "{told}"
    );
}

#[test]
fn a_writer_that_leaves_out_repeats_or_invents_is_found_out() {
    let told = |odd| {
        let folder = Folder::new();
        let mut writer = Counter {
            odd: Some(odd),
            ..Counter::default()
        };
        folder.told(&folder.answer(requests(3), &mut writer).unwrap_err())
    };
    assert_eq!(
        told(|requests| requests[2..].to_vec()),
        "the writer: 2 texts missing, 0 that nobody asked for, 0 repeated (ids 0, \"row 1\")"
    );
    assert_eq!(
        told(|requests| [requests, &requests[2..]].concat()),
        "the writer: 0 texts missing, 0 that nobody asked for, 1 repeated (ids 2)"
    );
    assert_eq!(
        told(|requests| {
            let mut all = requests.to_vec();
            all[1].id = json!("row 9");
            all
        }),
        "the writer: 0 texts missing, 1 that nobody asked for, 0 repeated (ids \"row 9\")"
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
        assert_eq!(read_journal::<AnswerRow>(&folder.path()).unwrap(), rows);
        assert_eq!(fs::read(folder.path()).unwrap(), text);
    }
    fs::write(folder.path(), [b"{\"id\n", bytes.as_slice()].concat()).unwrap();
    let error = read_journal::<AnswerRow>(&folder.path())
        .unwrap_err()
        .to_string();
    assert!(error.contains("answers.jsonl: line 1, column "), "{error}");
    let missing = read_journal::<AnswerRow>(&folder.0.path().join("no")).unwrap_err();
    assert!(missing.to_string().contains("no: cannot read: "));
}

/// Every f32 of two digits goes through the journal's text; some of them read back another in the last bit.
#[test]
fn a_number_that_reads_back_another_is_no_other_sampler() {
    for hundredths in 1..=200_u16 {
        let writer = WriterIdentity {
            sampler: json!({"temperature": f32::from(hundredths) / 100.0}),
            ..WriterIdentity::named("m")
        };
        let folder = Folder::new();
        for _ in 0..2 {
            let run = JournalRun::of("answers", writer.clone(), &requests(1));
            folder
                .run(run, requests(1), &mut Counter::default())
                .unwrap();
        }
    }
}
