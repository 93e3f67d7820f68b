//! Prompts of the distillation job, generated in the ways that its settings allow.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

use idiolect::data::{Dataset, Format, Row};
use idiolect::generate::{Generated, GenerationEvent, GenerationSettings};
use idiolect::lm::{GenerateRun, LanguageModel, ModelPrompt};
use idiolect::prompt::DistillTemplate;
use idiolect_testkit::processor_seconds;

use crate::support::peak_mib;

/// The first 32 examples as the distillation job asks for them, rewritten greedily.
pub(crate) fn run(path: &Path, case: &str, repeats: usize) {
    let (batch_size, way) = case.split_once('-').expect("distill-ROWS-WAY");
    let model = LanguageModel::open(&path.display().to_string()).unwrap();
    let data = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../examples/data/openfunctions/train.json"
    );
    let set = Dataset::open_as(Path::new(data), Format::Alpaca).unwrap();
    let template = DistillTemplate::refer();
    let prompt = |row: &Row| {
        let messages = template.messages(&row.example);
        model.prompt_ids(&ModelPrompt::Messages(messages)).unwrap()
    };
    let mut prompts: Vec<Vec<u32>> = set.rows[..32].iter().map(prompt).collect();
    prompts.sort_by_key(|prompt| std::cmp::Reverse(prompt.len()));
    let plain = GenerationSettings::default();
    let generation = GenerationSettings {
        generation_batch_size: batch_size.parse().unwrap(),
        prefix_sharing: !(way == "batches" || way == "refill"),
        speculate: if way == "speculate" {
            plain.speculate
        } else {
            0
        },
        stop: vec![DistillTemplate::CHAT_STOP.into()],
        ..plain
    };
    let once = GenerateRun {
        seed: 42,
        ..GenerateRun::default()
    };
    let at_once = if way == "batches" {
        generation.generation_batch_size
    } else {
        32
    };
    for _ in 0..repeats {
        let (began, before) = (Instant::now(), processor_seconds());
        let rows = prompts.chunks(at_once).flat_map(|prompts| {
            let flow = &mut |_: GenerationEvent<'_>| ControlFlow::Continue(());
            let prompts: Vec<_> = prompts.iter().cloned().map(ModelPrompt::Tokens).collect();
            model.generate(&prompts, &generation, once, flow).unwrap()
        });
        let rows: Vec<Generated> = rows.collect();
        let seconds = began.elapsed().as_secs_f64();
        let tokens: usize = rows.iter().map(|row| row.token_ids.len()).sum();
        let passes: usize = rows.iter().map(|row| row.passes).sum();
        let row = serde_json::json!({
            "case": format!("distill-{case}"), "tokens": tokens, "rows_per_minute": 1920.0 / seconds,
            "cpu_seconds": processor_seconds() - before, "tokens_per_pass": tokens as f64 / passes as f64,
            "peak_mib": peak_mib(),
        });
        println!("{row}");
    }
}
