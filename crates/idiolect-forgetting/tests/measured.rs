//! Forgetting on a tiny checkpoint: what did not move has forgotten nothing, an adapter of PEFT's has, and the number
//! is the divergence over the whole vocabulary within its interval.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests end them"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use idiolect_completion::{Progress, Quiet};
use idiolect_forgetting::{
    BaseAnswers, Forgetting, ForgettingError, ForgettingPlace, ForgettingSettings,
};
use idiolect_lm::LanguageModel;
use idiolect_testkit::shared;

fn model() -> Option<LanguageModel> {
    let folder = shared()?.join("oracles/tiny/tiny-llama3");
    Some(LanguageModel::open(&folder.display().to_string()).expect("tiny-llama3"))
}

fn tuned(base: &LanguageModel) -> LanguageModel {
    let run = shared().unwrap().join("oracles/peft/tiny-llama3/all");
    base.load_adapter(&run.join("adapter_final")).unwrap()
}

/// Settings that fit a model of few positions.
fn settings(folder: &Path, prompts: usize) -> ForgettingSettings {
    let rows = (0..prompts).map(|at| format!("{{\"id\": \"p{at}\", \"prompt\": \"Say {at}\"}}\n"));
    let own = folder.join("prompts.jsonl");
    fs::write(&own, rows.collect::<String>()).unwrap();
    ForgettingSettings {
        forgetting_prompts: Some(own),
        forgetting_tokens: 12,
        ..ForgettingSettings::of(prompts)
    }
}

fn place(folder: &Path, journal: &str) -> ForgettingPlace {
    ForgettingPlace {
        journal: Some(folder.join(journal)),
        cache: Some(folder.join("cache")),
    }
}

fn cached(folder: &Path) -> PathBuf {
    let mut files = fs::read_dir(folder.join("cache")).unwrap();
    files.next().unwrap().unwrap().path()
}

fn measure(
    base: &LanguageModel,
    settings: &ForgettingSettings,
    at: &ForgettingPlace,
) -> Forgetting {
    let answers = BaseAnswers::draw(base, settings, at, &Quiet).unwrap();
    answers.measure(&tuned(base), &Quiet).unwrap()
}

#[test]
fn a_model_that_did_not_move_has_forgotten_nothing() {
    let Some(base) = model() else { return };
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path(), 10);
    let answers = BaseAnswers::draw(&base, &settings, &ForgettingPlace::default(), &Quiet).unwrap();
    let same = answers.measure(&base, &Quiet).unwrap();
    assert_eq!(same.prompts, 10);
    assert!(
        same.rows
            .iter()
            .all(|row| (row.after - row.before).abs() < 1e-12),
        "{same:?}"
    );
    assert!(same.plain_text.rise.mean.abs() < 1e-12, "{same:?}");
    let moved = answers.measure(&tuned(&base), &Quiet).unwrap();
    assert!(
        moved.rise.mean > 1e-3 && moved.rise.low < moved.rise.high,
        "{:?}",
        moved.rise
    );
}

#[test]
fn answers_are_drawn_once_and_a_draw_that_was_interrupted_gives_the_same() {
    let Some(base) = model() else { return };
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path(), 20);
    let first = place(folder.path(), "first.jsonl");
    let whole = measure(&base, &settings, &first);
    let journal = fs::read_to_string(first.journal.as_ref().unwrap()).unwrap();
    assert_eq!(journal.lines().count(), 20);

    // From the cache: nothing is drawn, and the run's own journal stays empty.
    let heard = Heard::default();
    let second = place(folder.path(), "second.jsonl");
    BaseAnswers::draw(&base, &settings, &second, &heard).unwrap();
    assert_eq!(heard.drawn.load(Ordering::Relaxed), 0);
    assert_eq!(measure(&base, &settings, &second), whole);

    // From half a journal, with a torn row at its end, and without a cache.
    fs::remove_dir_all(folder.path().join("cache")).unwrap();
    let third = place(folder.path(), "third.jsonl");
    let half: Vec<&str> = journal.lines().take(11).collect();
    let half = half.join("\n");
    fs::write(
        third.journal.as_ref().unwrap(),
        format!("{half}\n{{\"id\": \"p1"),
    )
    .unwrap();
    assert_eq!(measure(&base, &settings, &third), whole);
    let resumed = fs::read_to_string(third.journal.as_ref().unwrap()).unwrap();
    assert_eq!(resumed, journal);

    // Fewer prompts are a part of more.
    let fewer = ForgettingSettings {
        forgetting: Some(5),
        ..settings.clone()
    };
    let fewer = measure(
        &base,
        &fewer,
        &ForgettingPlace {
            journal: None,
            ..third.clone()
        },
    );
    assert_eq!(fewer.rows[..], whole.rows[..5]);
    assert_eq!(
        fs::read_to_string(cached(folder.path()))
            .unwrap()
            .lines()
            .count(),
        20
    );
}

