//! Tasks of a user's own, from a TOML file and from a struct, asked and scored like those that come with the crate.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests end them"
)]

mod common;

use std::fs;
use std::path::Path;

use common::{DRAWS, Teller};
use idiolect_completion::{
    BoxError, Completion, CompletionRequest, Likelihood, LikelihoodRequest, Prompt, Quiet, Scorer,
    Writer, WriterIdentity,
};
use idiolect_eval::{
    AnswerSettings, ChoiceForm, Choices, EvalError, GenerateForm, ItemForm, ItemRequest, Metric,
    PromptForm, RightChoice, Task, run, summarize,
};

fn lines(folder: &Path, name: &str, rows: &[&str]) {
    fs::write(folder.join(name), rows.join("\n")).unwrap();
}

fn task(folder: &Path, toml: &str) -> Result<Task, EvalError> {
    let path = folder.join("task.toml");
    fs::write(&path, toml).unwrap();
    path.to_str().unwrap().parse()
}

const CAPITALS: &str = r#"
name = "capitals"
file = "capitals.jsonl"
id_field = "land"
group_field = "continent"

[examples]
file = "shown.jsonl"
leaderboard_shots = 1

[form.generate]
prompt = "Capital of {land}? {{one word}}"
worked_example = "{land}: {capital}\n"
prompt_form = "text"
stops = ["\n"]
max_new_tokens = 8
metric = { exact_match = "{capital}" }
"#;

/// Knows Rome and nothing else, and the shorter of two texts.
struct Roman;

impl Writer for Roman {
    fn identity(&self) -> WriterIdentity {
        WriterIdentity::named("roman")
    }

    fn complete(
        &mut self,
        requests: &[CompletionRequest],
        on_done: &mut dyn FnMut(Completion) -> Result<(), BoxError>,
    ) -> Result<(), BoxError> {
        let mut open = requests.iter().filter(|request| !request.done);
        open.try_for_each(|request| on_done(Completion::new(request.id.clone(), " Rome ")))
    }
}

impl Scorer for Roman {
    fn likelihoods(
        &mut self,
        questions: &[&[LikelihoodRequest]],
    ) -> Result<Vec<Vec<Likelihood>>, BoxError> {
        let one = |request: &LikelihoodRequest| Likelihood {
            log_likelihood: -(request.text.len() as f64),
            greedy: false,
        };
        let all = questions.iter().map(|all| all.iter().map(one).collect());
        Ok(all.collect())
    }
}

#[test]
fn a_task_in_a_toml_file_is_asked_and_scored() {
    let folder = tempfile::tempdir().unwrap();
    lines(
        folder.path(),
        "capitals.jsonl",
        &[
            r#"{"land": "Italy", "capital": "Rome", "continent": "Europe"}"#,
            r#"{"land": "Peru", "capital": "Lima", "continent": "America"}"#,
        ],
    );
    let shown = r#"{"land": "France", "capital": "Paris", "continent": "Europe"}"#;
    lines(folder.path(), "shown.jsonl", &[shown]);
    let task = task(folder.path(), CAPITALS).unwrap();
    assert_eq!((task.leaderboard_shots(), task.is_built_in()), (1, false));
    let items = task.read(folder.path(), 1).unwrap();
    let ItemRequest::Generate(asked) = &items[0].request else {
        panic!("text");
    };
    let text = "France: Paris\nCapital of Italy? {one word}";
    assert_eq!(asked.prompt, Prompt::Text(text.into()));
    assert_eq!(
        (&items[1].id, items[1].group.as_str()),
        (&"Peru".into(), "America")
    );
    assert_eq!(
        (asked.max_new_tokens, asked.stops.as_slice()),
        (8, &["\n".to_owned()][..])
    );
    let journal = folder.path().join("journal.jsonl");
    let rows = run(
        &items,
        &mut Roman,
        AnswerSettings::default(),
        &journal,
        &Quiet,
    )
    .unwrap();
    let summary = summarize(&items, &rows, &DRAWS).unwrap();
    assert!((summary.scores["exact_match"].mean - 0.5).abs() < 1e-12);
    assert!((summary.groups["Europe"]["exact_match"] - 1.0).abs() < 1e-12);
    // As a struct it is the same, and it is written as it was read.
    assert_eq!(
        toml::from_str::<Task>(&toml::to_string(&task).unwrap()).unwrap(),
        task
    );
}

