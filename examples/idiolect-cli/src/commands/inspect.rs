//! `idiolect inspect`: what a model is, what an adapter changes, which text of a data set is trained,
//! what a training run needs.

use std::fmt::Write;
use std::path::Path;

use idiolect::lora::{LoraAdapter, shift, total};
use idiolect::tokens::preview;
use serde_json::{Value, json};

use crate::args::Inspect;
use crate::commands::train;
use crate::device::on_threads;
use crate::error::CliError;
use crate::opened::Opened;
use crate::{dataset, prepared};

/// Runs the command.
///
/// # Errors
///
/// Every [`CliError`] of opening a model and reading data.
pub fn run(args: &Inspect) -> Result<(), CliError> {
    if let Some(config) = &args.plan {
        return plan(config, args.json);
    }
    on_threads(args.model.threads, || work(args))
}

fn plan(config: &Path, is_json: bool) -> Result<(), CliError> {
    let plan = train::plan(config)?;
    print(&if is_json {
        format!("{}\n", json!(plan))
    } else {
        plan.line() + "\n"
    })
}

fn work(args: &Inspect) -> Result<(), CliError> {
    let template = args.data.template.as_deref();
    let opened = Opened::new(&args.model, args.adapter.as_deref(), template)?;
    let mut about = model(&opened);
    if let Some(adapter) = &opened.adapter {
        about["adapter"] = adapter_json(adapter, &opened);
    }
    let mut text = if args.json {
        format!("{about}\n")
    } else {
        table(&about, "")
    };
    if !args.data.data.is_empty() {
        let rows = masks(args, &opened)?;
        if args.json {
            text = rows.iter().fold(text, |text, (id, spans)| {
                text + &json!({"id": id, "spans": spans}).to_string() + "\n"
            });
        } else {
            text += &shown(&rows);
        }
    }
    print(&text)
}

fn print(text: &str) -> Result<(), CliError> {
    let mut out = std::io::stdout().lock();
    std::io::Write::write_all(&mut out, text.as_bytes()).map_err(CliError::io("standard output"))
}

fn model(opened: &Opened) -> Value {
    let config = &opened.decoder.config;
    let special = &opened.text.config.special;
    let dtype = format!("{:?}", opened.decoder.dtype()).to_lowercase();
    let size = burn::tensor::DType::from(opened.decoder.dtype()).size();
    json!({
        "model": opened.path, "architecture": config.architecture.class(),
        "parameters": opened.decoder.num_params(), "dtype": dtype,
        "vocab_size": config.vocab_size, "hidden_size": config.hidden_size,
        "layers": config.num_layers, "heads": config.num_heads, "kv_heads": config.num_kv_heads,
        "head_dim": config.head_dim, "intermediate_size": config.intermediate_size,
        "max_positions": config.max_positions, "sliding_window": config.sliding_window,
        "rope_theta": config.rope_theta, "rope_scaling": config.rope_scaling.to_json(),
        "tied_head": config.tied, "template": opened.template.name(),
        "stops": opened.template.stops(), "stop_ids": opened.stop_tokens(),
        "bos": special.bos, "eos": special.eos, "pad_id": opened.pad_id(),
        "tokenizer_words": opened.tokenizer.vocab_size(),
        "memory": {
            "weights_bytes": opened.decoder.num_params() * size,
            "cache_bytes_per_token": idiolect::model::Cache::bytes_per_token(config, opened.decoder.dtype()),
        },
        "loaded": {
            "tensors": opened.report.loaded.len(), "unused": opened.report.unused,
            "cast": opened.report.cast.len(),
        },
    })
}

fn adapter_json(adapter: &LoraAdapter, opened: &Opened) -> Value {
    let shifts = shift(adapter, &opened.decoder);
    json!({
        "rank": adapter.config.rank, "alpha": adapter.config.alpha, "scale": adapter.config.scale(),
        "targets": adapter.config.targets.names(), "sites": adapter.sites.len(),
        "modules_to_save": adapter.config.modules_to_save,
        "parameters": burn::module::Module::num_params(adapter), "shift": total(&shifts),
    })
}

/// Lines of `name  value`, nested objects as `outer.inner`.
fn table(about: &Value, prefix: &str) -> String {
    let mut text = String::new();
    for (name, value) in about.as_object().into_iter().flatten() {
        match value {
            Value::Object(_) => text += &table(value, &format!("{prefix}{name}.")),
            Value::Null => {}
            Value::String(plain) => line(&mut text, prefix, name, plain),
            other => line(&mut text, prefix, name, &other.to_string()),
        }
    }
    text
}

fn line(text: &mut String, prefix: &str, name: &str, value: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{:<29}{value}", format!("{prefix}{name}"));
}

type Masked = (Value, Vec<(String, bool)>);

fn masks(args: &Inspect, opened: &Opened) -> Result<Vec<Masked>, CliError> {
    let rows = dataset::read_all(&args.data, 42)?;
    let few = rows.get(..args.rows.min(rows.len())).unwrap_or_default();
    let prepared = prepared::prepare(opened, few, &crate::keys::TrainKeys::default(), 42)?;
    let one =
        |row: &idiolect::tokens::TokenRow| Ok((row.id.clone(), preview(&opened.tokenizer, row)?));
    prepared.rows.iter().map(one).collect()
}

/// Rows with trained text between marks.
fn shown(rows: &[Masked]) -> String {
    let span = |(text, trained): &(String, bool)| {
        if *trained {
            format!("«{text}»")
        } else {
            text.clone()
        }
    };
    let mut out = String::from("\nText between « and » is trained.\n");
    for (id, spans) in rows {
        let text: String = spans.iter().map(span).collect();
        let _ = writeln!(out, "\n--- {id}\n{text}");
    }
    out
}
