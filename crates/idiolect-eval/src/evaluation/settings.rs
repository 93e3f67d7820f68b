//! The settings of an evaluation, which are its settings file, and which of them a task has use for.

use std::path::PathBuf;

use idiolect_completion::{
    GenerationSettings, Reasoning, Sampling, SamplingSettings, WriterAddress,
};
use idiolect_metrics::interval::Draws;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::EvalError;
use crate::evaluation::shots::Shots;
use crate::item::Draw;
use crate::tasks::{Pairwise, Task};

/// What several answers to one program are drawn at.
const TEMPERATURE: f64 = 0.8;
/// From how much of the tokens the answers that are programs are drawn (arXiv 2107.03374).
const TOP_P: f64 = 0.95;
/// Runs of MT-bench that arXiv 2409.00096 takes the mean of.
const RUNS: usize = 3;
/// How the intervals of the means are drawn, but for the seed.
const INTERVAL_SAMPLES: usize = 1000;
/// The share of the drawn means inside an interval.
pub(crate) const INTERVAL: f64 = 0.95;

/// What a model is measured on, and how. The model itself, its template and the folder of the results are not here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct EvalSettings {
    /// Name of the task, or a `.toml` file with one ([`Task`]); several with commas between, or the name of a suite,
    /// `open_llm_leaderboard` or `sdft_knowledge`, are measured one after the other
    /// ([`Evaluation::each`](crate::Evaluation::each)). No default.
    pub task: String,
    /// Folder with the tasks' files. No default.
    pub data: PathBuf,
    /// PEFT folder of the adapter that the model is measured with. Default: none.
    pub adapter: Option<PathBuf>,
    /// Only the first so many items, at least 1. Default: all.
    pub limit: Option<usize>,
    /// Worked examples above each question: a number, or `leaderboard` for those of the Open LLM Leaderboard of
    /// 2023. Default: 0.
    pub shots: Shots,
    /// Rows that are computed together, 1 to 65536. Default: 8.
    pub batch_size: usize,
    /// Most tokens of an answer, 1 to 16777216. Default: the task's own number.
    pub max_new_tokens: Option<usize>,
    /// Python that programs are run with, in a sandbox (Linux): a path or a name. Default: `python3`.
    pub python: PathBuf,
    /// Answers to each program, 1 to 10000; from 5 on pass@5 is reported, from 10 on pass@10. Default: 1.
    pub samples: Option<usize>,
    /// How the tokens of answers are drawn; MT-bench draws as it says itself, and choices are not drawn. Default:
    /// greedy; programs are drawn from the likeliest 0.95 of the tokens, several samples at temperature 0.8.
    #[serde(flatten)]
    pub sampling: SamplingSettings,
    /// Runs of MT-bench, 1 to 1000, each with answers and ratings of its own. Default: 3.
    pub runs: Option<usize>,
    /// Who judges MT-bench, Arena-Hard and `AlpacaEval`: `local:MODEL` or `openai:URL`. Default: nobody; the answers
    /// are kept and can be judged later.
    pub judge: Option<WriterAddress>,
    /// Most tokens of a judgement, 1 to 16777216. Default: the benchmark's own number.
    pub judge_tokens: Option<usize>,
    /// Answers that Arena-Hard and `AlpacaEval` compare with: a file in the benchmark's form, or `rows.jsonl` of
    /// another evaluation. Default: for `AlpacaEval` the outputs in its data.
    pub baseline: Option<PathBuf>,
    /// What becomes of reasoning (`<think>…</think>`) in answers and verdicts: remove (the default), which counts it; or
    /// keep.
    pub reasoning: Reasoning,
    /// Seed of the draws and of the intervals. Default: 42.
    pub seed: u64,
}

impl Default for EvalSettings {
    fn default() -> Self {
        Self {
            task: String::new(),
            data: PathBuf::new(),
            adapter: None,
            limit: None,
            shots: Shots::default(),
            batch_size: 8,
            max_new_tokens: None,
            python: "python3".into(),
            samples: None,
            sampling: SamplingSettings::default(),
            runs: None,
            judge: None,
            judge_tokens: None,
            baseline: None,
            reasoning: Reasoning::default(),
            seed: 42,
        }
    }
}

