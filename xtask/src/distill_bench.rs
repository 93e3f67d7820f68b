//! `cargo xtask distill-bench`: `idiolect distill` on real rows, with what makes it fast and without, and
//! beside the published scripts' way.

use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::bench::bench;
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
s = json.load(open(sys.argv[1])); t = float(sys.argv[2]); nll = s.get('target_nll')
print(f\"{60 * s['rows'] / t:.1f} rows a minute, {s['tokens'] / t:.1f} tokens a second, \"
      f\"{s.get('tokens_per_pass', 0):.2f} tokens a pass; kept {s['replaced']}/{s['rows']} \"
      f\"({s['identical']} identical), refused {s['refused']}, {s['tokens']} tokens, \"
      f\"words {s['length_before']['words']:.1f} -> {s['length_after']['words']:.1f}\"
      + (f\", nats a token {nll['before']['per_token']:.4f} -> {nll['after']['per_token']:.4f}\" if nll else ''))";

/// Distils rows of each set (200, or as many as are named) in every way and prints a line for each; with
/// `--python PYTHON` transformers writes the same rows one at a time.
///
/// Rows per minute are those of a run without scoring, starting and loading counted; the run that scores
/// finds its texts in the journal, and is made for the first way only, since all write the same.
pub(crate) fn run(arguments: &[&str]) -> Outcome {
    let expected = "[ROWS] [--python PYTHON]";
    let (rows, rest) = match arguments {
        [rows, rest @ ..] if rows.parse::<usize>().is_ok() => (*rows, rest),
        rest => ("200", rest),
    };
    let python = match rest {
        [] => None,
        ["--python", python] => Some(*python),
        other => return Err(format!("expected {expected}, found {other:?}")),
    };
    let data = shared().map(|shared| shared.join("data/sdft"));
    let data = data.ok_or("the shared data are absent")?;
    let model = crate::fetch::smollm2_folder()?.ok_or("the shared tools are absent")?;
    build()?;
    for (set, preset, check) in SETS {
        let data = data.join(format!("{set}.json"));
        let words = [
            "distill",
            "--sample",
            rows,
            "--preset",
            preset,
            "--check",
            check,
            "--threads",
            "2",
        ];
        let mut usual = None;
        for (way, flags) in WAYS {
            let out = out(set, way);
            // A run that ended before would be read from its journal.
            let _ = std::fs::remove_dir_all(&out);
            let words = [words.as_slice(), flags].concat();
            let began = Instant::now();
            distil(&words, &model, &data, &out, &["--no-likelihood"])?;
            let seconds = began.elapsed().as_secs_f64().to_string();
            if usual.is_none() {
                distil(&words, &model, &data, &out, &[])?;
            }
            let mut show = program("python3", &["-c", SHOW]);
            let shown = output(show.arg(out.join("summary.json")).arg(&seconds))?;
            println!("{set}, {way}: {}", shown.trim());
            usual.get_or_insert(seconds);
        }
        if let (Some(python), Some(seconds)) = (python, usual) {
            let prompts = root().join(format!("runs/distill-bench/{set}-prompts.json"));
            export(&prompts, &model, &data, (rows, preset))?;
            let mut peer = program(python, &["tests/benches/distill_peer.py"]);
            peer.arg(&model).arg(&prompts);
            peer.arg(out(set, WAYS[0].0).join("journal/rewrites.jsonl"));
            shell::run(peer.arg(seconds))?;
        }
    }
    Ok(())
}

/// Where a way leaves what it writes.
fn out(set: &str, way: &str) -> PathBuf {
    root().join(format!(
        "runs/distill-bench/{set}-{}",
        way.replace(' ', "-")
    ))
}

/// Writes the prompts of the same rows as token ids.
fn export(to: &Path, model: &Path, data: &Path, (rows, preset): (&str, &str)) -> Outcome {
    let [to, model, data] = [to, model, data].map(|path| path.display().to_string());
    shell::run(&mut bench("prompts", &[&to, &model, &data, rows, preset]))
}

/// Builds the command line.
pub(crate) fn build() -> Outcome {
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
