//! `idiolect combine`: several adapters of one model as one, their changes weighted and added up.

use std::path::Path;

use idiolect::lora::{LoraAdapter, combine, load, save, shift, total};

use crate::adapting::weighted;
use crate::args::Combine;
use crate::error::CliError;
use crate::opened::Opened;

/// Runs the command.
///
/// # Errors
///
/// Every [`CliError`] of opening a model and of reading and writing adapters; [`CliError::Setting`] for a
/// weight that is no number.
pub fn run(args: &Combine) -> Result<(), CliError> {
    let opened = Opened::new(&args.model, None, None)?;
    let device = opened.decoder.device();
    let mut parts: Vec<(LoraAdapter, f64)> = Vec::new();
    for text in &args.adapter {
        let (folder, weight) = weighted(text)?;
        parts.push((load(Path::new(folder), &opened.decoder, &device)?, weight));
    }
    let parts: Vec<(&LoraAdapter, f64)> = parts.iter().map(|(part, w)| (part, *w)).collect();
    let one = combine(&parts)?;
    save(&one, &args.out, &opened.name)?;
    opened.text.save(&args.out)?;
    let summary = serde_json::json!({
        "out": args.out, "adapters": parts.len(), "rank": one.config.rank, "sites": one.sites.len(),
        "shift": total(&shift(&one, &opened.decoder)),
    });
    crate::rows::write_lines(None, &[summary])
}
