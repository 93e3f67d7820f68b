//! Rows, verdicts and numbers of a run, and that training reads them.

use idiolect_completion::{Completion, CompletionRequest};
use idiolect_continuation::{
    ContinuationConfig, ContinuationWriters, Corpus, Filters, RowForm, Target, continue_corpus,
};
use idiolect_data::{Columns, Dataset, Format};

use crate::common::{Folder, Scripted, corpus, nobody, settings, shared, shown, writer};

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
    let settings = ContinuationConfig {
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
    let settings = ContinuationConfig {
        filters: keep,
        ..settings(12)
    };
    folder
        .run(&corpus, &settings, &mut Scripted::default())
        .unwrap();
    let halves = folder.rows("halves.jsonl");
    let columns = Columns::default();
    let set = Dataset::read(
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
    let text = ContinuationConfig {
        rows: RowForm::Text,
        target: Target::Original,
        ..settings
    };
    folder
        .run(&corpus, &text, &mut Scripted::default())
        .unwrap();
    let set = Dataset::read(&folder.path().join("rows.jsonl"), Format::Text, &columns).unwrap();
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

#[test]
fn the_original_needs_no_teacher() {
    let folder = Folder::new();
    let corpus = corpus(folder.0.path(), 9);
    let original = ContinuationConfig {
        target: Target::Original,
        ..settings(5)
    };
    let continued = folder.run(&corpus, &original, &mut nobody()).unwrap();
    assert_eq!((continued.summary.rows, continued.summary.tokens), (5, 0));
    let halves = folder.rows("halves.jsonl");
    for (row, half) in folder.rows("rows.jsonl").iter().zip(&halves) {
        assert_eq!(row["messages"][1]["content"], half["second"]);
    }
    let teacher = ContinuationConfig {
        target: Target::Teacher,
        ..original.clone()
    };
    assert_eq!(
        folder.refusal(
            &corpus,
            &teacher,
            &mut writer(|_: &CompletionRequest| Err("away".into()))
        ),
        "continuations: stopped after 0 of 5 texts: away"
    );
    let none = ContinuationWriters::default;
    let run = |config| continue_corpus(&corpus, config, none(), &folder.path());
    let error = run(&teacher).unwrap_err().to_string();
    assert_eq!(error, "teacher: expected a writer, found none");
    let filters = Filters {
        conversational: true,
        ..Filters::default()
    };
    let judged = ContinuationConfig {
        filters,
        ..original.clone()
    };
    let error = run(&judged).unwrap_err().to_string();
    assert_eq!(error, "judge: expected a writer, found none");
    assert_eq!(run(&original).unwrap(), continued);
}

/// A set as it is, judged: what Table 8 of the paper has of sets that nobody continued.
#[test]
fn whole_documents_are_judged_without_a_teacher() {
    let folder = Folder::new();
    let corpus = corpus(folder.0.path(), 9);
    let filters = Filters {
        instructional: true,
        conversational: true,
        ..Filters::default()
    };
    let whole = ContinuationConfig {
        target: Target::Whole,
        filters,
        ..settings(9)
    };
    let texts: Vec<String> = corpus
        .documents()
        .map(|found| found.unwrap().text)
        .collect();
    let mut judge = writer(|asked: &CompletionRequest| {
        let content = shown(asked);
        let about = texts
            .iter()
            .position(|text| content.contains(text.trim()))
            .ok_or("no whole text")?;
        let yes = content.contains("a conversation?") && about < 3;
        let answer = if yes { "Yes" } else { "No" };
        Ok(Completion::new(asked.id.clone(), answer.to_owned()))
    });
    let writers = ContinuationWriters {
        teacher: None,
        judge: Some(&mut judge),
    };
    let summary = continue_corpus(&corpus, &whole, writers, &folder.path())
        .unwrap()
        .summary;
    assert_eq!((summary.rows, summary.rejected["conversational"]), (6, 3));
    assert!((summary.passed_share["conversational"] - 6.0 / 9.0).abs() < 1e-12);
    assert!((summary.passed_share["instructional"] - 1.0).abs() < 1e-12);
    for row in folder.rows("rows.jsonl") {
        assert!(texts.iter().any(|text| row["text"] == text.trim()), "{row}");
    }
}

#[test]
fn real_articles_are_halved_within_their_middle() {
    let Some(path) = shared("corpus/usgov_articles.jsonl.zst") else {
        return;
    };
    let folder = Folder::new();
    let settings = ContinuationConfig {
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
