//! Tasks, their rows, a judge's questions, and the folder of an evaluation's results.

use std::path::Path;

use idiolect::BoxError;
use idiolect::eval::{Baseline, MtBench, Task, read_scored_rows};

use crate::good::evaluation::evaluate;
use crate::reading::{Reader, any, same};

pub(super) const READERS: [Reader; 9] = [
    any("task", "eval/task.toml", task),
    any("task", "eval/rows.jsonl", task),
    any("task", "eval/baseline.jsonl", baseline),
    any("task", "eval/scored.jsonl", scored_rows),
    any("task", "eval/mtbench/mt_bench_question.jsonl", mt_bench),
    any(
        "task",
        "eval/mtbench/mt_bench_reference_answer_gpt-4.jsonl",
        mt_bench,
    ),
    any("task", "eval/mtbench/judge_prompts.jsonl", mt_bench),
    same("results", "eval/out/eval.json", resumed),
    same("results", "eval/out/journal/answers.jsonl", resumed),
];

fn task(root: &Path, _: &str) -> Result<String, BoxError> {
    let task = Task::from_toml(&root.join("eval/task.toml"))?;
    Ok(format!("{:?}", task.read(&root.join("eval"), 0)?))
}

fn baseline(root: &Path, file: &str) -> Result<String, BoxError> {
    Baseline::read(&root.join(file))?;
    Ok(String::new())
}

fn scored_rows(root: &Path, file: &str) -> Result<String, BoxError> {
    Ok(format!("{:?}", read_scored_rows(&root.join(file))?))
}

fn mt_bench(root: &Path, _: &str) -> Result<String, BoxError> {
    Ok(format!(
        "{:?}",
        MtBench::read(&root.join("eval"), None, 2)?.ids()
    ))
}

/// The results of an evaluation that resumes in its folder.
fn resumed(root: &Path, _: &str) -> Result<String, BoxError> {
    Ok(evaluate(root)?.to_string())
}
