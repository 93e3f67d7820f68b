//! `idiolect merge`: an adapter folded into its model, as a Hugging Face folder.

use burn::tensor::{Int, Tensor, TensorData};
use idiolect::lora::merge_checked;
use idiolect::model::{SaveOptions, StoredType, save};

use crate::args::Merge;
use crate::device::on_threads;
use crate::error::CliError;
use crate::opened::Opened;

/// What the logits are compared on: plain text of both kinds that users have, prose and code.
const PROBE: &str =
    "The merged model must answer as the adapter did: fn add(a: i64, b: i64) -> i64 { a + b }";

/// Runs the command.
///
/// # Errors
///
/// Every [`CliError`] of opening a model and of writing a folder.
pub fn run(args: &Merge) -> Result<(), CliError> {
    on_threads(args.model.threads, || work(args))
}

fn work(args: &Merge) -> Result<(), CliError> {
    let stored = args
        .stored
        .as_deref()
        .or(args.model.dtype.as_deref())
        .unwrap_or("f32");
    let stored = match stored {
        "f32" => StoredType::F32,
        "f16" => StoredType::F16,
        "bf16" => StoredType::Bf16,
        other => return Err(CliError::setting("--stored", "f32, f16 or bf16", other)),
    };
    let mut opened = Opened::new(&args.model, Some(&args.adapter), None)?;
    let Some(adapter) = opened.adapter.take() else {
        return Ok(());
    };
    let probe = opened.tokenizer.encode_text(PROBE)?;
    let ids: Vec<i64> = probe.iter().map(|id| i64::from(*id)).collect();
    let count = ids.len();
    let ids =
        Tensor::<2, Int>::from_data(TensorData::new(ids, [1, count]), &opened.decoder.device());
    let (merged, report) = merge_checked(opened.decoder, &adapter, &ids);
    let max_shard_bytes = args.max_shard_megabytes.saturating_mul(1_000_000);
    let mut files = save(
        &merged,
        &args.out,
        SaveOptions {
            stored,
            max_shard_bytes,
        },
    )?;
    files.extend(opened.text.save(&args.out)?);
    let summary = serde_json::json!({
        "out": args.out, "files": files, "max_logit_difference": report.max_logit_difference,
        "logits_compared": report.compared,
    });
    crate::rows::write_lines(None, &[summary])
}