impl EvalSettings {
    /// Refuses settings without a task or data, numbers out of range, and what the task has no use for; the task,
    /// where all is well.
    ///
    /// # Errors
    ///
    /// [`EvalError::Setting`] names the first; [`EvalError::Task`] and [`EvalError::File`] for the task.
    pub fn check(&self) -> Result<Task, EvalError> {
        if self.task.is_empty() {
            let names = format!("one of {}, or a .toml file", Task::names().join(", "));
            return Err(EvalError::setting("task", names, "nothing"));
        }
        let task: Task = self.task.parse()?;
        if self.data.as_os_str().is_empty() {
            let expected = "a folder with the tasks' files";
            return Err(EvalError::setting("data", expected, "nothing"));
        }
        self.check_use(&task)?;
        self.check_numbers(&task)?;
        if task.pairwise() == Some(Pairwise::ArenaHard)
            && self.judge.is_some()
            && self.baseline.is_none()
        {
            let expected = "a file with answers to compare with";
            return Err(EvalError::setting("baseline", expected, "nothing"));
        }
        Ok(task)
    }

    /// Refuses what the task has no use for.
    fn check_use(&self, task: &Task) -> Result<(), EvalError> {
        match self.unused(task).into_iter().next() {
            Some((name, found)) => Err(EvalError::setting(name, "nothing for this task", found)),
            None => Ok(()),
        }
    }

    /// The keys that are given and that the task has no use for, with their values.
    pub(crate) fn unused(&self, task: &Task) -> Vec<(&'static str, String)> {
        let fitting = self.fitting(task);
        let (given, left) = (self.given(), fitting.given());
        given
            .into_iter()
            .filter(|key| !left.contains(key))
            .collect()
    }

    /// The settings without what the task has no use for.
    pub(crate) fn fitting(&self, task: &Task) -> Self {
        let (programs, runs) = (task.runs_programs(), task.is_mt_bench());
        let compares = task.pairwise().is_some();
        Self {
            samples: self.samples.filter(|_| programs),
            sampling: if task.draws() {
                self.sampling
            } else {
                SamplingSettings::default()
            },
            runs: self.runs.filter(|_| runs),
            judge: self.judge.clone().filter(|_| runs || compares),
            baseline: self.baseline.clone().filter(|_| compares),
            ..self.clone()
        }
    }

    /// The keys that are given and that some tasks have no use for.
    pub(crate) fn given(&self) -> Vec<(&'static str, String)> {
        let number = |number: Option<usize>| number.map(|number| number.to_string());
        let baseline = self.baseline.as_ref();
        let given = [
            ("samples", number(self.samples)),
            ("runs", number(self.runs)),
            ("judge", self.judge.as_ref().map(ToString::to_string)),
            ("baseline", baseline.map(|path| path.display().to_string())),
        ];
        let given = given.into_iter();
        let given = given.filter_map(|(name, value)| Some((name, value?)));
        given.chain(self.sampling.given()).collect()
    }

    fn check_numbers(&self, task: &Task) -> Result<(), EvalError> {
        let numbers = [
            ("limit", self.limit, usize::MAX),
            ("batch_size", Some(self.batch_size), 1 << 16),
            ("max_new_tokens", self.max_new_tokens, 1 << 24),
            ("samples", self.samples, 10_000),
            ("runs", self.runs, 1000),
            ("judge_tokens", self.judge_tokens, 1 << 24),
        ];
        for (name, number, most) in numbers {
            match number {
                Some(0) => return Err(EvalError::setting(name, "at least 1", 0)),
                Some(number) if most < number => {
                    return Err(EvalError::setting(name, format!("at most {most}"), number));
                }
                _ => {}
            }
        }
        let sampling = self.sampling_of(task);
        if 1 < self.sample_count() && sampling.is_greedy() {
            let expected = "a number above 0 for several samples";
            return Err(EvalError::setting(
                "temperature",
                expected,
                sampling.temperature,
            ));
        }
        Ok(sampling.check()?)
    }

    /// How many answers each item gets.
    #[must_use]
    pub fn sample_count(&self) -> usize {
        self.samples.unwrap_or(1)
    }

