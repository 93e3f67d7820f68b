//! `idiolect eval`: a task's items in, answers, scores and their means out.
//!
//! The folder belongs to one model, one adapter and one way of asking; all but `--limit` must stay the same.

use std::path::Path;

use idiolect::data::write_atomically;
use idiolect::eval::{
    Answer, Item, Row, Settings, Summary, Task, alpaca_eval_outputs, run as ask, summarize,
};
use idiolect::metrics::interval::Draws;
use serde_json::{Map, Value, json};

use crate::args::Eval;
use crate::device::on_threads;
use crate::error::CliError;
use crate::identity::hash;
use crate::measuring::LocalModel;
use crate::opened::Opened;
use crate::progress::bar;
use crate::rows::write_lines;

/// How the intervals of the means are drawn, but for the seed.
const SAMPLES: usize = 1000;
const LEVEL: f64 = 0.95;

/// Runs the command.
///
/// # Errors
///
/// [`CliError::Eval`] for the task, its files and the journal; the errors of opening and running a model.
pub fn run(args: &Eval) -> Result<(), CliError> {
    on_threads(args.model.threads, || work(args))
}

fn work(args: &Eval) -> Result<(), CliError> {
    if args.batch_size == 0 {
        return Err(CliError::setting("--batch-size", "at least 1", 0));
    }
    let task: Task = args.task.parse()?;
    let shots = shots(args, task)?;
    let items = task.read(&args.data, shots)?;
    let adapter = args.adapter.as_deref();
    let opened = Opened::new(&args.model, adapter, args.template.as_deref())?;
    let identity = identity(args, task, shots, &opened)?;
    claim(&args.out, &identity)?;
    let rows = answers(args, &items, &opened)?;
    let draws = Draws {
        samples: SAMPLES,
        level: LEVEL,
        seed: args.seed,
    };
    let summary = summarize(&items, &rows, &draws)?;
    write_lines(Some(&args.out.join("rows.jsonl")), &lines(&rows, &summary))?;
    if task == Task::AlpacaEval {
        let outputs = alpaca_eval_outputs(&items, &rows, &opened.name);
        write_json(&args.out.join("outputs.json"), &outputs)?;
    }
    let whole = described(identity, &summary);
    write_json(&args.out.join("summary.json"), &whole)?;
    write_lines(None, &[whole])
}

/// Worked examples above a question, from the option.
fn shots(args: &Eval, task: Task) -> Result<usize, CliError> {
    match args.shots.as_deref() {
        None => Ok(0),
        Some("leaderboard") => Ok(task.leaderboard_shots()),
        Some(text) => text
            .parse()
            .map_err(|_| CliError::setting("--shots", "a number, or leaderboard", text)),
    }
}

/// What the answers depend on.
fn identity(args: &Eval, task: Task, shots: usize, opened: &Opened) -> Result<Value, CliError> {
    let adapter = args.adapter.as_deref().map(hash).transpose()?;
    Ok(json!({
        "task": task.name(), "shots": shots, "model": opened.name, "model_hash": hash(&opened.path)?,
        "adapter_hash": adapter, "template": args.template, "dtype": format!("{:?}", opened.decoder.dtype()),
        "max_new_tokens": args.max_new_tokens, "batch_size": args.batch_size,
    }))
}

/// Makes the folder ours: what it was begun with is written once, and anything else is refused.
fn claim(out: &Path, identity: &Value) -> Result<(), CliError> {
    let journal = out.join("journal");
    std::fs::create_dir_all(&journal).map_err(CliError::io(&journal))?;
    let path = out.join("eval.json");
    if !path.is_file() {
        return write_json(&path, identity);
    }
    let text = std::fs::read_to_string(&path).map_err(CliError::io(&path))?;
    let before: Map<String, Value> = serde_json::from_str(&text)
        .map_err(|error| CliError::setting(&path.display().to_string(), "JSON", error))?;
    match before
        .iter()
        .find(|(name, value)| identity.get(name) != Some(value))
    {
        None => Ok(()),
        Some((name, value)) => {
            let field = format!("{}: {name}", path.display());
            let expected = format!("{value}, as it was begun with, or another --out");
            Err(CliError::setting(&field, expected, &identity[name]))
        }
    }
}

fn answers(args: &Eval, items: &[Item], opened: &Opened) -> Result<Vec<Row>, CliError> {
    let count = args.limit.unwrap_or(items.len()).min(items.len());
    let requests = items[..count].iter().map(|item| match &item.ask {
        idiolect::eval::Ask::Choose(all) => all.len(),
        idiolect::eval::Ask::Generate { .. } => 1,
    });
    let mut model = LocalModel {
        opened,
        batch_size: args.batch_size,
        max_new_tokens: args.max_new_tokens,
        bar: bar("eval", requests.sum()),
    };
    let settings = Settings {
        limit: args.limit,
        batch_size: args.batch_size,
    };
    let rows = ask(
        items,
        &mut model,
        settings,
        &args.out.join("journal/answers.jsonl"),
    )?;
    model.bar.finish_and_clear();
    Ok(rows)
}

/// One row for each item: its id, its scores and the answer.
fn lines(rows: &[Row], summary: &Summary) -> Vec<Map<String, Value>> {
    let line = |(row, scores): (&Row, &std::collections::BTreeMap<String, f64>)| {
        let mut out = Map::from_iter([("id".to_string(), row.id.clone())]);
        out.extend(
            scores
                .iter()
                .map(|(name, value)| (name.clone(), json!(value))),
        );
        let answer = match &row.answer {
            Answer::Text(text) => ("text", json!(text)),
            Answer::Likelihoods(all) => ("likelihoods", json!(all)),
        };
        out.insert(answer.0.into(), answer.1);
        out
    };
    rows.iter().zip(&summary.rows).map(line).collect()
}

/// What was asked, then what came of it.
fn described(identity: Value, summary: &Summary) -> Value {
    let mut whole = identity;
    whole["items"] = summary.items.into();
    whole["interval"] = LEVEL.into();
    whole["scores"] = json!(summary.scores);
    if !summary.groups.is_empty() {
        whole["groups"] = json!(summary.groups);
    }
    whole
}

fn write_json(path: &Path, value: &Value) -> Result<(), CliError> {
    Ok(write_atomically(path, |to| writeln!(to, "{value:#}"))?)
}
