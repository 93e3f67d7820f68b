//! The scores of several tasks as a table, with those that are read as one and the mean.

use std::fmt;
use std::path::{Path, PathBuf};

use idiolect_data::{RunDir, write_json};
use idiolect_input::counted;
use serde::Serialize;
use serde_json::{Value, json};

use crate::error::EvalError;
use crate::evaluation::evaluate::Evaluation;
use crate::evaluation::shots::Shots;
use crate::tasks::{Benchmark, ItemForm};

/// Tasks that are read as one score, their mean weighted by items: the groups of lm-evaluation-harness 0.4.2, which
/// those scripts read.
const GROUPS: [(&str, [&str; 2]); 2] = [
    ("ai2_arc", ["arc_easy", "arc_challenge"]),
    ("truthfulqa", ["truthfulqa_mc1", "truthfulqa_mc2"]),
];

/// The score by which a task stands in a table, and those of tasks that are read as one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TaskScore {
    /// The task, or the name of several.
    pub task: String,
    /// The name of the score.
    pub score: String,
    /// How many items it is over.
    pub items: usize,
    /// The score.
    pub value: f64,
    /// The row of this table that it is a part of, and with which it counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part_of: Option<String>,
}

/// The scores of several tasks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TaskTable {
    /// A row for each task that has a score, and for tasks that are read as one.
    pub tasks: Vec<TaskScore>,
    /// Tasks without a score, such as those that no judge has read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unscored: Vec<String>,
    /// The mean over the rows that are no part of another, as the Open LLM Leaderboard takes it; none where a score
    /// is no share, or one is missing.
    pub mean: Option<f64>,
}

impl TaskTable {
    /// The table of evaluations and what each of them gave, in their order.
    #[must_use]
    pub fn new(evaluations: &[Evaluation], summaries: &[Value]) -> Self {
        let mut table = Self {
            tasks: Vec::new(),
            unscored: Vec::new(),
            mean: None,
        };
        let mut are_shares = true;
        for (evaluation, summary) in evaluations.iter().zip(summaries) {
            are_shares &= !evaluation.task().is_mt_bench();
            match score_of(evaluation, summary) {
                Some(score) => table.tasks.push(score),
                None => table.unscored.push(evaluation.task().name.clone()),
            }
        }
        let leaderboard = |one: &Evaluation| one.shots() == Shots::Leaderboard;
        if !evaluations.iter().any(leaderboard) {
            for (name, parts) in &GROUPS {
                table.join(name, parts);
            }
        }
        let whole = table.tasks.iter().filter(|row| row.part_of.is_none());
        let values: Vec<f64> = whole.map(|row| row.value).collect();
        if are_shares && table.unscored.is_empty() && !values.is_empty() {
            table.mean = Some(values.iter().sum::<f64>() / values.len() as f64);
        }
        table
    }

    /// Adds the row of tasks that are read as one, where all of them are there.
    fn join(&mut self, name: &str, parts: &[&str]) {
        let is_part = |row: &TaskScore| parts.contains(&row.task.as_str());
        let found = self.tasks.iter().filter(|row| is_part(row));
        let found: Vec<&TaskScore> = found.collect();
        if found.len() < parts.len() {
            return;
        }
        let items: usize = found.iter().map(|row| row.items).sum();
        let sum: f64 = found.iter().map(|row| row.value * row.items as f64).sum();
        let joined = TaskScore {
            task: name.to_owned(),
            score: found[0].score.clone(),
            items,
            value: sum / items.max(1) as f64,
            part_of: None,
        };
        for row in self.tasks.iter_mut().filter(|row| is_part(row)) {
            row.part_of = Some(name.to_owned());
        }
        self.tasks.push(joined);
    }

    /// Writes `summary.json` of a folder whose tasks have folders of their own, and gives what it holds.
    ///
    /// # Errors
    ///
    /// [`EvalError::Data`] where it cannot be written.
    pub fn write(&self, out: &Path) -> Result<Value, EvalError> {
        let whole = json!(self);
        write_json(&RunDir::from(out).summary(), &whole)?;
        Ok(whole)
    }
}

impl fmt::Display for TaskTable {
    /// A line for each row; parts of another are set in.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for row in &self.tasks {
            let indent = if row.part_of.is_some() { "  " } else { "" };
            let task = format!("{indent}{}", row.task);
            writeln!(
                f,
                "{task:<22}{:>8.4}  {} of {}",
                row.value,
                row.score,
                counted(row.items, "item", "items")
            )?;
        }
        for task in &self.unscored {
            writeln!(f, "{task:<22}{:>8}", "none")?;
        }
        match self.mean {
            Some(mean) if self.tasks.len() > 1 => write!(f, "{:<22}{mean:>8.4}", "mean"),
            _ => Ok(()),
        }
    }
}

/// The score of one task. On the leaderboard MMLU is the mean over its subjects, elsewhere over its questions.
fn score_of(evaluation: &Evaluation, summary: &Value) -> Option<TaskScore> {
    let (task, score) = (evaluation.task(), evaluation.main_score());
    let by_subject = task.form == ItemForm::Benchmark(Benchmark::Mmlu)
        && evaluation.shots() == Shots::Leaderboard;
    let value = if by_subject {
        let groups = summary["groups"].as_object()?.values();
        let values: Vec<f64> = groups.filter_map(|group| group[score].as_f64()).collect();
        values.iter().sum::<f64>() / values.len() as f64
    } else {
        summary["scores"][score]["mean"].as_f64()?
    };
    Some(TaskScore {
        task: task.name.clone(),
        score: score.to_owned(),
        items: usize::try_from(summary["items"].as_u64()?).ok()?,
        value,
        part_of: None,
    })
}

impl Evaluation {
    /// The folder of its results in `out`: that itself, or one by its task's name where there are several.
    #[must_use]
    pub fn folder(&self, out: &Path, evaluations: usize) -> PathBuf {
        if evaluations == 1 {
            out.to_owned()
        } else {
            out.join(&self.task().name)
        }
    }
}
