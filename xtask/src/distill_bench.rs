//! `cargo xtask distill-bench`: `idiolect distill` on real rows, with what makes it fast and without.

use std::path::Path;
use std::time::Instant;

use crate::shell::{self, Outcome, cargo, output, program, root, shared};

/// Data set and check.
const SETS: [(&str, &str, &str); 2] = [
    ("openfunction_train", "refer", "call"),
    ("alpaca_train", "using", "text"),
];
/// What is switched, and the flags for it.
const WAYS: [(&str, &[&str]); 4] = [
    ("as it is", &[]),
    ("no speculation", &["--speculate", "0"]),
    ("no shared prefixes", &["--no-prefix-sharing"]),
    ("neither", &["--speculate", "0", "--no-prefix-sharing"]),
];
/// Reads the summary; the standard library has no JSON.
const SHOW: &str = "\
import json, sys
s = json.load(open(sys.argv[1])); nll = s['target_nll']
print(f\"kept {s['replaced']}/{s['rows']} ({s['identical']} identical), refused {s['refused']}, \"
      f\"{s['tokens']} tokens, {s.get('tokens_per_pass', 0):.2f} a pass, \"
      f\"words {s['length_before']['words']:.1f} -> {s['length_after']['words']:.1f}, \"
      f\"nats a token {nll['before']['per_token']:.4f} -> {nll['after']['per_token']:.4f}\")";

/// Distils rows of each set (200, or as many as are named) in every way and prints a line for each.
///
/// Rows per minute are those of a run without scoring; the run that scores finds its texts in the journal.
pub(crate) fn run(arguments: &[&str]) -> Outcome {
    let rows = match arguments {
        [] => "200",
        [rows] if rows.parse::<usize>().is_ok() => rows,
        other => return Err(format!("expected a number of rows, found {other:?}")),
    };
    let data = shared().map(|shared| shared.join("data/sdft"));
    let data = data.ok_or("the shared data are absent")?;
    let model = crate::fetch::smollm2_folder()?.ok_or("the shared tools are absent")?;
    build()?;
    for (set, preset, check) in SETS {
        for (way, flags) in WAYS {
            let out = root().join(format!(
                "runs/distill-bench/{set}-{}",
                way.replace(' ', "-")
            ));
            // A run that ended before would be read from its journal.
            let _ = std::fs::remove_dir_all(&out);
            let data = data.join(format!("{set}.json"));
            let mut words = vec![
                "distill", "--sample", rows, "--preset", preset, "--check", check,
            ];
            words.extend(flags);
            let began = Instant::now();
            distil(&words, &model, &data, &out, &["--no-likelihood"])?;
            let minutes = began.elapsed().as_secs_f64() / 60.0;
            distil(&words, &model, &data, &out, &[])?;
            let summary = out.join("summary.json");
            let shown = output(program("python3", &["-c", SHOW]).arg(summary))?;
            let pace = rows.parse().unwrap_or(0.0) / minutes;
            println!("{set}, {way}: {pace:.1} rows a minute, {}", shown.trim());
        }
    }
    Ok(())
}

fn build() -> Outcome {
    let build = [
        "build",
        "--release",
        "--locked",
        "--package",
        "idiolect-cli",
    ];
    shell::run(&mut cargo(&build))
}

fn distil(words: &[&str], model: &Path, data: &Path, out: &Path, more: &[&str]) -> Outcome {
    let mut command = program(root().join("target/release/idiolect"), words);
    command.arg("--model").arg(model).arg("--data").arg(data);
    output(command.arg("--out").arg(out).args(more)).map(drop)
}
