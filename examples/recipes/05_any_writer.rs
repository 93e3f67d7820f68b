//! Self-distillation with a writer and a check of one's own: here a closure stands where a model or a server
//! would, and a rewrite must not be longer than twice the answer.
//!
//! `cargo run --release -p idiolect-recipes --example 05_any_writer -- DATA.json FOLDER`
#![allow(clippy::print_stdout)]

use std::path::Path;
use std::sync::Arc;

use idiolect::completion::{Completion, CompletionRequest, Prompt, WriterFn, WriterIdentity};
use idiolect::distill::{DistillConfig, Reason, RewriteCheck, Shard, distill_into};
use idiolect::{BoxError, Dataset};

/// Refuses rewrites that are longer than twice the answer.
#[derive(Debug)]
struct NotMuchLonger;

impl RewriteCheck for NotMuchLonger {
    fn name(&self) -> &'static str {
        "not-much-longer"
    }

    fn objection(&self, label: &str, rewrite: &str) -> Result<Option<Reason>, BoxError> {
        let (most, found) = (2 * label.len(), rewrite.len());
        Ok((found > most).then(|| Reason::Custom {
            check: self.name().into(),
            problem: format!("expected at most {most} bytes, found {found}"),
        }))
    }
}

/// Rewrites a data set into a folder; gives how many answers were replaced.
pub(crate) fn distil(data: &Path, folder: &Path) -> Result<usize, BoxError> {
    let set = Dataset::open(data)?;
    let identity = WriterIdentity::named("an example");
    // The prompt shows instruction and reference answer; this writer only says how long it was.
    let mut writer = WriterFn::new(identity, |request: &CompletionRequest| {
        let length = match &request.prompt {
            Prompt::Rendered(rendered) => rendered.to_string().len(),
            _ => 0,
        };
        Ok(Completion::new(
            request.id.clone(),
            format!("{length} bytes."),
        ))
    });
    let config = DistillConfig {
        check: Arc::new(NotMuchLonger),
        mix_ratio: 0.5,
        seed: 7,
        ..DistillConfig::default()
    };
    let distilled = distill_into(&set, &config, Shard::WHOLE, &mut writer, folder)?;
    println!("{}", serde_json::to_string_pretty(&distilled.summary)?);
    Ok(distilled.summary.replaced)
}

fn main() -> Result<(), BoxError> {
    let mut args = std::env::args().skip(1);
    let data = args.next().ok_or("a data set")?;
    let folder = args.next().ok_or("a folder to write to")?;
    distil(data.as_ref(), folder.as_ref())?;
    Ok(())
}