#[test]
fn answers_of_another_model_or_setting_are_refused_and_a_damaged_cache_is_drawn_anew() {
    let Some(base) = model() else { return };
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path(), 6);
    let own = place(folder.path(), "own.jsonl");
    let whole = measure(&base, &settings, &own);
    let longer = ForgettingSettings {
        forgetting_tokens: 13,
        ..settings.clone()
    };
    let error = BaseAnswers::draw(&base, &longer, &own, &Quiet).unwrap_err();
    assert!(matches!(error, ForgettingError::Differs { .. }), "{error}");
    assert!(error.to_string().contains("own.jsonl: row p0"), "{error}");

    fs::write(cached(folder.path()), "no JSON\n{}\n").unwrap();
    assert_eq!(
        measure(&base, &settings, &place(folder.path(), "new.jsonl")),
        whole
    );
}

#[test]
fn numbers_of_an_earlier_call_are_taken_where_they_are_those_of_the_answers() {
    let Some(base) = model() else { return };
    let folder = tempfile::tempdir().unwrap();
    let place = place(folder.path(), "journal.jsonl");
    let settings = settings(folder.path(), 6);
    let answers = BaseAnswers::draw(&base, &settings, &place, &Quiet).unwrap();
    let whole = answers.measure(&tuned(&base), &Quiet).unwrap();
    let file = folder.path().join("forgetting.json");
    assert!(answers.measured(&file).is_none());
    whole.write(&file).unwrap();
    assert_eq!(answers.measured(&file).unwrap().rows.len(), 6);
    let damages: [fn(&mut Forgetting); 5] = [
        |found| found.rise.mean *= 2.0,
        |found| found.rows[0].after += 1.0,
        |found| found.rows[1].before += 1.0,
        |found| found.rows[2].id.push('x'),
        |found| drop(found.rows.pop()),
    ];
    for damage in damages {
        let mut other = whole.clone();
        damage(&mut other);
        other.write(&file).unwrap();
        assert!(answers.measured(&file).is_none(), "{other:?}");
    }
    fs::write(&file, "{}").unwrap();
    assert!(answers.measured(&file).is_none());
}

#[test]
fn prompts_that_leave_no_room_are_left_out_and_counted() {
    let Some(base) = model() else { return };
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path(), 3);
    let path = settings.forgetting_prompts.clone().unwrap();
    let long = format!("{{\"prompt\": \"{}\"}}\n", "many words ".repeat(4000));
    let others = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{long}{others}")).unwrap();
    let heard = Heard::default();
    let nowhere = ForgettingPlace::default();
    let answers = BaseAnswers::draw(&base, &settings, &nowhere, &heard).unwrap();
    let found = answers.measure(&base, &Quiet).unwrap();
    assert_eq!((found.prompts, found.left_out), (3, 1));
    assert!(
        heard
            .notes
            .lock()
            .unwrap()
            .iter()
            .any(|note| note.contains("behind them: 1"))
    );
    fs::write(&path, long).unwrap();
    let error = BaseAnswers::draw(&base, &settings, &nowhere, &Quiet).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("forgetting_prompts: expected prompts"),
        "{error}"
    );
}

/// Counts what is drawn, and keeps what is said.
#[derive(Default)]
struct Heard {
    drawn: AtomicUsize,
    notes: Mutex<Vec<String>>,
}

impl Progress for Heard {
    fn begin(&self, stage: &str, total: usize) {
        if stage.contains("own answers") {
            self.drawn.store(total, Ordering::Relaxed);
        }
    }

    fn note(&self, line: &str) {
        self.notes.lock().unwrap().push(line.to_owned());
    }
}
