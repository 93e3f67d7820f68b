//! Runs over a scripted model: scores, samples, journal, limits and refusals.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests end them"
)]

mod common;

use std::fs;
use std::path::Path;

use common::{DRAWS, completion};
use idiolect_completion::{
    BoxError, Completion, CompletionRequest, Likelihood, LikelihoodRequest, Prompt, Quiet,
    Sampling, Scorer, Writer, WriterIdentity,
};
use idiolect_eval::{
    AnswerSettings, Draw, EvalError, Item, ItemAnswer, ItemRequest, Task, alpaca_eval_outputs, run,
    sampled, summarize,
};

/// Repeats its prompt, likes short text, and fails once its calls are spent.
struct Echo {
    calls: usize,
}

impl Echo {
    fn spend(&mut self) -> Result<(), BoxError> {
        self.calls = self.calls.checked_sub(1).ok_or("spent")?;
        Ok(())
    }
}

impl Writer for Echo {
    fn identity(&self) -> WriterIdentity {
        WriterIdentity::named("echo")
    }

    fn complete(
        &mut self,
        requests: &[CompletionRequest],
        on_done: &mut dyn FnMut(Completion) -> Result<(), BoxError>,
    ) -> Result<(), BoxError> {
        self.spend()?;
        for request in requests.iter().filter(|request| !request.done) {
            let text = match &request.prompt {
                Prompt::Text(text) => text.clone(),
                Prompt::Chat(turns) => turns.last().unwrap().content.clone(),
                _ => return Err("no task renders".into()),
            };
            on_done(completion(request, text))?;
        }
        Ok(())
    }
}

impl Scorer for Echo {
    fn likelihoods(
        &mut self,
        questions: &[&[LikelihoodRequest]],
    ) -> Result<Vec<Vec<Likelihood>>, BoxError> {
        self.spend()?;
        let value = |pair: &LikelihoodRequest| Likelihood {
            log_likelihood: -(pair.text.len() as f64),
            greedy: false,
        };
        let all = questions
            .iter()
            .map(|pairs| pairs.iter().map(value).collect());
        Ok(all.collect())
    }
}

fn task(name: &str) -> Task {
    Task::by_name(name).unwrap()
}

fn multiarith(folder: &Path) -> Vec<Item> {
    let rows = (0..7).map(|i| {
        format!(
            r#"{{"instruction": "say {i}", "output": "It is {}"}}"#,
            i / 2
        )
    });
    fs::create_dir_all(folder.join("sdft")).unwrap();
    fs::write(
        folder.join("sdft/multiarith_test.json"),
        rows.collect::<Vec<_>>().join("\n"),
    )
    .unwrap();
    task("multiarith").read(folder, 0).unwrap()
}

fn asked(
    items: &[Item],
    calls: usize,
    limit: Option<usize>,
    path: &Path,
) -> Result<Vec<ItemAnswer>, EvalError> {
    run(
        items,
        &mut Echo { calls },
        AnswerSettings {
            limit,
            batch_size: 3,
            max_new_tokens: None,
        },
        path,
        &Quiet,
    )
}

#[test]
fn a_run_that_was_cut_off_ends_as_one_that_was_not() {
    let folder = tempfile::tempdir().unwrap();
    let items = multiarith(folder.path());
    let [whole, cut] = ["whole.jsonl", "cut.jsonl"].map(|name| folder.path().join(name));
    let rows = asked(&items, 3, None, &whole).unwrap();
    assert!(matches!(
        asked(&items, 1, None, &cut),
        Err(EvalError::Model { .. })
    ));
    // A crash in the middle of a batch and of a line.
    let text = fs::read_to_string(&cut).unwrap();
    fs::write(&cut, &text[..text.len() - 10]).unwrap();
    assert_eq!(asked(&items, 3, None, &cut).unwrap(), rows);
    assert_eq!(fs::read(&cut).unwrap(), fs::read(&whole).unwrap());
    assert_eq!(asked(&items, 0, None, &cut).unwrap(), rows);
}

#[test]
fn a_limit_takes_the_first_items_and_a_longer_run_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let items = multiarith(folder.path());
    let path = folder.path().join("journal.jsonl");
    assert_eq!(asked(&items, 1, Some(2), &path).unwrap().len(), 2);
    let rows = asked(&items, 3, None, &path).unwrap();
    let summary = summarize(&items, &rows, &DRAWS).unwrap();
    // "say 0" for 0 alone is right.
    assert!((summary.scores["correct"].mean - 1.0 / 7.0).abs() < 1e-12);
    assert_eq!((summary.items, summary.rows.len()), (7, 7));
}

