//! `idiolect metrics`: rows in, scores out, and their means.

use idiolect::Error;
use idiolect::eval::{ScoreKind, read_scored_rows, row_scores, score_means, with_ids};
use idiolect::lm::jobs::shift as moved;

use crate::args::Metrics;
use crate::commands::resolve;
use crate::error::CliError;
use crate::output;
use crate::progress::Bar;

/// Runs the command.
pub(crate) fn run(args: &Metrics) -> Result<(), CliError> {
    output::check(args.out.as_deref())?;
    if args.kind == "shift" {
        return shift(args);
    }
    let input = args
        .input
        .as_deref()
        .ok_or_else(|| Error::setting("in", "a file of rows", "nothing"))?;
    let rows = read_scored_rows(input).map_err(Error::from)?;
    let scores = if args.kind == "embedding" {
        let model = resolve(None, &args.model)?;
        idiolect::embedding_scores(&model, &rows)?
    } else {
        let kind: ScoreKind = args.kind.parse().map_err(Error::from)?;
        row_scores(kind, &rows).map_err(Error::from)?
    };
    if let Some(out) = args.out.as_deref() {
        output::rows(Some(out), &with_ids(&rows, &scores))?;
    }
    output::summary(&score_means(&scores))
}

/// A row for each weight that moved; the norm of the whole change on standard output.
fn shift(args: &Metrics) -> Result<(), CliError> {
    let model = resolve(None, &args.model)?;
    let other = args.other.as_deref();
    let shifts = moved(&model, &args.adapter, other, &Bar::default());
    let shifts = shifts.map_err(Error::from)?;
    if let Some(out) = args.out.as_deref() {
        output::rows(Some(out), &shifts.rows())?;
    }
    output::summary(&shifts.summary())
}
