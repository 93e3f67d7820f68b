//! Arguments of `eval`, and which of them a task has use for.
#![allow(
    clippy::doc_markdown,
    reason = "what clap prints as help has no markup"
)]

use std::path::PathBuf;

use clap::Args;
use idiolect::eval::Task;

use crate::error::CliError;
use crate::keys::ModelKeys;
use crate::server::ServerKeys;

/// What several answers are drawn at.
const TEMPERATURE: f32 = 0.8;

/// Arguments of `eval`.
#[derive(Args, Debug)]
pub struct Eval {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub model: ModelKeys,
    /// PEFT folder
    #[arg(long)]
    pub adapter: Option<PathBuf>,
    /// Name of the task; a wrong one is answered with all of them
    #[arg(long)]
    pub task: String,
    /// Folder with the tasks' files
    #[arg(long, value_name = "FOLDER")]
    pub data: PathBuf,
    /// Only the first so many items
    #[arg(long)]
    pub limit: Option<usize>,
    /// Worked examples above each question, a number or leaderboard (those of the Open LLM Leaderboard of
    /// 2023) [default: 0]
    #[arg(long)]
    pub shots: Option<String>,
    /// Template of the conversation [default: the checkpoint's chat template, else alpaca]
    #[arg(long)]
    pub template: Option<String>,
    /// Rows computed together
    #[arg(long, default_value_t = 8)]
    pub batch_size: usize,
    /// Most tokens of an answer [default: the task's own]
    #[arg(long)]
    pub max_new_tokens: Option<usize>,
    /// Python that the programs of humaneval are run with, in a sandbox (Linux)
    #[arg(long, default_value = "python3", value_name = "PROGRAM")]
    pub python: PathBuf,
    /// Answers to each program of humaneval; from 5 on pass@5, from 10 on pass@10 [default: 1]
    #[arg(long, value_name = "N")]
    pub samples: Option<usize>,
    /// What the answers of humaneval are drawn at, from the likeliest 0.95 of the words; 0 is greedy
    /// [default: 0, and 0.8 for several samples]
    #[arg(long)]
    pub temperature: Option<f32>,
    /// Runs of mt_bench, each with answers and ratings of its own [default: 3]
    #[arg(long, value_name = "N")]
    pub runs: Option<usize>,
    /// Who judges mt_bench, arena_hard and alpaca_eval: a model of this machine or an OpenAI-compatible server
    /// [default: nobody; the answers are kept and can be judged later]
    #[arg(long, value_name = "local:MODEL|openai:URL")]
    pub judge: Option<String>,
    /// Most tokens of a judgement [default: the benchmark's own]
    #[arg(long, value_name = "TOKENS")]
    pub judge_tokens: Option<usize>,
    /// Answers that arena_hard and alpaca_eval compare with: a file in the benchmark's form, or rows.jsonl of
    /// another eval [default: for alpaca_eval the outputs in its data]
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub server: ServerKeys,
    /// Seed of the draws and of the intervals
    #[arg(long, default_value_t = 42)]
    pub seed: u64,
    /// Folder of journal, rows and summary; the same command goes on where it was killed
    #[arg(long, value_name = "FOLDER")]
    pub out: PathBuf,
}

impl Eval {
    /// Refuses options that the task has no use for, and values out of range.
    pub(crate) fn check(&self, task: Task) -> Result<(), CliError> {
        let compares = matches!(task, Task::ArenaHard | Task::AlpacaEval);
        let programs = task == Task::Humaneval;
        let runs = task == Task::MtBench;
        let given = |number: Option<usize>| number.map(|number| number.to_string());
        let file = |path: &PathBuf| path.display().to_string();
        let options = [
            ("--samples", programs, given(self.samples)),
            (
                "--temperature",
                programs,
                self.temperature.map(|t| t.to_string()),
            ),
            ("--runs", runs, given(self.runs)),
            ("--judge", runs || compares, self.judge.clone()),
            ("--baseline", compares, self.baseline.as_ref().map(file)),
        ];
        for (name, used, given) in options {
            if let (false, Some(found)) = (used, given) {
                return Err(CliError::setting(name, "nothing for this task", found));
            }
        }
        let numbers = [
            ("--batch-size", Some(self.batch_size)),
            ("--samples", self.samples),
            ("--runs", self.runs),
        ];
        if let Some((name, _)) = numbers.into_iter().find(|(_, number)| *number == Some(0)) {
            return Err(CliError::setting(name, "at least 1", 0));
        }
        let (samples, temperature) = self.drawn();
        if !temperature.is_finite() || temperature < 0.0 || (1 < samples && temperature <= 0.0) {
            let expected = "a number from 0, above it for several samples";
            return Err(CliError::setting("--temperature", expected, temperature));
        }
        if task == Task::ArenaHard && self.judge.is_some() && self.baseline.is_none() {
            let expected = "a file with answers to compare with";
            return Err(CliError::setting("--baseline", expected, "nothing"));
        }
        Ok(())
    }

    /// How many answers each item gets, and what they are drawn at.
    pub(crate) fn drawn(&self) -> (usize, f32) {
        let samples = self.samples.unwrap_or(1);
        let usual = if 1 < samples { TEMPERATURE } else { 0.0 };
        (samples, self.temperature.unwrap_or(usual))
    }

    /// Worked examples above a question, from the option.
    pub(crate) fn shots(&self, task: Task) -> Result<usize, CliError> {
        match self.shots.as_deref() {
            None => Ok(0),
            Some("leaderboard") => Ok(task.leaderboard_shots()),
            Some(text) => text
                .parse()
                .map_err(|_| CliError::setting("--shots", "a number, or leaderboard", text)),
        }
    }
}