#[test]
fn a_journal_of_other_prompts_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut items = multiarith(folder.path());
    let path = folder.path().join("journal.jsonl");
    asked(&items, 3, None, &path).unwrap();
    items.swap(0, 1);
    let error = asked(&items, 3, None, &path).unwrap_err();
    assert!(error.to_string().contains("is not of this run"), "{error}");
}

#[test]
fn worked_examples_stand_above_and_choices_are_scored() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("mc")).unwrap();
    let arc = r#"{"id":"a","question":{"stem":"S?","choices":[{"text":"longer","label":"1"},{"text":"no","label":"2"}]},"answerKey":"2"}"#;
    for half in ["Test", "Train"] {
        fs::write(folder.path().join(format!("mc/ARC-Easy-{half}.jsonl")), arc).unwrap();
    }
    let items = task("arc_easy").read(folder.path(), 1).unwrap();
    let ItemRequest::Choose(pairs) = &items[0].request else {
        panic!("no choices");
    };
    assert_eq!(
        pairs[1].context,
        "Question: S?\nAnswer: no\n\nQuestion: S?\nAnswer:"
    );
    assert_eq!((&*pairs[1].text, &items[0].id), (" no", &"a".into()));
    let rows = asked(&items, 1, None, &folder.path().join("journal.jsonl")).unwrap();
    let summary = summarize(&items, &rows, &DRAWS).unwrap();
    assert!((summary.scores["acc"].mean - 1.0).abs() < 1e-12);
    assert!(summary.scores["acc_norm"].mean.abs() < 1e-12);
    let error = task("arc_easy")
        .read(folder.path(), 2)
        .unwrap_err()
        .to_string();
    assert!(error.ends_with("1 worked examples, expected 2"), "{error}");
    assert!(task("ifeval").read(folder.path(), 0).is_err());
}

#[test]
fn a_right_answer_that_is_no_choice_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("mc")).unwrap();
    let arc = r#"{"question":"S?","choices":{"text":["x"],"label":["1","2"]},"answerKey":"2"}"#;
    let hellaswag = r#"{"context":"c","endings":["x","y"],"label":"2"}"#;
    for (task, file, row, field) in [
        (task("arc_easy"), "ARC-Easy-Test.jsonl", arc, "choices"),
        (task("hellaswag"), "hellaswag_val.jsonl", hellaswag, "label"),
    ] {
        fs::write(folder.path().join("mc").join(file), row).unwrap();
        let error = task.read(folder.path(), 0).unwrap_err().to_string();
        assert!(error.contains(field), "{error}");
    }
}

#[test]
fn outputs_for_a_judge_name_their_generator() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("sdft")).unwrap();
    fs::write(
        folder.path().join("sdft/alpaca_eval.json"),
        r#"[{"instruction":"Hi","output":"x"}]"#,
    )
    .unwrap();
    let items = task("alpaca_eval").read(folder.path(), 0).unwrap();
    let rows = asked(&items, 1, None, &folder.path().join("journal.jsonl")).unwrap();
    let expected = serde_json::json!([{"instruction": "Hi", "output": "Hi", "generator": "tuned"}]);
    assert_eq!(alpaca_eval_outputs(&items, &rows, "tuned"), expected);
}

#[test]
fn names_are_read_back_and_others_refused() {
    for name in Task::names() {
        assert_eq!(name.parse::<Task>().unwrap().name, name);
    }
    let error = "mmmlu".parse::<Task>().unwrap_err().to_string();
    assert_eq!(
        error,
        "no task \"mmmlu\": expected a task (the nearest is mmlu), or a .toml file"
    );
}

#[test]
fn samples_have_seeds_and_ids_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("sdft")).unwrap();
    let rows = r#"[{"instruction": "a", "output": "1"}, {"instruction": "b", "output": "2"}]"#;
    fs::write(folder.path().join("sdft/multiarith_test.json"), rows).unwrap();
    let items = task("multiarith").read(folder.path(), 0).unwrap();
    let draw = Draw {
        sampling: Sampling::SDFT_2402,
        seed: 7,
    };
    let all = sampled(&items, 3, draw);
    let ids: Vec<String> = all.iter().map(|item| item.id.to_string()).collect();
    assert_eq!(ids[..4], ["\"0#0\"", "\"0#1\"", "\"0#2\"", "\"1#0\""]);
    let seed = |request: &ItemRequest| match request {
        ItemRequest::Generate(asked) => asked.draw.unwrap().seed,
        ItemRequest::Choose(_) => panic!("text"),
    };
    let mut seeds: Vec<u64> = all.iter().map(|item| seed(&item.request)).collect();
    assert_eq!(
        seeds,
        sampled(&items, 3, draw)
            .iter()
            .map(|item| seed(&item.request))
            .collect::<Vec<_>>()
    );
    seeds.sort_unstable();
    seeds.dedup();
    assert_eq!(seeds.len(), 6);
}