#[test]
fn a_task_of_choices_is_a_struct() {
    let folder = tempfile::tempdir().unwrap();
    let row = r#"{"q": "Is water wet?", "options": ["certainly", "no"], "letter": "B", "text": "no", "index": "1", "a": "x"}"#;
    lines(folder.path(), "choices.jsonl", &[row]);
    let form = |choices, right| Task {
        name: "wet".into(),
        file: "choices.jsonl".into(),
        examples: None,
        id_field: None,
        group_field: None,
        form: ItemForm::Choice(ChoiceForm {
            context: "Q: {q}\nA:".into(),
            choices,
            right,
        }),
    };
    let field = || Choices::Field("options".into());
    for right in [
        RightChoice::Letter("letter".into()),
        RightChoice::Text("text".into()),
        RightChoice::Index("index".into()),
    ] {
        let items = form(field(), right).read(folder.path(), 0).unwrap();
        let journal = folder.path().join("journal.jsonl");
        let rows = run(
            &items,
            &mut Roman,
            AnswerSettings::default(),
            &journal,
            &Quiet,
        )
        .unwrap();
        let summary = summarize(&items, &rows, &DRAWS).unwrap();
        assert!((summary.scores["acc"].mean - 1.0).abs() < 1e-12);
    }
    let templates = Choices::Templates(vec!["{a}".into(), "not {a}".into()]);
    let items = form(templates, RightChoice::Index("index".into()))
        .read(folder.path(), 0)
        .unwrap();
    let ItemRequest::Choose(all) = &items[0].request else {
        panic!("choices");
    };
    let texts: Vec<&str> = all.iter().map(|one| one.text.as_str()).collect();
    assert_eq!(texts, [" x", " not x"]);
    let error = form(field(), RightChoice::Letter("text".into())).read(folder.path(), 0);
    let error = error.unwrap_err().to_string();
    assert!(
        error.ends_with(
            "choices.jsonl: row 1: text: expected the letter of a choice, A for the first, found \"no\""
        ),
        "{error}"
    );
}

#[test]
fn tasks_that_are_not_whole_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    lines(folder.path(), "capitals.jsonl", &[r#"{"land": "Italy"}"#]);
    let wrong = |from: &str, to: &str| {
        let read = task(folder.path(), &CAPITALS.replace(from, to))
            .and_then(|task| task.read(folder.path(), 0));
        read.unwrap_err().to_string()
    };
    for (from, to, expected) in [
        ("exact_match", "exact_macth", "exact_macth"),
        (
            "max_new_tokens = 8",
            "max_new_tokens = 0",
            "form.max_new_tokens: expected at least 1",
        ),
        ("{{one", "{one", "form.prompt: expected a template"),
        ("name = \"capitals\"", "name = \"\"", "name: expected text"),
        ("name =", "nam =", "nam"),
        (
            "{land}?",
            "{country}?",
            "row 1: continent: expected text, found nothing",
        ),
    ] {
        let error = wrong(from, to);
        assert!(error.contains(expected), "{error}");
    }
    let missing = Path::new("no-such-task.toml")
        .to_str()
        .unwrap()
        .parse::<Task>();
    assert!(matches!(missing, Err(EvalError::File { .. })));
}

#[test]
fn a_writer_without_likelihoods_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let form = GenerateForm {
        prompt: "{q}".into(),
        prompt_form: PromptForm::Chat,
        worked_example: None,
        stops: Vec::new(),
        max_new_tokens: 1,
        metric: Metric::Refusal,
    };
    lines(folder.path(), "q.jsonl", &[r#"{"q": "Hi"}"#]);
    let task = Task {
        name: "greeting".into(),
        file: "q.jsonl".into(),
        examples: None,
        id_field: None,
        group_field: None,
        form: ItemForm::Generate(form),
    };
    let items = task.read(folder.path(), 0).unwrap();
    let journal = folder.path().join("journal.jsonl");
    let rows = run(
        &items,
        &mut Teller(1),
        AnswerSettings::default(),
        &journal,
        &Quiet,
    )
    .unwrap();
    assert_eq!(summarize(&items, &rows, &DRAWS).unwrap().scores.len(), 1);
    // Nothing stands above the questions of a task without worked examples.
    assert!(matches!(
        task.read(folder.path(), 1),
        Err(EvalError::Shots { found: 0, .. })
    ));
}
