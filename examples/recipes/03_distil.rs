//! Self-distillation with any writer: here a closure stands where a model or a server would.
//!
//! `cargo run --release -p idiolect-recipes --example 03_distil -- DATA.json OUT.json`
#![allow(clippy::print_stdout)]

use std::path::Path;

use idiolect::data::{Columns, DataSet, Format};
use idiolect::distill::{
    BoxError, Check, Completion, Extras, Identity, RewriteRequest, Settings, distill,
};
use idiolect::prompt::DistillTemplate;

fn main() -> Result<(), BoxError> {
    let mut args = std::env::args().skip(1);
    let (data, out) = (
        args.next().ok_or("a data set")?,
        args.next().ok_or("a file to write")?,
    );
    let set = DataSet::read(Path::new(&data), Format::Alpaca, &Columns::default())?;

    // The prompt shows instruction and reference answer; this writer only says it was asked.
    let mut writer = |request: &RewriteRequest| -> Result<Completion, BoxError> {
        let text = format!(
            "A prompt of {} characters.",
            request.prompt.to_string().len()
        );
        let finish_reason = "stop".into();
        Ok(Completion {
            id: request.id.clone(),
            text,
            token_count: 6,
            token_ids: None,
            passes: None,
            finish_reason,
        })
    };
    let identity = Identity {
        model: "closure".into(),
        adapter: None,
        sampler: serde_json::Value::Null,
    };
    let settings = Settings {
        template: DistillTemplate::using(),
        chat: None,
        check: Check::Text,
        extras: Extras {
            empty: true,
            ..Extras::default()
        },
        mix_ratio: 0.5,
        trim: true,
        seed: 7,
        identity,
    };
    let journal = format!("{out}.journal.jsonl");
    let distilled = distill(&set, &settings, &mut writer, Path::new(&journal))?;
    distilled.set.write(Path::new(&out))?;
    println!("{}", serde_json::to_string_pretty(&distilled.summary)?);
    Ok(())
}
