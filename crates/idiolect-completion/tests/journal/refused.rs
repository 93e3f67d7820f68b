//! What a journal refuses: rows of another run, ids out of place, a writer that does not keep to its requests.

use std::fs;

use idiolect_completion::{JournalRun, Prompt, WriterIdentity};
use serde_json::json;

use crate::counter::{Counter, Folder, identity, requests};

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
        "answers.jsonl: id 0: the option model was counter, is other; what it was begun with resumes it, or another \
         run directory (the option out) begins a new run"
    );
    assert!(
        run(|writer| writer.adapter = Some("a".into()))
            .contains("the option adapter was none, is a;")
    );
    assert!(
        run(|writer| writer.sampler["temperature"] = json!(0.5))
            .contains(": the option temperature was ")
    );
    let seeds = JournalRun::new("answers", identity(), |_| Some(7));
    assert!(
        folder
            .refusal(seeds, requests(3))
            .contains(": the option seed is another;")
    );
    let mut other = requests(3);
    other[1].prompt = Prompt::Text("y".into());
    let told = folder.refusal(JournalRun::of("answers", identity(), &other), other);
    assert!(
        told.contains("id \"row 1\": its prompt is another: other data"),
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
