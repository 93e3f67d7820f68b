//! docs/cli.md is the help of every command, word for word. `UPDATE_CLI_REFERENCE=1` in the environment writes it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests end them"
)]

use std::fmt::Write as _;
use std::process::Command;

use idiolect_testkit::workspace_root;

/// Every command.
const COMMANDS: [&[&str]; 25] = [
    &["init"],
    &["inspect"],
    &["train"],
    &["distill"],
    &["distill", "merge"],
    &["continue"],
    &["generate"],
    &["chat"],
    &["serve"],
    &["score"],
    &["eval"],
    &["fetch"],
    &["sdft"],
    &["report"],
    &["merge"],
    &["export"],
    &["combine"],
    &["push"],
    &["metrics"],
    &["templates"],
    &["presets"],
    &["tasks"],
    &["doctor"],
    &["completions"],
    &["man"],
];

fn help(words: &[&str]) -> String {
    let mut program = Command::new(env!("CARGO_BIN_EXE_idiolect"));
    program.args(words).arg("--help").env("COLUMNS", "100");
    let output = program.output().expect("the program");
    assert!(output.status.success(), "{words:?}");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n").trim().to_owned()
}

#[test]
fn the_page_is_the_help() {
    let mut page = String::from(
        "# The command line\n\n\
         The help of every command, as the program prints it; the tests compare this page with it.\n\
         A flag of `train`, `distill`, `continue` and `sdft` that is a setting is a key of their \
         configuration files in `snake_case`; `--config`, `--resume`, `--demo` and the `--no-…` flags are \
         none (`shuffle = false` for `--no-shuffle`).\n",
    );
    for command in COMMANDS {
        let name = command.join(" ");
        write!(page, "\n## {name}\n\n```text\n{}\n```\n", help(command)).expect("text");
    }
    let path = workspace_root().join("docs/cli.md");
    if std::env::var_os("UPDATE_CLI_REFERENCE").is_some() {
        std::fs::write(&path, &page).expect("written");
    }
    let found = std::fs::read_to_string(&path).expect("docs/cli.md");
    assert!(
        found == page,
        "docs/cli.md differs: UPDATE_CLI_REFERENCE=1 writes it anew"
    );
}
