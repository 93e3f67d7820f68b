//! `idiolect inspect`: what a model is, what an adapter changes, which text of a data set is trained, what a
//! training run needs.

use std::fmt::Write;
use std::path::Path;

use idiolect::TrainSettings;
use idiolect::finetune::plan as planned;
use idiolect::lm::MaskedRow;
use idiolect::lm::jobs::{Inspect as Asked, inspect};
use serde_json::json;

use crate::args::{Inspect, ModelOptions};
use crate::commands::resolve;
use crate::error::CliError;
use crate::output;
use crate::progress::Bar;

/// Runs the command.
pub(crate) fn run(args: &Inspect) -> Result<(), CliError> {
    if let Some(config) = &args.plan {
        return plan(config, args.json);
    }
    let model = ModelOptions {
        template: args.data.template.clone(),
        ..args.model.clone()
    };
    let ask = Asked {
        model: resolve(None, &model)?,
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
        text += &shown(&found.rows);
    }
    output::text(&text)
}

fn plan(config: &Path, is_json: bool) -> Result<(), CliError> {
    let settings: TrainSettings = resolve(Some(config), &json!({}))?;
    let plan = planned(&settings).map_err(idiolect::Error::from)?;
    if is_json {
        return output::lines(&[plan]);
    }
    output::text(&format!("{plan}\n"))
}

/// Rows with trained text between marks.
fn shown(rows: &[MaskedRow]) -> String {
    let mut out = String::from("\nText between « and » is trained.\n");
    for row in rows {
        let _ = writeln!(out, "\n{row}");
    }
    out
}
