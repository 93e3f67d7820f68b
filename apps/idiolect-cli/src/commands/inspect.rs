//! `idiolect inspect`: what a model is, what an adapter changes, which text of a data set is trained, what a
//! training run needs.

use std::fmt::Write;
use std::path::Path;

use idiolect::data::Id;
use idiolect::finetune::forecast;
use idiolect::lm::MaskedRow;
use idiolect::lm::jobs::{Inspect as Asked, inspect};
use idiolect::{TrainSettings, rewrite_prompts};
use serde_json::json;

use crate::args::{DistillFlags, DistillOptions, Inspect};
use crate::commands::resolve;
use crate::error::CliError;
use crate::output;
use crate::progress::Bar;

/// Runs the command.
pub(crate) fn run(args: &Inspect) -> Result<(), CliError> {
    if let Some(config) = &args.plan {
        return plan(config, args);
    }
    if let Some(preset) = &args.preset {
        return prompts(args, preset);
    }
    let ask = Asked {
        model: resolve(None, &args.model.with_template(args.data.template.as_ref()))?,
        adapter: args.adapter.clone(),
        data: resolve(None, &args.data.without_template())?,
        rows: args.rows,
    };
    let found = inspect(&ask, &Bar::default()).map_err(idiolect::Error::from)?;
    if args.json {
        output::lines(&[&found.model])?;
        return output::lines(&found.rows);
    }
    let mut text = found.model.to_string();
    if !found.rows.is_empty() {
        text += &shown(&found.rows, found.of);
    }
    output::text(&text)
}

/// What a distillation would ask.
fn prompts(args: &Inspect, preset: &str) -> Result<(), CliError> {
    let flags = DistillFlags {
        model: args.model.clone(),
        data: args.data.clone(),
        distill: DistillOptions {
            preset: Some(preset.to_owned()),
            ..DistillOptions::default()
        },
        ..DistillFlags::default()
    };
    let prompts = rewrite_prompts(&resolve(None, &flags)?, args.rows)?;
    let row = |(id, prompt): &(Id, String)| json!({"id": id, "prompt": prompt});
    if args.json {
        return output::lines(&prompts.iter().map(row).collect::<Vec<_>>());
    }
    let mut text = String::new();
    for (id, prompt) in &prompts {
        let _ = writeln!(text, "row {id}\n{prompt}\n");
    }
    output::text(&text)
}

fn plan(config: &Path, args: &Inspect) -> Result<(), CliError> {
    let settings: TrainSettings = resolve(Some(config), &json!({}))?;
    let found = forecast(&settings, args.timed_steps, &Bar::default());
    let found = found.map_err(idiolect::Error::from)?;
    if args.json {
        return output::lines(&[found]);
    }
    output::text(&found.to_string())
}

/// Rows with trained text between marks.
fn shown(rows: &[MaskedRow], of: usize) -> String {
    let shown = rows.len();
    let mut out =
        format!("\n{shown} of {of} rows (--rows shows more); text between « and » is trained.\n");
    for row in rows {
        let _ = writeln!(out, "\n{row}");
    }
    out
}
