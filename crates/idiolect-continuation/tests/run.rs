//! Whole runs: rows, verdicts, filters, judges, targets, numbers.
#![allow(
    clippy::unwrap_used,
    clippy::float_cmp,
    reason = "a test's own files and exact shares"
)]

mod common;

use common::{Folder, Scripted, corpus, settings, shared, shown, teacher};
use idiolect_continuation::{
    BoxError, Completion, ContinuationRequest, Corpus, Filters, Identity, PAPER_SYSTEM, Prompt,
    RowFormat, Settings, Shown, Target, TextToText, continue_corpus,
};
use idiolect_data::{Columns, DataSet, Format};
use serde_json::json;

const ALL: Filters = Filters {
    empty: true,
    unfinished: true,
    capital: true,
    instructional: true,
    conversational: true,
};

#[test]
fn rows_verdicts_and_numbers_agree() {
    let folder = Folder::new();
    let corpus = corpus(folder.0.path(), 70);
    let settings = Settings {
        filters: ALL,
        ..settings(60)
    };
    let mut writer = Scripted::default();
    let continued = folder.run(&corpus, &settings, &mut writer).unwrap();
    let summary = &continued.summary;
    let (verdicts, rows) = (folder.rows("verdicts.jsonl"), folder.rows("rows.jsonl"));
    assert_eq!(
        (
            verdicts.len(),
            summary.corpus.sampled,
            summary.corpus.documents
        ),
        (60, 60, 70)
    );
    let kept: Vec<_> = verdicts
        .iter()
        .filter(|row| row["verdict"] == "keep")
        .collect();
    assert_eq!((kept.len(), rows.len()), (summary.rows, summary.rows));
    assert!(
        kept.iter()
            .zip(&rows)
            .all(|(verdict, row)| verdict["id"] == row["id"])
    );
    for (reason, &count) in &summary.rejected {
        let found = verdicts
            .iter()
            .filter(|row| row["reason"] == reason.as_str());
        assert_eq!(found.count(), count, "{reason}");
    }
    assert_eq!(summary.rejected.len(), 5, "{summary:?}");
    assert_eq!(summary.rejected.values().sum::<usize>() + summary.rows, 60);
    assert_eq!(summary.empty, summary.rejected["empty"]);
    assert_eq!(
        summary.never_ending_share,
        summary.never_ending as f64 / 60.0
    );
    let asked = [
        &summary.judged["instructional"],
        &summary.judged["conversational"],
    ];
    assert_eq!((asked[0].texts, asked[0].unclear), (asked[1].texts, 0));
    let passed: f64 = summary.passed_share.values().product();
    assert!((passed - summary.kept_share).abs() < 1e-12);
    assert_eq!(writer.wrote.len(), 60 + 2 * asked[0].texts);
    assert_eq!(writer.largest, 7);
    let written = serde_json::to_string_pretty(summary).unwrap();
    assert_eq!(folder.read("summary.json"), written + "\n");
}

#[test]
fn the_rows_are_what_training_reads() {
    let folder = Folder::new();
    let corpus = corpus(folder.0.path(), 12);
    let keep = Filters {
        empty: false,
        ..Filters::default()
    };
    let settings = Settings {
        filters: keep,
        ..settings(12)
    };
    folder
        .run(&corpus, &settings, &mut Scripted::default())
        .unwrap();
    let halves = folder.rows("halves.jsonl");
    let columns = Columns::default();
    let set = DataSet::read(
        &folder.path().join("rows.jsonl"),
        Format::Messages,
        &columns,
    )
    .unwrap();
    set.require_responses().unwrap();
    assert_eq!(set.rows.len(), 12);
    for (row, half) in set.rows.iter().zip(&halves) {
        assert_eq!(
            (&row.example.id, row.example.instruction()),
            (&half["id"], half["first"].as_str().unwrap())
        );
    }
    let text = Settings {
        rows: RowFormat::Text,
        target: Target::Original,
        ..settings
    };
    folder
        .run(&corpus, &text, &mut Scripted::default())
        .unwrap();
    let set = DataSet::read(&folder.path().join("rows.jsonl"), Format::Text, &columns).unwrap();
    let documents: Vec<_> = corpus
        .documents()
        .map(|found| found.unwrap().text)
        .collect();
    let found: Vec<_> = set
        .rows
        .iter()
        .map(|row| row.example.response().unwrap().to_owned())
        .collect();
    assert_eq!(found, documents);
}

/// Refuses to write anything.
fn nobody() -> impl FnMut(&ContinuationRequest) -> Result<Completion, BoxError> {
    |request: &ContinuationRequest| Err(format!("{} was asked for", request.id).into())
}

#[test]
fn the_original_needs_no_teacher() {
    let folder = Folder::new();
    let corpus = corpus(folder.0.path(), 9);
    let settings = Settings {
        target: Target::Original,
        ..settings(5)
    };
    let continued = folder.run(&corpus, &settings, &mut nobody()).unwrap();
    assert_eq!((continued.summary.rows, continued.summary.tokens), (5, 0));
    let halves = folder.rows("halves.jsonl");
    for (row, half) in folder.rows("rows.jsonl").iter().zip(&halves) {
        assert_eq!(row["messages"][1]["content"], half["second"]);
    }
    let teacher = Settings {
        target: Target::Teacher,
        ..settings
    };
    assert_eq!(
        folder.refusal(&corpus, &teacher, &mut |_: &ContinuationRequest| Err(
            "away".into()
        )),
        "continuations: stopped after 0 of 5 texts: away"
    );
}

