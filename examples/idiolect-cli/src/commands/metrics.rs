//! `idiolect metrics`: rows in, scores out, and their means.

use std::path::Path;

use idiolect::embed::{Embedder, cosine};
use idiolect::lora::{WeightShift, between, combine, load, shift};
use idiolect::model::Decoder;
use rayon::prelude::*;
use serde_json::{Map, json};

use crate::args::Metrics;
use crate::device::{device, on_threads};
use crate::error::CliError;
use crate::fields::{self, Record};
use crate::opened::Opened;
use crate::rows::write_lines;
use crate::scoring::{Kind, Scores, means, score};

/// Runs the command.
///
/// # Errors
///
/// [`CliError::Setting`] names the option, or file, row and field; the errors of opening models.
pub fn run(args: &Metrics) -> Result<(), CliError> {
    on_threads(args.model.threads, || work(args))
}

fn work(args: &Metrics) -> Result<(), CliError> {
    if args.kind == Kind::Shift {
        return shifts(args);
    }
    let input = args.input.as_deref();
    let input = input.ok_or_else(|| CliError::setting("--in", "a file of rows", "nothing"))?;
    let rows = fields::read(input)?;
    let scores = match args.kind {
        Kind::Embedding => similarities(args, &rows)?,
        kind => scored(kind, &rows)?,
    };
    if let Some(out) = args.out.as_deref() {
        write_lines(Some(out), &with_ids(&rows, &scores))?;
    }
    write_lines(None, &[means(&scores)])
}

fn scored(kind: Kind, rows: &[Record]) -> Result<Vec<Scores>, CliError> {
    // Of several wrong rows the first is named, whichever thread came upon one.
    let scores: Vec<Result<Scores, CliError>> =
        rows.par_iter().map(|row| score(kind, row)).collect();
    scores.into_iter().collect()
}

/// Texts that are embedded together.
const TEXTS: usize = 16;

/// The cosine of each row's two texts.
fn similarities(args: &Metrics, rows: &[Record]) -> Result<Vec<Scores>, CliError> {
    let folder = args.model.model.as_deref();
    let folder =
        folder.ok_or_else(|| CliError::setting("--model", "a MiniLM folder", "nothing"))?;
    let device = device(args.model.device.as_deref().unwrap_or("flex"))?;
    let mut texts = Vec::new();
    for row in rows {
        texts.extend([row.text("reference")?, row.text("hypothesis")?]);
    }
    let embedder = Embedder::load(Path::new(folder), &device)?;
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let found = embedder.embed(&texts, TEXTS)?;
    let pair = |pair: &[Vec<f32>]| {
        Scores::from_iter([("cosine".to_string(), cosine(&pair[0], &pair[1]).into())])
    };
    Ok(found.chunks_exact(2).map(pair).collect())
}

/// Rows as they are written: the id, then the scores.
fn with_ids(rows: &[Record], scores: &[Scores]) -> Vec<Scores> {
    let one = |(row, scores): (&Record, &Scores)| {
        let mut out = Map::from_iter([("id".to_string(), row.id())]);
        out.extend(scores.clone());
        out
    };
    rows.iter().zip(scores).map(one).collect()
}

/// A row for each weight that moved; the norm of the whole change on standard output.
fn shifts(args: &Metrics) -> Result<(), CliError> {
    let opened = Opened::new(&args.model, None, None)?;
    let found = match (args.adapter.as_slice(), &args.other) {
        ([adapter], None) => adapted(&opened.decoder, &[(adapter, 1.0)])?,
        ([first, second], None) => adapted(&opened.decoder, &[(second, 1.0), (first, -1.0)])?,
        ([], Some(other)) => {
            let mut keys = args.model.clone();
            keys.model = Some(other.clone());
            between(&opened.decoder, &Opened::new(&keys, None, None)?.decoder)?
        }
        _ => {
            let expected = "one or two of --adapter, or --other";
            return Err(CliError::setting(
                "metrics shift",
                expected,
                "neither or both",
            ));
        }
    };
    let row = |one: &WeightShift| json!({"id": one.path, "shift": one.norm, "relative_shift": one.relative});
    if let Some(out) = args.out.as_deref() {
        write_lines(Some(out), &found.iter().map(row).collect::<Vec<_>>())?;
    }
    let squares: f64 = found.iter().map(|one| one.norm * one.norm).sum();
    let relative: f64 = found.iter().map(|one| one.relative).sum();
    let relative = relative / found.len().max(1) as f64;
    let whole = json!({"rows": found.len(), "shift": squares.sqrt(), "relative_shift": relative});
    write_lines(None, &[whole])
}

/// What the weighted sum of adapters changes, site by site; one alone may be of any kind.
fn adapted(
    seed: &Decoder,
    parts: &[(&std::path::PathBuf, f64)],
) -> Result<Vec<WeightShift>, CliError> {
    let read = |folder: &Path| load(folder, seed, &seed.device());
    let parts = parts
        .iter()
        .map(|(folder, weight)| Ok((read(folder)?, *weight)));
    let parts: Vec<_> = parts.collect::<Result<_, CliError>>()?;
    let sites = match parts.as_slice() {
        [(one, _)] => shift(one, seed),
        several => {
            let several: Vec<_> = several
                .iter()
                .map(|(part, weight)| (part, *weight))
                .collect();
            shift(&combine(&several)?, seed)
        }
    };
    let one = |site: &idiolect::lora::SiteShift| WeightShift {
        path: site.site.to_string(),
        norm: site.norm,
        relative: site.relative,
    };
    Ok(sites.iter().map(one).collect())
}
