//! Names and places of everything that a run leaves in its directory, said once.
//!
//! It makes no file, and looks into none. A part of a run (the plain and the distilled training of a whole job) is a
//! run directory of its own below the run's.

use std::path::{Path, PathBuf};

use crate::rows::Layout;

/// A run directory.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RunDir {
    /// The directory itself; it need not be there yet.
    pub root: PathBuf,
}

impl RunDir {
    /// The run directory at a place.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// `run.toml`: every setting of the run, defaults included.
    #[must_use]
    pub fn run_toml(&self) -> PathBuf {
        self.root.join("run.toml")
    }

    /// `plan.json`: memory and work as planned before the first step.
    #[must_use]
    pub fn plan(&self) -> PathBuf {
        self.root.join("plan.json")
    }

    /// `metrics.jsonl`: a row for each optimiser step and evaluation, no clock in it.
    #[must_use]
    pub fn metrics(&self) -> PathBuf {
        self.root.join("metrics.jsonl")
    }

    /// `timings.jsonl`: speed and memory of each step.
    #[must_use]
    pub fn timings(&self) -> PathBuf {
        self.root.join("timings.jsonl")
    }

    /// `sessions.jsonl`: when, where and how long processes worked on the run.
    #[must_use]
    pub fn sessions(&self) -> PathBuf {
        self.root.join("sessions.jsonl")
    }

    /// `curves.svg`: loss, learning rate and gradient norm over the steps.
    #[must_use]
    pub fn curves(&self) -> PathBuf {
        self.root.join("curves.svg")
    }

    /// `tokens.cache`: tokens of rows that are read as they are needed.
    #[must_use]
    pub fn tokens_cache(&self) -> PathBuf {
        self.root.join("tokens.cache")
    }

    /// `skipped.jsonl`: rows that were left out, with what is wrong with each.
    #[must_use]
    pub fn skipped(&self) -> PathBuf {
        self.root.join("skipped.jsonl")
    }

    /// `tensorboard/`: event files.
    #[must_use]
    pub fn tensorboard(&self) -> PathBuf {
        self.root.join("tensorboard")
    }

    /// `tracker.json`: which run of a server has the numbers of this one.
    #[must_use]
    pub fn tracker(&self) -> PathBuf {
        self.root.join("tracker.json")
    }

    /// `checkpoints/`: the states from which the training can resume.
    #[must_use]
    pub fn checkpoints(&self) -> PathBuf {
        self.root.join("checkpoints")
    }

    /// `checkpoints/step-N/`: the state after N optimiser steps.
    #[must_use]
    pub fn checkpoint(&self, step: usize) -> PathBuf {
        self.checkpoints().join(format!("step-{step}"))
    }

    /// `adapter/`: the trained adapter in PEFT's form.
    #[must_use]
    pub fn adapter(&self) -> PathBuf {
        self.root.join("adapter")
    }

    /// `model/`: the trained model, where all of its weights were.
    #[must_use]
    pub fn model(&self) -> PathBuf {
        self.root.join("model")
    }

    /// `journal/`: the journals of generated texts.
    #[must_use]
    pub fn journals(&self) -> PathBuf {
        self.root.join("journal")
    }

    /// `journal/NAME.jsonl`: a row for each generated text.
    #[must_use]
    pub fn journal(&self, name: &str) -> PathBuf {
        self.journals().join(format!("{name}.jsonl"))
    }

    /// `journal/logprobsPART.bin`: the likeliest tokens at each token of the texts of the journal of rewrites
    /// `journal/rewritesPART.jsonl`; beside a journal of another name, that name with the ending `.bin`.
    #[must_use]
    pub fn logprobs_beside(journal: &Path) -> PathBuf {
        let name = journal.file_stem().unwrap_or_default().to_string_lossy();
        let name = match name.strip_prefix(Self::REWRITES) {
            Some(part) => format!("logprobs{part}.bin"),
            None => format!("{name}.bin"),
        };
        journal.with_file_name(name)
    }

