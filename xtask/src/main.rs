//! Tasks of this workspace: `cargo xtask COMMAND`, one file a command.
//!
//! Standard library only, so that it builds in seconds; what needs more is called as a program.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "tasks talk to a terminal"
)]

use std::process::ExitCode;

mod archive;
mod bench;
mod ci;
mod continue_bench;
mod demo;
mod distill_bench;
mod experiment;
mod fetch;
mod gpu;
mod package;
mod parity;
mod python;
mod server;
mod shell;
mod test;
mod tidy;

const HELP: &str = "\
usage: cargo xtask COMMAND

  demo                   fetch SmolLM2, then `idiolect sdft --demo` (more arguments go to it)
  test                   fetch what the tests use, then run them all
  test server            only those against llama.cpp's server, which a Python package brings
  fetch smollm2          SmolLM2-135M-Instruct as models/SmolLM2-135M-Instruct.Q4_1.gguf
  fetch smollm2-folder   the same model as a Hugging Face folder in bf16, for the oracle tests
  fetch minilm           the sentence encoder all-MiniLM-L6-v2 as models/minilm
  hostile [--long]       damaged files and killed commands; --long searches each kind of file for an hour
                         and kills each command 25 times
  tidy                   the rules of this workspace that the compiler does not check
  deny                   licences, sources and bans of dependencies, with cargo-deny where it is installed
  deny advisories        known faults of dependencies (needs cargo-deny, and the network)
  archive [--features F] the program without symbols, its manual pages, completions and licences in target/archive
  archive --table        the bytes of the program by crate
  package                whether every crate can be published, without uploading anything
  semver REVISION        breaking changes of the crates since a revision (needs cargo-semver-checks)
  bench [--python P] [--llama] [--only train|gen|prefill] [--repeats N]
                         speed and memory on the real model, and in the same run and table those of
                         PyTorch (P has torch, transformers and peft) and llama.cpp (a Python package)
  bench rows [--python P] [--rows N]
                         an epoch over real rows, grouped by length, and PEFT's beside it
  bench apply-lora [--layers N] [--rows N] [--tokens N] [--repeats N]
                         a step through layers of Llama-2-7B's shape, beside Burn's own adapters
  bench load [--python P] [--repeats N]
                         loading the model's folder, beside safetensors in Python
  parity --device D      numbers of transformers and PEFT on flex, wgpu, vulkan or cuda
  remote                 the tests of devices that another machine lends
  gpu [--build|--pack]   programs for CUDA: built, packed into target/cuda, run where there is a GPU
  gpu --ptx              every kernel lowered to PTX and assembled, which needs no GPU
  distill-bench [ROWS] [--python P] [--ways NAME,NAME]
                         distil rows of the shared data; verdicts, likelihoods and rows per minute, with
                         speculation and shared prefixes and without; with P, transformers at batch 1 too;
                         the ways are as-it-is, no-speculation, no-shared-prefixes, neither: all by default
  continue-bench [DOCUMENTS] [FLAGS]
                         continue documents of the shared data, with speculation and without
  experiment             plain against distilled at equal rows: learning, forgetting, and docs/RESULTS.md; 24 runs of
                         some four minutes, each kept in docs/results (more arguments go to it: --budget-minutes M)
  ci                     everything that a change must pass, cheapest first
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["demo", rest @ ..] => demo::run(rest),
        ["test"] => test::run(None),
        ["fetch", "smollm2"] => fetch::smollm2().map(drop),
        ["fetch", "smollm2-folder"] => fetch::smollm2_folder().map(drop),
        ["fetch", "minilm"] => fetch::minilm().map(drop),
        ["remote"] => test::remote(),
        ["hostile"] => test::hostile(test::Length::Short),
        ["hostile", "--long"] => test::hostile(test::Length::Long),
        ["tidy"] => tidy::run(),
        ["deny"] => package::deny(),
        ["deny", "advisories"] => package::advisories(),
        ["archive", rest @ ..] => archive::run(rest),
        ["package"] => package::run(),
        ["semver", revision] => package::semver(revision),
        ["bench", rest @ ..] => bench::run(rest),
        ["parity", rest @ ..] => parity::run(rest),
        ["gpu", rest @ ..] => gpu::run(rest),
        ["test", "server"] => fetch::smollm2().and_then(|model| server::test(&model, None)),
        ["distill-bench", rest @ ..] => distill_bench::run(rest),
        ["continue-bench", rest @ ..] => continue_bench::run(rest),
        ["experiment", rest @ ..] => experiment::run(rest),
        ["ci"] => ci::run(),
        ["help" | "--help"] => {
            print!("{HELP}");
            Ok(())
        }
        _ => {
            eprint!("{HELP}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}
