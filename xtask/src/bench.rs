//! `cargo xtask bench`: speed and memory on the real model, beside `PyTorch` and llama.cpp in the same run.
//!
//! Standard library only: cases are other programs, and a script makes one table of what they wrote.

use std::fs;
use std::path::Path;

use crate::shell::{self, Outcome, cargo, program, root};
use crate::{fetch, server};

/// Names as the yardstick has them, with our cases.
const KINDS: [(&str, &[&str]); 3] = [
    (
        "train",
        &[
            "train-whole",
            "train-blocks",
            "train-whole-bf16",
            "train-blocks-bf16",
        ],
    ),
    (
        "gen",
        &[
            "generate-1",
            "generate-8",
            "generate-1-bf16",
            "generate-8-bf16",
        ],
    ),
    (
        "prefill",
        &[
            "prefill-512",
            "prefill-4x256",
            "prefill-512-bf16",
            "prefill-4x256-bf16",
        ],
    ),
];
/// The same in 8 and 4 bits and in the blocks of llama.cpp's own files, beside llama.cpp.
const QUANTISED: [(&str, &[&str]); 2] = [
    (
        "gen",
        &[
            "generate-1-8bits",
            "generate-8-8bits",
            "generate-1-4bits",
            "generate-8-4bits",
            "generate-1-q8_0",
            "generate-8-q8_0",
            "generate-1-q4_0",
            "generate-8-q4_0",
            "generate-1-Q4_1",
            "generate-8-Q4_1",
        ],
    ),
    (
        "prefill",
        &[
            "prefill-512-8bits",
            "prefill-512-q8_0",
            "prefill-512-q4_0",
            "prefill-512-Q4_1",
        ],
    ),
];
/// Types of the files that llama.cpp reads beside the one that is shipped, in `Q4_1`.
const RETYPED: [&str; 3] = ["f32", "q8_0", "q4_0"];
/// Programs of their own behind a word: real rows beside PEFT, Burn's own adapters, and loading beside safetensors.
const PROGRAMS: [(&str, &str); 3] = [
    ("rows", "real_rows"),
    ("apply-lora", "apply_lora"),
    ("load", "loading"),
];

struct Options<'a> {
    python: Option<&'a str>,
    llama: bool,
    kinds: Vec<&'a str>,
    repeats: &'a str,
}

/// Runs our cases, between them those of the peers that are asked for, and prints a table.
pub(crate) fn run(arguments: &[&str]) -> Outcome {
    if let [first, rest @ ..] = arguments
        && let Some((_, name)) = PROGRAMS.iter().find(|(word, _)| word == first)
    {
        return other(name, rest);
    }
    let options = Options::new(arguments)?;
    let absent = "the shared tools that make the model's folder are absent";
    let model = fetch::smollm2_folder()?.ok_or(absent)?;
    let tools = shell::shared().ok_or(absent)?.join("tools");
    let out = root().join("runs/bench");
    // Figures of an earlier run belong to another minute.
    let _ = fs::remove_dir_all(&out);
    fs::create_dir_all(&out).map_err(|e| format!("{}: {e}", out.display()))?;
    let files = if options.llama { &RETYPED[..] } else { &[] };
    let files = files.iter().map(|kind| fetch::smollm2_retyped(kind));
    let mut files = files.collect::<Outcome<Vec<_>>>()?;
    if options.llama {
        files.push(fetch::smollm2()?);
    }
    shell::run(bench("smollm2", &[]).arg("--no-run"))?;
    let mut ours = options.ours()?;
    if let Some(python) = options.python {
        let mut yardstick = program(python, &[]);
        yardstick.arg(tools.join("bench_peft.py")).arg(&model);
        yardstick.args(["--dtypes", "f32,bf16", "--repeats", options.repeats]);
        yardstick.args(["--cases", &options.kinds.join(","), "--json"]);
        shell::run(yardstick.arg(out.join("torch.json")))?;
    }
    if options.llama {
        let mut yardstick = program(server::environment()?, &[]);
        yardstick.arg(tools.join("bench_llamacpp.py")).args(&files);
        yardstick.args(["--repeats", options.repeats, "--json"]);
        shell::run(yardstick.arg(out.join("llama.json")))?;
    }
    if options.python.is_some() || options.llama {
        // Once more, so that a machine that got slower or faster in between shows.
        ours += &options.ours()?;
    }
    table(&out, &ours)
}

impl<'a> Options<'a> {
    fn new(mut words: &[&'a str]) -> Outcome<Self> {
        let mut options = Self {
            python: None,
            llama: false,
            kinds: KINDS.map(|(kind, _)| kind).into(),
            repeats: "3",
        };
        while let [first, rest @ ..] = words {
            words = match (*first, rest) {
                ("--llama", rest) => {
                    options.llama = true;
                    rest
                }
                ("--python", [python, rest @ ..]) => {
                    options.python = Some(python);
                    rest
                }
                ("--repeats", [number, rest @ ..])
                    if number.parse().is_ok_and(|n: usize| n > 0) =>
                {
                    options.repeats = number;
                    rest
                }
                ("--only", [kind, rest @ ..]) if KINDS.iter().any(|(known, _)| known == kind) => {
                    options.kinds = vec![kind];
                    rest
                }
                _ => {
                    let expected =
                        "--python PYTHON, --llama, --only train|gen|prefill, --repeats N";
                    return Err(format!("expected {expected}, found {words:?}"));
                }
            };
        }
        Ok(options)
    }

    /// Our cases, a line of JSON each.
    fn ours(&self) -> Outcome<String> {
        let quantised = if self.llama { &QUANTISED[..] } else { &[] };
        let wanted = KINDS.iter().chain(quantised);
        let wanted = wanted.filter(|(kind, _)| self.kinds.contains(kind));
        let cases = wanted.flat_map(|(_, cases)| *cases);
        let one = |case: &&str| shell::output(&mut bench("smollm2", &[case, self.repeats]));
        cases.map(one).collect()
    }
}

/// One of our benchmarks, on two threads as the peers.
pub(crate) fn bench(name: &str, arguments: &[&str]) -> std::process::Command {
    let bench = [
        "bench",
        "--quiet",
        "--locked",
        "--package",
        "idiolect-tests",
        "--bench",
        name,
    ];
    let mut command = cargo(&bench);
    if !arguments.is_empty() {
        command.arg("--").args(arguments);
    }
    command.env("RAYON_NUM_THREADS", "2");
    command
}

fn other(name: &str, arguments: &[&str]) -> Outcome {
    let model = fetch::smollm2_folder()?;
    if model.is_none() {
        return Err("the shared tools that make the model's folder are absent".into());
    }
    shell::run(&mut bench(name, arguments))
}

fn table(out: &Path, ours: &str) -> Outcome {
    let file = out.join("ours.jsonl");
    fs::write(&file, ours).map_err(|e| format!("{}: {e}", file.display()))?;
    shell::run(program("python3", &["tests/benches/table.py"]).arg(out))
}