    /// The journal of rewrites that a rewritten data set was made of, by the names of both; none for a file of
    /// another name.
    #[must_use]
    pub fn journal_of_rewritten(set: &Path) -> Option<PathBuf> {
        let name = set.file_stem()?.to_str()?;
        let part = name.strip_prefix(Self::DISTILLED)?;
        let run = Self::new(set.parent().unwrap_or(Path::new("")));
        Some(run.journal(&format!("{}{part}", Self::REWRITES)))
    }

    /// `stored.json`: how many rows and tokens of a training had a stored distribution.
    #[must_use]
    pub fn stored(&self) -> PathBuf {
        self.root.join("stored.json")
    }

    /// `rows.jsonl`: a row of scores for each item of a task.
    #[must_use]
    pub fn rows(&self) -> PathBuf {
        self.root.join("rows.jsonl")
    }

    /// `summary.json`: the numbers of a distillation, a continuation or a task.
    #[must_use]
    pub fn summary(&self) -> PathBuf {
        self.root.join("summary.json")
    }

    /// `summaryPART.json`: the numbers of a part of a distillation, as [`Self::rewritten`] names it.
    #[must_use]
    pub fn part_summary(&self, part: &str) -> PathBuf {
        self.root.join(format!("summary{part}.json"))
    }

    /// `distilledPART.json` or `.jsonl`: the rewritten data set in the layout that it came in; a table as JSON Lines.
    ///
    /// `part` is empty for a whole data set, and for a part of several `-1-of-4`.
    #[must_use]
    pub fn rewritten(&self, part: &str, layout: Layout) -> PathBuf {
        let is_array = layout == Layout::Array;
        let end = if is_array { "json" } else { "jsonl" };
        self.root.join(format!("distilled{part}.{end}"))
    }

    /// `side_by_side.jsonl`: rows of a distillation with the original, the rewrite and the verdict.
    ///
    /// `part` is as in [`Self::rewritten`].
    #[must_use]
    pub fn side_by_side(&self, part: &str) -> PathBuf {
        self.root.join(format!("side_by_side{part}.jsonl"))
    }

    /// `merge.json`: what came of bringing the parts of a distillation together.
    #[must_use]
    pub fn merge_report(&self) -> PathBuf {
        self.root.join("merge.json")
    }

    /// `halves.jsonl`: the documents of a continuation, cut in two.
    #[must_use]
    pub fn halves(&self) -> PathBuf {
        self.root.join("halves.jsonl")
    }

    /// `verdicts.jsonl`: what the filters of a continuation said of each document.
    #[must_use]
    pub fn verdicts(&self) -> PathBuf {
        self.root.join("verdicts.jsonl")
    }

    /// `outputs.json`: answers in the form that `alpaca_eval` reads.
    #[must_use]
    pub fn outputs(&self) -> PathBuf {
        self.root.join("outputs.json")
    }

    /// `outcome.json`: what a whole job found, from which its report is made.
    #[must_use]
    pub fn outcome(&self) -> PathBuf {
        self.root.join("outcome.json")
    }

    /// `forgetting.json`: how much the tuned model has forgotten.
    #[must_use]
    pub fn forgetting(&self) -> PathBuf {
        self.root.join("forgetting.json")
    }

    /// `report/`: the page and its numbers.
    #[must_use]
    pub fn report(&self) -> PathBuf {
        self.root.join("report")
    }

    /// `report/index.html`: the page.
    #[must_use]
    pub fn report_page(&self) -> PathBuf {
        self.report().join("index.html")
    }

    /// `report/report.json`: the numbers of the page.
    #[must_use]
    pub fn report_numbers(&self) -> PathBuf {
        self.report().join("report.json")
    }

    /// Whether a run was begun here: it has settings, checkpoints or an adapter.
    #[must_use]
    pub fn is_begun(&self) -> bool {
        let left = [self.checkpoints(), self.adapter()];
        self.run_toml().is_file() || left.iter().any(|folder| folder.is_dir())
    }

