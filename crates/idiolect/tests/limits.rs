//! The table of ranges in `docs/LIMITS.md` against the code: each setting at both ends and beyond them.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests end them"
)]

use std::collections::BTreeSet;

use idiolect::data::settings::{Layer, Settings, keys, resolve, schema};
use idiolect::lm::LmError;
use idiolect::{
    ContinueJob, DistillJob, Error, EvalJob, OnPolicySettings, SdftSettings, TrainSettings,
};

const PAGE: &str = include_str!("../../../docs/LIMITS.md");
/// Numbers that the page tells in a sentence: those with a few values, or with words beside numbers.
const TOLD: [&str; 2] = ["quantize", "shots"];

/// An end of a range.
#[derive(Clone, Copy)]
struct End {
    number: f64,
    is_inside: bool,
}

struct Row {
    key: String,
    ends: [Option<End>; 2],
}

fn rows() -> Vec<Row> {
    let settings = PAGE.split_once("## Weights").map(|(before, _)| before);
    let lines = settings.unwrap().lines();
    lines
        .filter(|line| line.starts_with("| `"))
        .map(row)
        .collect()
}

fn row(line: &str) -> Row {
    let cells: Vec<&str> = line.split('|').map(str::trim).collect();
    let end = |cell: &str| {
        let number = cell
            .trim_start_matches("above ")
            .trim_start_matches("below ");
        let is_inside = number == cell;
        (number != "-").then(|| End {
            number: number.parse().unwrap(),
            is_inside,
        })
    };
    Row {
        key: cells[1].trim_matches('`').to_owned(),
        ends: [end(cells[2]), end(cells[3])],
    }
}

/// What a command does with a value of a key: an error, if there is one.
type Try = Box<dyn Fn(&str, &str) -> Option<String>>;

/// A kind of settings file.
struct File {
    keys: Vec<String>,
    numbers: BTreeSet<String>,
    fractions: BTreeSet<String>,
    attempt: Try,
}

fn file<T: Settings + 'static>(base: &'static str, check: fn(&T) -> Result<(), Error>) -> File {
    let schema = schema::<T>();
    let of_kind = |kinds: &[&str]| {
        let properties = schema["properties"].as_object().unwrap().iter();
        let is_kind = |value: &serde_json::Value| {
            let own = value["type"].as_array().cloned();
            let own = own.unwrap_or_else(|| vec![value["type"].clone()]);
            own.iter().any(|own| kinds.iter().any(|kind| own == kind))
        };
        let named = properties.filter(|(_, value)| is_kind(value));
        named.map(|(key, _)| key.clone()).collect()
    };
    let attempt = move |key: &str, value: &str| {
        let own = format!("{key} = {value}\n");
        // A key of the base that is tried has the value that is tried.
        let others = base.lines().filter(|line| !line.starts_with(key));
        let others: Vec<&str> = others.collect();
        let text = format!("{}\n{own}", others.join("\n"));
        // The runs are MT-bench's alone, and answers to programs HumanEval's.
        let text = match key {
            "runs" => text.replace("humaneval", "mt_bench"),
            // A sample is one of something.
            "eval_sample" if !text.contains("eval_data") => text + "eval_data = \"rows.jsonl\"\n",
            _ => text,
        };
        let layer = Layer::parse("file", &text).unwrap();
        let settings: Result<T, _> = resolve(&[layer]);
        let checked = settings
            .map_err(Error::from)
            .and_then(|settings| check(&settings));
        checked.err().map(|error| error.to_string())
    };
    File {
        keys: keys::<T>(),
        numbers: of_kind(&["integer", "number"]),
        fractions: of_kind(&["number"]),
        attempt: Box::new(attempt),
    }
}

/// Every kind; the first that has a key tries it.
fn files() -> [File; 6] {
    let model = "model = \"m\"\ndata = [\"d\"]\n";
    let continuation = |job: &ContinueJob| {
        job.continuation.validate()?;
        job.server.check()?;
        Ok::<_, Error>(job.generation.check().map_err(LmError::from)?)
    };
    let evaluation = |job: &EvalJob| {
        job.eval.check()?;
        Ok::<_, Error>(job.server.check()?)
    };
    let train = |settings: &TrainSettings| {
        settings.data.check()?;
        Ok::<_, Error>(settings.check()?)
    };
    [
        file("model = \"m\"\ndata = [\"d\"]\nforgetting = 1\n", train),
        file(model, SdftSettings::check),
        file(model, DistillJob::check),
        file(model, |settings: &OnPolicySettings| Ok(settings.check()?)),
        file("documents = 1\nmin_words = 2\n", continuation),
        file("task = \"humaneval\"\ndata = \"d\"\n", evaluation),
    ]
}

/// Values inside and outside an end of a range; `away` points out of it.
fn around(end: End, away: f64, is_fraction: bool) -> (f64, f64) {
    let step = if is_fraction {
        1e-6 * end.number.abs().max(1.0)
    } else {
        1.0
    };
    if end.is_inside {
        (end.number, end.number + away * step)
    } else {
        (end.number - away * step, end.number)
    }
}

#[test]
fn every_number_is_taken_up_to_its_ends_and_refused_beyond_them() {
    let files = files();
    for Row { key, ends } in rows() {
        let file = files.iter().find(|file| file.keys.contains(&key));
        let Some(file) = file else {
            panic!("{key} is a setting of no file");
        };
        let is_fraction = file.fractions.contains(&key);
        for (end, away) in ends.into_iter().zip([-1.0, 1.0]) {
            let Some(end) = end else { continue };
            let (inside, outside) = around(end, away, is_fraction);
            let tried = |value: f64| (file.attempt)(&key, &value.to_string());
            assert_eq!(tried(inside), None, "{key} = {inside}");
            let error = tried(outside).unwrap_or_else(|| panic!("{key} = {outside} is taken"));
            assert!(
                error.contains(&format!("{key}: expected ")),
                "{key}: {error}"
            );
        }
    }
}

#[test]
fn every_number_of_a_file_has_a_row() {
    let known: BTreeSet<String> = rows().into_iter().map(|row| row.key).collect();
    for file in files() {
        let told = |key: &&String| !known.contains(*key) && !TOLD.contains(&key.as_str());
        let missing: Vec<&String> = file.numbers.iter().filter(told).collect();
        assert!(
            missing.is_empty(),
            "docs/LIMITS.md has no row for {missing:?}"
        );
    }
}
