//! `idiolect eval`: a task's items in, answers, scores and their means out.
//!
//! The folder belongs to one model, one adapter and one way of asking; all but `--limit` must stay the same.

use std::collections::BTreeMap;
use std::path::Path;

use idiolect::data::write_atomically;
use idiolect::eval::{
    Answer, Ask, Draw, Item, Row, Settings, Summary, Task, alpaca_eval_outputs, pass_at,
    run as ask, sampled, summarize_programs,
};
use idiolect::metrics::interval::Draws;
use serde_json::{Map, Value, json};

use crate::commands::judged::{self, Comparison};
use crate::device::on_threads;
use crate::error::CliError;
use crate::eval_args::Eval;
use crate::identity::hash;
use crate::likelihood::Tokens;
use crate::measuring::LocalModel;
use crate::opened::Opened;
use crate::programs;
use crate::progress::{bar, say};
use crate::rows::write_lines;

/// How the intervals of the means are drawn, but for the seed.
const SAMPLES: usize = 1000;
const LEVEL: f64 = 0.95;
/// From how much of the words several answers are drawn (arXiv 2107.03374).
const TOP_P: f32 = 0.95;

/// Runs the command.
///
/// # Errors
///
/// [`CliError::Eval`] for the task, its files, the journal and a judge; the errors of opening and running a model.
pub fn run(args: &Eval) -> Result<(), CliError> {
    on_threads(args.model.threads, || work(args))
}

fn work(args: &Eval) -> Result<(), CliError> {
    let task: Task = args.task.parse()?;
    args.check(task)?;
    let shots = args.shots(task)?;
    let items = task.read(&args.data, shots)?;
    let adapter = args.adapter.as_deref();
    let opened = Opened::new(&args.model, adapter, args.template.as_deref())?;
    let identity = identity(args, task, shots, &opened)?;
    claim(&args.out, "eval.json", &identity)?;
    if task == Task::MtBench {
        return judged::mt_bench(args, &opened, identity);
    }
    let comparison = Comparison::open(args, task)?;
    let (count, temperature) = args.drawn();
    let items = if 0.0 < temperature {
        let draw = Draw {
            temperature,
            top_p: TOP_P,
            seed: args.seed,
        };
        sampled(&items, count, draw)
    } else {
        items
    };
    let rows = answers(args, &items, count, &opened)?;
    if task == Task::AlpacaEval {
        let outputs = alpaca_eval_outputs(&items, &rows, &opened.name);
        write_json(&args.out.join("outputs.json"), &outputs)?;
    }
    if let Some(comparison) = comparison {
        return comparison.run(args, &items, &rows, identity);
    }
    let ran = programs::run(&args.python, &items, &rows)?;
    let mut summary = summarize_programs(&items, &rows, &draws(args), &ran.endings)?;
    let lines = lines(&rows, &summary);
    if 1 < count {
        summary.scores = pass_at(&ran.endings, count, &draws(args));
        summary.items /= count;
    }
    let mut whole = described(identity, &summary);
    if let Some(held) = ran.held {
        whole["limits_held"] = json!(held);
    }
    finish(args, &lines, &whole)
}

/// How the intervals of this call are drawn.
pub(crate) fn draws(args: &Eval) -> Draws {
    Draws {
        samples: SAMPLES,
        level: LEVEL,
        seed: args.seed,
    }
}

/// What the answers depend on.
fn identity(args: &Eval, task: Task, shots: usize, opened: &Opened) -> Result<Value, CliError> {
    let adapter = args.adapter.as_deref().map(hash).transpose()?;
    let mut identity = json!({
        "task": task.name(), "shots": shots, "model": opened.name, "model_hash": hash(&opened.path)?,
        "adapter_hash": adapter, "template": args.template, "dtype": format!("{:?}", opened.decoder.dtype()),
        "max_new_tokens": args.max_new_tokens, "batch_size": args.batch_size,
    });
    let (samples, temperature) = args.drawn();
    if 0.0 < temperature {
        identity["samples"] = samples.into();
        identity["temperature"] = temperature.into();
        identity["seed"] = args.seed.into();
    }
    if task == Task::MtBench {
        identity["runs"] = judged::runs(args).into();
        identity["seed"] = args.seed.into();
    }
    Ok(identity)
}

/// Makes the folder ours: what it was begun with is written once into `file`, and anything else is refused.
pub(crate) fn claim(out: &Path, file: &str, identity: &Value) -> Result<(), CliError> {
    let journal = out.join("journal");
    std::fs::create_dir_all(&journal).map_err(CliError::io(&journal))?;
    let path = out.join(file);
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

/// The model as the tasks ask it, `requests` of them.
pub(crate) fn model<'a>(args: &Eval, opened: &'a Opened, requests: usize) -> LocalModel<'a> {
    LocalModel {
        opened,
        batch_size: args.batch_size,
        max_new_tokens: args.max_new_tokens,
        bar: bar("eval", requests),
        tokens: Tokens::default(),
    }
}

fn answers(
    args: &Eval,
    items: &[Item],
    samples: usize,
    opened: &Opened,
) -> Result<Vec<Row>, CliError> {
    let limit = args.limit.map(|limit| limit.saturating_mul(samples));
    let count = limit.unwrap_or(items.len()).min(items.len());
    let requests = items[..count].iter().map(|item| match &item.ask {
        Ask::Choose(all) => all.len(),
        Ask::Generate { .. } => 1,
    });
    let mut model = model(args, opened, requests.sum());
    let settings = Settings {
        limit,
        batch_size: args.batch_size,
    };
    let journal = args.out.join("journal/answers.jsonl");
    let rows = ask(items, &mut model, settings, &journal)?;
    model.bar.finish_and_clear();
    let Tokens { read, computed } = model.tokens;
    if computed < read {
        say(&format!(
            "likelihoods: {computed} of {read} tokens computed, the others shared"
        ));
    }
    Ok(rows)
}

/// One row for each item: its id, its scores and the answer.
pub(crate) fn lines(rows: &[Row], summary: &Summary) -> Vec<Map<String, Value>> {
    let line = |(row, scores): (&Row, &BTreeMap<String, f64>)| {
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
pub(crate) fn described(identity: Value, summary: &Summary) -> Value {
    let mut whole = identity;
    whole["items"] = summary.items.into();
    whole["interval"] = LEVEL.into();
    whole["scores"] = json!(summary.scores);
    if !summary.groups.is_empty() {
        whole["groups"] = json!(summary.groups);
    }
    whole
}

/// Writes the rows and the summary, and prints the latter.
pub(crate) fn finish(
    args: &Eval,
    lines: &[Map<String, Value>],
    whole: &Value,
) -> Result<(), CliError> {
    write_lines(Some(&args.out.join("rows.jsonl")), lines)?;
    write_json(&args.out.join("summary.json"), whole)?;
    write_lines(None, &[whole])
}

fn write_json(path: &Path, value: &Value) -> Result<(), CliError> {
    Ok(write_atomically(path, |to| writeln!(to, "{value:#}"))?)
}
