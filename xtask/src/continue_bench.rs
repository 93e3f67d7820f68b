//! `cargo xtask continue-bench`: `idiolect continue` over real documents, with speculation and without.

use std::fs;
use std::path::Path;
use std::time::Instant;

use crate::distill_bench::summary;
use crate::shell::{self, Outcome, output, root, shared};

/// Tokens that a row guesses at most.
const WAYS: [(&str, &str); 2] = [("speculation", "4"), ("no speculation", "0")];
/// Reads the summary; the standard library has no JSON.
const SHOW: &str = "\
import json, sys
s = json.load(open(sys.argv[1])); t = float(sys.argv[2]); n = s['corpus']['sampled']
print(f\"{60 * n / t:.1f} rows a minute, {s['tokens'] / t:.1f} tokens a second, {t:.1f} s, \"
      f\"{s['tokens'] / s['passes']:.2f} tokens a pass, {s['never_ending']} of {n} without an end\")";

/// Continues halves of documents (24, or as many as are named) with the small model as its own teacher, and
/// prints a line for each way; further words go to the command. Loading the model is part of the time.
pub(crate) fn run(arguments: &[&str]) -> Outcome {
    let (documents, more) = match arguments {
        [] => ("24", arguments),
        [number, more @ ..] if number.parse::<usize>().is_ok() => (*number, more),
        other => return Err(format!("expected a number of documents, found {other:?}")),
    };
    let corpus = shared().map(|shared| shared.join("data/corpus/usgov_articles_300.jsonl"));
    let corpus = corpus.ok_or("the shared data are absent")?;
    let model = crate::fetch::smollm2_folder()?.ok_or("the shared tools are absent")?;
    shell::build(&["idiolect-cli"])?;
    let teacher = format!("local:{}", model.display());
    let words = ["--documents", documents, "--teacher", &teacher];
    let words = [&words[..], &["--threads", "2"], more].concat();
    let mut texts = Vec::new();
    for (way, speculate) in WAYS {
        let out = root().join(format!("runs/continue-bench/{}", way.replace(' ', "-")));
        let seconds = time(&corpus, &out, speculate, &words)?;
        println!("continue, {way}: {}", summary(SHOW, &out, seconds)?);
        let rows = fs::read(out.join("rows.jsonl"));
        texts.push(rows.map_err(|e| format!("{}: {e}", out.display()))?);
    }
    let same = texts.windows(2).all(|pair| pair[0] == pair[1]);
    let said = if same { "the same" } else { "not all the same" };
    println!("the training rows are {said}");
    Ok(())
}

/// Seconds of one run into `out`.
fn time(corpus: &Path, out: &Path, speculate: &str, words: &[&str]) -> Outcome<f64> {
    // A run that ended before would be read from its journal.
    let _ = fs::remove_dir_all(out);
    let mut command = shell::built("idiolect", &["continue", "--speculate", speculate]);
    command.arg("--corpus").arg(corpus).arg("--out").arg(out);
    let began = Instant::now();
    output(command.args(words))?;
    Ok(began.elapsed().as_secs_f64())
}
