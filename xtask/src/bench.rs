//! `cargo xtask bench`: our speed and memory on the real model, and the yardstick's in the same run.

use std::process::Command;

use crate::{fetch, shell};

/// Runs our cases, and with `--python PYTHON` (one that has torch, transformers and peft) the yardstick of
/// the shared tools between them.
pub(crate) fn run(arguments: &[&str]) -> shell::Outcome {
    let python = match arguments {
        [] => None,
        ["--python", python] => Some(*python),
        other => {
            return Err(format!(
                "expected nothing or --python PYTHON, found {other:?}"
            ));
        }
    };
    let Some(folder) = fetch::smollm2_folder()? else {
        return Err("the shared tools that make the model's folder are absent".into());
    };
    let ours = ["bench", "--package", "idiolect-tests", "--bench", "smollm2"];
    shell::run(&mut shell::cargo(&ours))?;
    let (Some(python), Some(shared)) = (python, shell::shared()) else {
        println!("the yardstick did not run: it needs --python and the shared tools");
        return Ok(());
    };
    let mut yardstick = Command::new(python);
    yardstick
        .arg(shared.join("tools/bench_peft.py"))
        .arg(folder);
    yardstick.args(["--dtypes", "f32", "--cases", "train,gen,prefill"]);
    shell::run(&mut yardstick)?;
    // Once more, so that a machine that got slower or faster in between shows.
    shell::run(&mut shell::cargo(&ours))
}
