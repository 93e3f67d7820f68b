//! `cargo xtask distill-bench`: `idiolect distill` on real rows, with what makes it fast and without, and
//! beside the published scripts' way.

use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::bench::bench;
use crate::shell::{self, Outcome, output, program, root, shared};

/// Data set, preset and check.
const SETS: [(&str, &str, &str); 2] = [
    ("openfunction_train", "refer", "call"),
    ("alpaca_train", "using", "text"),
];
/// A name, and the flags that switch off what it says.
type Way = (&'static str, &'static [&'static str]);
const WAYS: [Way; 4] = [
    ("as-it-is", &[]),
    ("no-speculation", &["--speculate", "0"]),
    ("no-shared-prefixes", &["--no-prefix-sharing"]),
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

/// Distils rows of each set (200, or as many as are named) in every way, or in those of `--ways`, and prints a
/// line for each; with `--python PYTHON` transformers writes the same rows one at a time.
///
/// Rows per minute are those of a run without scoring, starting and loading counted; the run that scores
/// finds its texts in the journal, and is made for the first way only, since all write the same. That way is
/// the one beside transformers too.
pub(crate) fn run(arguments: &[&str]) -> Outcome {
    let options = Options::new(arguments)?;
    let data = shared().map(|shared| shared.join("data/sdft"));
    let data = data.ok_or("the shared data are absent")?;
    let model = crate::fetch::smollm2_folder()?.ok_or("the shared tools are absent")?;
    shell::build(&["idiolect-cli"])?;
    for (set, preset, check) in SETS {
        let job = Job {
            set,
            preset,
            check,
            rows: options.rows,
            data: data.join(format!("{set}.json")),
            model: &model,
        };
        job.compare(&options.ways, options.python)?;
    }
    Ok(())
}

/// What the command line asks for.
struct Options<'a> {
    rows: &'a str,
    python: Option<&'a str>,
    /// In the order of [`WAYS`].
    ways: Vec<Way>,
}

impl<'a> Options<'a> {
    fn new(words: &[&'a str]) -> Outcome<Self> {
        let (rows, mut words) = match words {
            [rows, rest @ ..] if rows.parse::<usize>().is_ok() => (*rows, rest),
            rest => ("200", rest),
        };
        let (mut python, mut ways) = (None, WAYS.to_vec());
        while let [flag, value, rest @ ..] = words {
            match *flag {
                "--python" => python = Some(*value),
                "--ways" => ways = chosen(value)?,
                _ => break,
            }
            words = rest;
        }
        if !words.is_empty() {
            let expected = "[ROWS] [--python PYTHON] [--ways NAME,NAME]";
            return Err(format!("expected {expected}, found {words:?}"));
        }
        Ok(Self { rows, python, ways })
    }
}

/// The ways of a list of names.
fn chosen(list: &str) -> Outcome<Vec<Way>> {
    let names: Vec<&str> = list.split(',').collect();
    let known = WAYS.map(|(name, _)| name);
    for name in &names {
        if !known.contains(name) {
            let known = known.join(", ");
            return Err(format!("--ways: expected some of {known}, found {name:?}"));
        }
    }
    let ways = WAYS.into_iter().filter(|(name, _)| names.contains(name));
    Ok(ways.collect())
}

/// What all runs over one set share.
struct Job<'a> {
    set: &'a str,
    preset: &'a str,
    check: &'a str,
    rows: &'a str,
    data: PathBuf,
    model: &'a Path,
}

impl Job<'_> {
    /// Each way in turn, then transformers beside the first.
    fn compare(&self, ways: &[Way], python: Option<&str>) -> Outcome {
        let mut first = None;
        for (way, flags) in ways {
            let seconds = self.time(way, flags, first.is_none())?;
            first.get_or_insert((way, seconds));
        }
        match (python, first) {
            (Some(python), Some((way, seconds))) => self.peer(python, way, seconds),
            _ => Ok(()),
        }
    }

    /// Distils in one way and prints its line; its seconds, without those of scoring.
    fn time(&self, way: &str, flags: &[&str], scores: bool) -> Outcome<f64> {
        let out = self.out(way);
        // A run that ended before would be read from its journal.
        let _ = std::fs::remove_dir_all(&out);
        let began = Instant::now();
        self.distil(&out, &[flags, &["--no-likelihood"]].concat())?;
        let seconds = began.elapsed().as_secs_f64();
        if scores {
            self.distil(&out, flags)?;
        }
        let (set, way) = (self.set, way.replace('-', " "));
        println!("{set}, {way}: {}", summary(SHOW, &out, seconds)?);
        Ok(seconds)
    }

    /// Where a way leaves what it writes.
    fn out(&self, way: &str) -> PathBuf {
        root().join(format!("runs/distill-bench/{}-{way}", self.set))
    }

    fn distil(&self, out: &Path, flags: &[&str]) -> Outcome {
        let mut command = shell::built("idiolect", &["distill", "--sample", self.rows]);
        command.args(["--preset", self.preset, "--check", self.check]);
        command.args(["--threads", "2"]).args(flags);
        command.arg("--model").arg(self.model);
        command.arg("--data").arg(&self.data).arg("--out").arg(out);
        output(&mut command).map(drop)
    }

    /// transformers over the same prompts, one at a time.
    fn peer(&self, python: &str, way: &str, seconds: f64) -> Outcome {
        let prompts = root().join(format!("runs/distill-bench/{}-prompts.json", self.set));
        self.export(&prompts)?;
        let mut peer = program(python, &["tests/benches/distill_peer.py"]);
        peer.arg(self.model).arg(&prompts);
        peer.arg(self.out(way).join("journal/rewrites.jsonl"));
        shell::run(peer.arg(seconds.to_string()))
    }

    /// Writes the prompts of the same rows as token ids.
    fn export(&self, to: &Path) -> Outcome {
        let [to, model, data] = [to, self.model, &self.data].map(|path| path.display().to_string());
        let mut export = bench("prompts", &[&to, &model, &data, self.rows, self.preset]);
        shell::run(&mut export)
    }
}

/// What a script in Python says of a run's summary and its seconds.
pub(crate) fn summary(script: &str, out: &Path, seconds: f64) -> Outcome<String> {
    let mut show = program("python3", &["-c", script]);
    show.arg(out.join("summary.json")).arg(seconds.to_string());
    Ok(output(&mut show)?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(words: &[&str]) -> Vec<&'static str> {
        let options = Options::new(words).unwrap();
        options.ways.iter().map(|(name, _)| *name).collect()
    }

    #[test]
    fn ways_are_all_or_the_named_ones_in_their_order() {
        assert_eq!(names(&[]), WAYS.map(|(name, _)| name));
        assert_eq!(names(&["20", "--python", "p"]).len(), WAYS.len());
        let words = ["20", "--ways", "neither,as-it-is", "--python", "p"];
        assert_eq!(names(&words), ["as-it-is", "neither"]);
        let options = Options::new(&words).unwrap();
        assert_eq!((options.rows, options.python), ("20", Some("p")));
    }

    #[test]
    fn a_way_that_there_is_not_is_named() {
        let refused = |words: &[&str]| Options::new(words).err().unwrap();
        let found = refused(&["--ways", "as-it-is,as it is"]);
        assert!(
            found.contains("\"as it is\"") && found.contains("no-shared-prefixes"),
            "{found}"
        );
        assert!(refused(&["--ways", ""]).contains("found \"\""));
        assert!(refused(&["--ways"]).contains("[--ways NAME,NAME]"));
        assert!(refused(&["--python", "p", "20"]).contains("[ROWS]"));
    }
}
