//! A task: its files, and how their rows become items.

use std::path::{Path, PathBuf};

use idiolect_data::settings::from_toml;
use idiolect_input::{limits, read_text};
use idiolect_metrics::safety::JAILBREAK_SUFFIX;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::EvalError;
use crate::tasks::form::{Benchmark, ChoiceForm, GenerateForm, ItemForm, Metric, Pairwise};
use crate::template::{escaped, pieces};

/// A task that a model can be measured on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Task {
    /// Its name in files of results.
    pub name: String,
    /// Its rows: a file of any layout of a data set, below the data folder or with a path of its own.
    pub file: PathBuf,
    /// Worked examples to stand above a question; none where the task has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub examples: Option<WorkedExamples>,
    /// The field with the row's id. Default: the first that there is of `id`, `key`, `task_id`, `uid` and
    /// `question_id`, else the row's number from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_field: Option<String>,
    /// The field with a part of the task that is also averaged alone. Default: `subject`, where the row has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_field: Option<String>,
    /// How a row becomes an item.
    pub form: ItemForm,
}

/// Where worked examples come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkedExamples {
    /// Their rows, of the same form as the task's.
    pub file: PathBuf,
    /// How many of them the Open LLM Leaderboard of 2023 shows. Default: 0.
    #[serde(default)]
    pub leaderboard_shots: usize,
}

impl Task {
    /// A task of the user's own from a TOML file.
    ///
    /// # Errors
    ///
    /// [`EvalError::File`] for a file that cannot be read; [`EvalError::Data`] for one that is no task; [`EvalError::Setting`] as [`Task::check`].
    pub fn from_toml(path: &Path) -> Result<Self, EvalError> {
        let wrong = |reason: String| EvalError::File {
            path: path.to_owned(),
            reason,
        };
        let text =
            read_text(path, &limits::CONFIG_BYTES).map_err(|error| wrong(error.to_string()))?;
        let task: Self = from_toml(&path.display().to_string(), &text)?;
        task.check()?;
        Ok(task)
    }

    /// How many worked examples the Open LLM Leaderboard of 2023 shows; the self-distillation
    /// paper's scripts show none.
    ///
    /// Tasks that have no worked examples of their own show none; `TruthfulQA` always shows six.
    #[must_use]
    pub fn leaderboard_shots(&self) -> usize {
        self.examples
            .as_ref()
            .map_or(0, |examples| examples.leaderboard_shots)
    }

    /// The task's file, given the folder of all tasks' data.
    #[must_use]
    pub fn path(&self, data: &Path) -> PathBuf {
        data.join(&self.file)
    }

    /// Whether its answers are programs that are run.
    #[must_use]
    pub fn runs_programs(&self) -> bool {
        let is_own = self.form == ItemForm::Benchmark(Benchmark::HumanevalSynthesize);
        is_own || matches!(self.metric(), Some(Metric::Program { .. }))
    }

    /// How its answers are compared with a baseline's; none where they are not.
    #[must_use]
    pub fn pairwise(&self) -> Option<Pairwise> {
        match self.metric() {
            Some(Metric::Pairwise(pairwise)) => Some(*pairwise),
            _ => None,
        }
    }

    /// Whether its prompts have the suffix of the jailbreak test.
    pub(crate) fn has_jailbreak_suffix(&self) -> bool {
        let prompt = |form: &GenerateForm| form.prompt.contains(&escaped(JAILBREAK_SUFFIX));
        matches!(&self.form, ItemForm::Generate(form) if prompt(form))
    }

    /// The score by which it stands in a table, as the scripts of arXiv 2402.13669 read it, or as the Open LLM
    /// Leaderboard of 2023 does.
    pub(crate) fn main_score(&self, leaderboard: bool, samples: usize) -> &'static str {
        match &self.form {
            ItemForm::Generate(GenerateForm { metric, .. }) => metric.main_score(samples),
            ItemForm::Benchmark(Benchmark::Arc | Benchmark::Hellaswag) if leaderboard => "acc_norm",
            ItemForm::Benchmark(Benchmark::MtBench) => "score",
            ItemForm::Benchmark(Benchmark::HumanevalSynthesize) => Metric::program_score(samples),
            ItemForm::Choice(_) | ItemForm::Benchmark(_) => "acc",
        }
    }

    /// Whether settings say how its answers are drawn: those of choices are not drawn, and MT-bench draws by its own
    /// temperatures.
    #[must_use]
    pub fn draws(&self) -> bool {
        self.runs_programs() || matches!(self.form, ItemForm::Generate(_))
    }

    /// Whether it is MT-bench, whose two turns are asked one after the other.
    #[must_use]
    pub fn is_mt_bench(&self) -> bool {
        self.form == ItemForm::Benchmark(Benchmark::MtBench)
    }

    fn metric(&self) -> Option<&Metric> {
        match &self.form {
            ItemForm::Generate(form) => Some(&form.metric),
            _ => None,
        }
    }

    /// Refuses a task without a name, numbers out of range, and templates with a brace too few.
    ///
    /// # Errors
    ///
    /// [`EvalError::Setting`] names the first.
    pub fn check(&self) -> Result<(), EvalError> {
        let named = [
            ("name", self.name.as_str()),
            ("file", self.file.to_str().unwrap_or("a path")),
        ];
        if let Some((key, found)) = named.into_iter().find(|(_, value)| value.is_empty()) {
            return Err(EvalError::setting(key, "text", format!("{found:?}")));
        }
        if let ItemForm::Generate(form) = &self.form
            && form.max_new_tokens == 0
        {
            return Err(EvalError::setting("form.max_new_tokens", "at least 1", 0));
        }
        if let ItemForm::Choice(ChoiceForm { context, .. }) = &self.form
            && context.ends_with(char::is_whitespace)
        {
            let expected = "no white space at its end, since each choice begins with a space";
            return Err(EvalError::setting(
                "form.context",
                expected,
                format!("{context:?}"),
            ));
        }
        for (key, template) in self.form.templates() {
            let wrong = |reason| {
                let expected = "a template whose braces hold names of fields";
                EvalError::setting(
                    format!("form.{key}"),
                    expected,
                    format!("{reason}: {template:?}"),
                )
            };
            pieces(template).map_err(wrong)?;
        }
        Ok(())
    }
}