#[test]
fn a_teacher_is_shown_the_half_raw_or_as_a_turn() {
    let folder = Folder::new();
    let corpus = corpus(folder.0.path(), 1);
    let first = |shown: Shown| {
        let settings = Settings {
            shown,
            ..settings(1)
        };
        let folder = Folder::new();
        let mut seen = Vec::new();
        let mut writer = |request: &ContinuationRequest| {
            seen.push(request.prompt.clone());
            let (id, text) = (request.id.clone(), "on".to_owned());
            Ok(Completion {
                id,
                text,
                token_count: 1,
                passes: None,
                finish_reason: "stop".into(),
            })
        };
        folder.run(&corpus, &settings, &mut writer).unwrap();
        let text = folder.rows("rows.jsonl")[0]["messages"][1]["content"].clone();
        (seen.remove(0), text)
    };
    let (raw, text) = first(Shown::Raw);
    assert!(matches!(raw, Prompt::Text(half) if half.starts_with("w0 w0")));
    assert_eq!(text, "on");
    let (chat, text) = first(Shown::Chat {
        system: Some(PAPER_SYSTEM.into()),
    });
    let Prompt::Chat(turns) = chat else {
        unreachable!()
    };
    let roles: Vec<_> = turns.iter().map(|turn| turn.role.as_str()).collect();
    assert_eq!(
        (roles, turns[0].content.as_str()),
        (vec!["system", "user"], PAPER_SYSTEM)
    );
    assert_eq!(text, " on");
}

#[test]
fn another_judge_may_be_asked() {
    let folder = Folder::new();
    let corpus = corpus(folder.0.path(), 20);
    let filters = Filters {
        conversational: true,
        ..Filters::default()
    };
    let judge = Identity {
        model: "judge".into(),
        ..teacher()
    };
    let settings = Settings {
        filters,
        judge,
        ..settings(20)
    };
    let mut asked = 0;
    let mut judge = |request: &ContinuationRequest| {
        assert!(shown(request).contains("Is this passage a conversation?"));
        asked += 1;
        let text = if asked == 1 { "yes" } else { "Hard to say." };
        let id = request.id.clone();
        Ok(Completion {
            id,
            text: text.into(),
            token_count: 1,
            passes: None,
            finish_reason: "stop".into(),
        })
    };
    let judge: &mut dyn TextToText = &mut judge;
    let mut writer = Scripted::default();
    let continued =
        continue_corpus(&corpus, &settings, &mut writer, Some(judge), &folder.path()).unwrap();
    let summary = continued.summary;
    let said = &summary.judged["conversational"];
    assert_eq!(
        (said.yes, said.unclear, said.texts),
        (1, said.texts - 1, asked)
    );
    assert_eq!(summary.rejected["conversational"], 1);
    assert_eq!(
        folder.rows("journal/conversational.jsonl")[0]["model"],
        "judge"
    );
    assert_eq!(
        folder.rows("journal/continuations.jsonl")[0]["model"],
        "scripted"
    );
}

#[test]
fn settings_out_of_range_and_corpora_without_documents_are_refused() {
    let folder = Folder::new();
    let corpus = corpus(folder.0.path(), 3);
    let told = |settings| folder.refusal(&corpus, &settings, &mut nobody());
    let base = settings(3);
    assert_eq!(told(settings(0)), "documents: expected at least 1, found 0");
    assert_eq!(
        told(Settings {
            min_words: 1,
            ..base.clone()
        }),
        "min_words: expected at least 2, found 1"
    );
    assert_eq!(
        told(Settings {
            max_words: 3,
            ..base.clone()
        }),
        "max_words: expected at least min_words, 8, found 3"
    );
    assert_eq!(
        told(Settings {
            window: 0,
            ..base.clone()
        }),
        "window: expected at least 1, found 0"
    );
    assert_eq!(
        told(Settings {
            min_words: 1000,
            ..base.clone()
        }),
        "corpus.jsonl: expected a document of at least 1000 words, found 3 documents, none of them such"
    );
    let twice = folder.0.path().join("twice.jsonl");
    let row = json!({"id": 5, "text": "a b c d e f g h i j"}).to_string() + "\n";
    std::fs::write(&twice, row.repeat(2)).unwrap();
    let mut corpus = Corpus::find(&twice).unwrap();
    let ids = |corpus: &Corpus| {
        let folder = Folder::new();
        folder.run(corpus, &base, &mut Scripted::default()).unwrap();
        let verdicts = folder.rows("verdicts.jsonl");
        verdicts
            .iter()
            .map(|row| row["id"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(&corpus), [json!(5), json!("5 (twice.jsonl:2)")]);
    corpus.id = None;
    assert_eq!(
        ids(&corpus),
        [json!("twice.jsonl:1"), json!("twice.jsonl:2")]
    );
}

#[test]
fn real_articles_are_halved_within_their_middle() {
    let Some(path) = shared("corpus/usgov_articles.jsonl.zst") else {
        return;
    };
    let folder = Folder::new();
    let settings = Settings {
        target: Target::Original,
        ..settings(500)
    };
    let corpus = Corpus::find(&path).unwrap();
    let summary = folder
        .run(&corpus, &settings, &mut nobody())
        .unwrap()
        .summary;
    assert_eq!((summary.corpus.documents, summary.rows), (1827, 500));
    let share = summary.first_words / (summary.first_words + summary.second_words);
    assert!((share - 0.5).abs() < 0.03, "{share}");
    for half in folder.rows("halves.jsonl") {
        let share = half["first_words"].as_f64().unwrap() / half["words"].as_f64().unwrap();
        assert!((0.25..=0.75).contains(&share), "{half}");
    }
}
