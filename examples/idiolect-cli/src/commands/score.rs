//! `idiolect score`: how likely a model finds responses.

use idiolect::data::Id;
use idiolect::tokens::{IGNORE, TokenBatch, TokenRow};
use serde::Serialize;

use crate::args::Score;
use crate::device::on_threads;
use crate::error::CliError;
use crate::objective::token_nll;
use crate::opened::Opened;
use crate::progress::bar;
use crate::rows::{ScoreRow, read_scores, write_lines};

/// The score of one row.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Scored {
    /// The row's id.
    pub id: Id,
    /// Sum of the negative log-likelihood of the trained tokens, in nats.
    pub nll: f64,
    /// Number of those tokens, after the shift.
    pub tokens: usize,
}

/// Runs the command.
///
/// # Errors
///
/// Every [`CliError`] of opening a model, reading rows and writing.
pub fn run(args: &Score) -> Result<(), CliError> {
    on_threads(args.model.threads, || work(args))
}

fn work(args: &Score) -> Result<(), CliError> {
    if args.batch_size == 0 {
        return Err(CliError::setting("--batch-size", "at least 1", 0));
    }
    let rows = read_scores(&args.data)?;
    let opened = Opened::with(&args.model, &args.adapter, args.template.as_deref())?;
    let rows = rows
        .into_iter()
        .map(|row| match row {
            ScoreRow::Messages(id, messages) => opened.example_row(id, &messages),
            ScoreRow::Tokens(row) => opened.checked(row),
        })
        .collect::<Result<Vec<_>, _>>()?;
    let scored = score_rows(&opened, &rows, args.batch_size)?;
    write_lines(args.out.as_deref(), &scored)
}

/// Scores token rows in their order, batches made of similar lengths.
///
/// # Errors
///
/// [`CliError::Setting`] for a row longer than the model's positions.
pub fn score_rows(
    opened: &Opened,
    rows: &[TokenRow],
    batch_size: usize,
) -> Result<Vec<Scored>, CliError> {
    let most = opened.decoder.config.max_positions;
    if let Some(row) = rows.iter().find(|row| row.input_ids.len() > most) {
        let expected = format!("at most {most} tokens, the model's positions");
        return Err(CliError::setting(
            &format!("row {}", row.id),
            expected,
            row.input_ids.len(),
        ));
    }
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by_key(|i| std::cmp::Reverse(rows[*i].input_ids.len()));
    let bar = bar("score", rows.len());
    let mut scored = vec![None; rows.len()];
    for part in order.chunks(batch_size) {
        let batch: Vec<&TokenRow> = part.iter().map(|i| &rows[*i]).collect();
        let nll = token_nll(
            &opened.decoder,
            opened.adapter(),
            &TokenBatch::new(&batch, 0),
        );
        let mut nll = nll.into_iter().map(f64::from);
        for i in part {
            let tokens = rows[*i]
                .labels
                .iter()
                .skip(1)
                .filter(|label| **label != IGNORE)
                .count();
            let sum = nll.by_ref().take(tokens).sum();
            scored[*i] = Some(Scored {
                id: rows[*i].id.clone(),
                nll: sum,
                tokens,
            });
        }
        bar.inc(part.len() as u64);
    }
    bar.finish_and_clear();
    Ok(scored.into_iter().flatten().collect())
}