    /// How the answers to a task are drawn; none where they are greedy.
    pub(crate) fn draw(&self, task: &Task) -> Option<Draw> {
        let sampling = self.sampling_of(task);
        let draws = !sampling.is_greedy() || sampling.penalises();
        let seed = self.seed;
        draws.then_some(Draw { sampling, seed })
    }

    /// As the settings say, else greedily, or as several programs are drawn.
    fn sampling_of(&self, task: &Task) -> Sampling {
        let usual = GenerationSettings {
            temperature: if 1 < self.sample_count() {
                TEMPERATURE
            } else {
                0.0
            },
            top_p: if task.runs_programs() { TOP_P } else { 1.0 },
            ..GenerationSettings::default()
        };
        self.sampling.over(usual).sampling()
    }

    /// How many runs of MT-bench are asked for.
    #[must_use]
    pub fn run_count(&self) -> usize {
        self.runs.unwrap_or(RUNS)
    }

    /// How the intervals of the means are drawn.
    #[must_use]
    pub fn draws(&self) -> Draws {
        Draws {
            samples: INTERVAL_SAMPLES,
            level: INTERVAL,
            seed: self.seed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(change: impl FnOnce(&mut EvalSettings)) -> String {
        let mut settings = EvalSettings {
            task: "humaneval".into(),
            data: "data".into(),
            ..EvalSettings::default()
        };
        change(&mut settings);
        settings.check().unwrap_err().to_string()
    }

    #[test]
    fn settings_out_of_range_or_without_use_are_refused_by_their_key() {
        let begins = |error: String, start: &str| assert!(error.starts_with(start), "{error}");
        begins(refused(|s| s.task.clear()), "task: expected one of gsm8k,");
        begins(refused(|s| s.task = "gsm9k".into()), "no task \"gsm9k\"");
        begins(refused(|s| s.data = PathBuf::new()), "data: expected");
        begins(
            refused(|s| s.batch_size = 0),
            "batch_size: expected at least 1, found 0",
        );
        begins(
            refused(|s| s.samples = Some(0)),
            "samples: expected at least 1",
        );
        for (name, error) in [
            ("limit", refused(|s| s.limit = Some(0))),
            ("batch_size", refused(|s| s.batch_size = usize::MAX)),
            ("samples", refused(|s| s.samples = Some(10_001))),
            ("judge_tokens", refused(|s| s.judge_tokens = Some(1 << 30))),
        ] {
            begins(error, &format!("{name}: expected at "));
        }
        for temperature in [1001.0, f64::NAN, f64::INFINITY, -0.5] {
            begins(
                refused(|s| s.sampling.temperature = Some(temperature)),
                "temperature:",
            );
        }
        let greedy = refused(|s| (s.samples, s.sampling.temperature) = (Some(2), Some(0.0)));
        begins(greedy, "temperature: expected a number above 0");
        begins(
            refused(|s| s.runs = Some(2)),
            "runs: expected nothing for this task",
        );
        begins(
            refused(|s| s.baseline = Some("b".into())),
            "baseline: expected nothing",
        );
        let judged = refused(|s| {
            s.task = "arena-hard".into();
            s.judge = Some(WriterAddress::Server("a.b".into()));
        });
        begins(judged, "baseline: expected a file with answers");
    }

    #[test]
    fn a_file_of_settings_reads_back() {
        let file = "task = \"arc_easy\"\ndata = \"d\"\nshots = \"leaderboard\"\n";
        let settings: EvalSettings = toml::from_str(file).unwrap();
        assert_eq!(settings.shots.of(&settings.check().unwrap()), 25);
        let written = toml::to_string(&settings).unwrap();
        assert_eq!(toml::from_str::<EvalSettings>(&written).unwrap(), settings);
        for (text, shots) in [("3", Shots::Number(3)), ("\"3\"", Shots::Number(3))] {
            let read: EvalSettings = toml::from_str(&format!("shots = {text}")).unwrap();
            assert_eq!(read.shots, shots);
        }
        let wrong = toml::from_str::<EvalSettings>("shots = \"many\"").unwrap_err();
        assert!(
            wrong.to_string().contains("a number, or leaderboard"),
            "{wrong}"
        );
    }
}