    /// The runs in the folders of this one, sorted: what is there where the folder of several is named.
    #[must_use]
    pub fn runs_below(&self) -> Vec<PathBuf> {
        let below = idiolect_input::entries(&self.root).into_iter();
        below.filter(|path| Self::new(path).is_begun()).collect()
    }

    /// A part of the run, a run directory below it: [`Self::DISTILL`], [`Self::PLAIN`], [`Self::DISTILLED`].
    #[must_use]
    pub fn part(&self, name: &str) -> Self {
        Self::new(self.root.join(name))
    }

    /// `eval/NAME/`: the run directory of a task.
    #[must_use]
    pub fn task(&self, name: &str) -> Self {
        Self::new(self.tasks().join(name))
    }

    /// `eval/`: the run directories of tasks.
    #[must_use]
    pub fn tasks(&self) -> PathBuf {
        self.root.join("eval")
    }

    /// The part that rewrites the responses.
    pub const DISTILL: &str = "distill";
    /// The part that trains on the data set as it is.
    pub const PLAIN: &str = "plain";
    /// The part that trains on the rewritten data set.
    pub const DISTILLED: &str = "distilled";
    /// The field of a rewritten row with the id of the text whose distributions stand beside the journal.
    pub const LOGPROBS_OF: &str = "logprobs_of";
    /// The journal of rewritten responses, in [`Self::journal`].
    pub const REWRITES: &str = "rewrites";
    /// The journal of answers, in [`Self::journal`].
    pub const ANSWERS: &str = "answers";
    /// The journal of the base model's own answers, in [`Self::journal`].
    pub const FORGETTING: &str = "forgetting";
    /// The journal of a judge, in [`Self::journal`].
    pub const JUDGEMENTS: &str = "judgements";
}

impl AsRef<Path> for RunDir {
    fn as_ref(&self) -> &Path {
        &self.root
    }
}

impl From<&Path> for RunDir {
    fn from(root: &Path) -> Self {
        Self::new(root)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names are a contract: older runs must be found, and other programs read them.
    #[test]
    fn names_stay_what_they_are() {
        let run = RunDir::new("run");
        let shown = |path: PathBuf| path.display().to_string();
        let part = run.part(RunDir::DISTILL);
        assert_eq!(
            shown(part.journal(RunDir::REWRITES)),
            "run/distill/journal/rewrites.jsonl"
        );
        assert_eq!(
            shown(run.part(RunDir::PLAIN).adapter()),
            "run/plain/adapter"
        );
        assert_eq!(shown(run.checkpoint(12)), "run/checkpoints/step-12");
        assert_eq!(
            shown(run.task("gsm8k").summary()),
            "run/eval/gsm8k/summary.json"
        );
        let parts = [Layout::Array, Layout::Lines, Layout::Table];
        let parts = parts.map(|layout| shown(run.rewritten("-1-of-4", layout)));
        let end = ["json", "jsonl", "jsonl"];
        assert_eq!(parts, end.map(|end| format!("run/distilled-1-of-4.{end}")));
        assert_eq!(run.part_summary(""), run.summary());
        let names = [
            run.part_summary("-1-of-4"),
            run.merge_report(),
            run.halves(),
            run.verdicts(),
            run.outputs(),
            run.run_toml(),
            run.plan(),
            run.metrics(),
            run.timings(),
            run.curves(),
            run.tokens_cache(),
            run.tensorboard(),
            run.model(),
            run.rows(),
            run.outcome(),
            run.forgetting(),
            run.report_page(),
            run.report_numbers(),
        ];
        expect_test::expect![
            "run/summary-1-of-4.json run/merge.json run/halves.jsonl run/verdicts.jsonl run/outputs.json \
             run/run.toml run/plan.json run/metrics.jsonl run/timings.jsonl run/curves.svg \
             run/tokens.cache run/tensorboard run/model run/rows.jsonl run/outcome.json \
             run/forgetting.json run/report/index.html run/report/report.json"
        ]
        .assert_eq(&names.map(shown).join(" "));
    }
}
