//! The whole job: a task's items in; answers, scores and their means out.
//!
//! A folder belongs to one model, one adapter and one way of asking; all but `limit` must stay the same.
//! Answers and judgements have journals of their own; without a judge the answers alone are written, and a later
//! call with one resumes from there.

use std::path::Path;

use idiolect_completion::Progress;
use idiolect_data::{RunDir, write_json};
use serde_json::{Value, json};

use crate::answer::ItemAnswer;
use crate::error::EvalError;
use crate::evaluation::comparison::{Comparison, judge_tokens};
use crate::evaluation::identity::{EvaluatedModel, claim, identity};
use crate::evaluation::judge::{JudgeOpener, JudgeSettings, Judgements, OpenJudge};
use crate::evaluation::results::{described, dialogue_rows, finish, item_rows, judged};
use crate::evaluation::settings::EvalSettings;
use crate::evaluation::shots::Shots;
use crate::evaluation::suite::each;
use crate::item::{Item, drawn, sampled};
use crate::judged::{MtBench, MtBenchRun, PairwiseJudging};
use crate::model::EvalModel;
use crate::programs::run_programs;
use crate::run::{AnswerSettings, requests_of, run};
use crate::summary::{alpaca_eval_outputs, pass_at, summarize_programs};
use crate::tasks::{Pairwise, Task};

/// Tokens of a judgement, in the program of MT-bench.
const MT_BENCH_JUDGE_TOKENS: usize = 2048;

/// A task that is read and waits for its model; nothing is written yet.
///
/// It is made before the model is opened, so that settings and data that are wrong are told at once.
pub struct Evaluation {
    pub(super) settings: EvalSettings,
    pub(super) task: Task,
    items: Vec<Item>,
}

/// What an evaluation is run with, beside the model.
pub struct EvalRun<'a, 'j> {
    /// How the results name the model.
    pub model: &'a EvaluatedModel,
    /// Opens the judge of a task that is judged; none to keep the answers for later.
    pub judge: Option<&'j mut dyn JudgeOpener>,
    /// Hears of answers, programs and judgements.
    pub progress: &'a dyn Progress,
    /// Folder of the journals, `eval.json`, `rows.jsonl` and `summary.json`; a call with the same settings resumes.
    pub out: &'a Path,
}

/// Measures a model on a task: [`Evaluation::new`] and [`Evaluation::run`] in one; gives what `summary.json` holds.
///
/// # Errors
///
/// As those two.
pub fn evaluate(
    settings: &EvalSettings,
    model: &mut dyn EvalModel,
    run: EvalRun<'_, '_>,
) -> Result<Value, EvalError> {
    Evaluation::new(settings.clone())?.run(model, run)
}

impl Evaluation {
    /// Checks the settings and reads the task's items.
    ///
    /// # Errors
    ///
    /// As [`EvalSettings::check`] and [`Task::read`].
    pub fn new(settings: EvalSettings) -> Result<Self, EvalError> {
        let task = settings.check()?;
        let items = task.read(&settings.data, settings.shots.of(&task))?;
        Ok(Self {
            settings,
            task,
            items,
        })
    }

    /// An evaluation for each task that the settings name, all of them read; every one has the settings that its task
    /// has use for.
    ///
    /// # Errors
    ///
    /// As [`Evaluation::new`], and [`EvalError::Setting`] for a setting that no task has use for.
    pub fn each(settings: &EvalSettings) -> Result<Vec<Self>, EvalError> {
        each(settings)?.into_iter().map(Self::new).collect()
    }

    /// The task.
    #[must_use]
    pub fn task(&self) -> &Task {
        &self.task
    }

    /// Whether its settings name a judge.
    #[must_use]
    pub fn is_judged(&self) -> bool {
        self.settings.judge.is_some()
    }

    /// How many worked examples stand above a question.
    pub(crate) fn shots(&self) -> Shots {
        self.settings.shots
    }

    /// The score that stands for the task in a [`TaskTable`](crate::TaskTable), or for its own part of the Open LLM
    /// Leaderboard where the worked examples are that one's.
    pub(crate) fn main_score(&self) -> &'static str {
        let leaderboard = self.settings.shots == Shots::Leaderboard;
        self.task
            .main_score(leaderboard, self.settings.sample_count())
    }

    /// Has the model answer, scores the answers, writes the files and gives what `summary.json` holds.
    ///
    /// The judge is opened, and the baseline read, before the first answer is written.
    ///
    /// # Errors
    ///
    /// [`EvalError::Setting`] for a folder that was begun with something else, and for a judge that the settings name
    /// and nobody opens, or that the task has no use for; the errors of [`run`], [`run_programs`],
    /// [`Baseline::read`](crate::Baseline::read) and [`judge_all`](crate::judge_all).
    pub fn run(&self, model: &mut dyn EvalModel, run: EvalRun<'_, '_>) -> Result<Value, EvalError> {
        self.check_judge(run.judge.is_some())?;
        self.check_template(run.model)?;
        let identity = identity(&self.settings, &self.task, run.model);
        claim(run.out, "eval.json", &identity)?;
        match self.task.pairwise() {
            _ if self.task.is_mt_bench() => self.mt_bench(model, run, identity),
            Some(pairwise) => self.compared(model, run, identity, pairwise),
            None => self.scored(model, &run, identity),
        }
    }

    /// A task whose answers are scored by themselves, programs by running them.
    fn scored(
        &self,
        model: &mut dyn EvalModel,
        run: &EvalRun<'_, '_>,
        identity: Value,
    ) -> Result<Value, EvalError> {
        let (items, count) = (self.drawn(), self.settings.sample_count());
        let rows = self.answers(&items, model, run)?;
        let programs = run_programs(&self.settings.python, &items, &rows, run.progress)?;
        let draws = self.settings.draws();
        let mut summary = summarize_programs(&items, &rows, &draws, &programs.endings)?;
        let lines = item_rows(&rows, &summary);
        if 1 < count {
            summary.scores = pass_at(&programs.endings, count, &draws);
            summary.items /= count;
        }
        let mut whole = described(identity, &summary);
        if let Some(held) = programs.limits_held {
            whole["limits_held"] = json!(held);
        }
        finish(run.out, &lines, whole)
    }

    /// A task whose answers are compared with a baseline's.
    fn compared(
        &self,
        model: &mut dyn EvalModel,
        mut run: EvalRun<'_, '_>,
        identity: Value,
        pairwise: Pairwise,
    ) -> Result<Value, EvalError> {
        let wanted = JudgeSettings::new(&self.settings, judge_tokens(pairwise));
        let judge = OpenJudge::open(run.judge.take(), &wanted)?;
        let ready = judge.map(|judge| {
            let comparison = Comparison::new(&self.settings, &self.task, pairwise)?;
            let asked = comparison.asked(&json!(judge.identity))?;
            Ok::<_, EvalError>((judge, comparison, asked))
        });
        let ready = ready.transpose()?;
        let rows = self.answers(&self.drawn(), model, &run)?;
        if pairwise == Pairwise::AlpacaEval {
            let outputs = alpaca_eval_outputs(&self.items, &rows, &run.model.name);
            write_json(&RunDir::from(run.out).outputs(), &outputs)?;
        }
        let Some((mut judge, comparison, asked)) = ready else {
            return self.unscored(&rows, &run, identity);
        };
        let pairs = comparison.pairs(&self.items, &rows)?;
        let texts = judge.judge(Judgements {
            requests: comparison.judging.requests(&pairs),
            known: PairwiseJudging::ids(&self.items),
            out: run.out,
            owner: asked,
            progress: run.progress,
        })?;
        let scores = comparison
            .judging
            .summarize(&pairs, &texts, &self.settings.draws());
        let mut whole = judged(identity, &scores, &judge.identity);
        whole["judge"]["baseline"] = comparison.name().into();
        finish(run.out, &item_rows(&rows, &scores.summary), whole)
    }

    /// Answers that nobody has judged yet.
    fn unscored(
        &self,
        rows: &[ItemAnswer],
        run: &EvalRun<'_, '_>,
        identity: Value,
    ) -> Result<Value, EvalError> {
        let summary = summarize_programs(&self.items, rows, &self.settings.draws(), &[])?;
        let lines = item_rows(rows, &summary);
        finish(run.out, &lines, described(identity, &summary))
    }

    /// Both turns of MT-bench, and a judge's ratings where there is one.
    fn mt_bench(
        &self,
        model: &mut dyn EvalModel,
        mut run: EvalRun<'_, '_>,
        identity: Value,
    ) -> Result<Value, EvalError> {
        let EvalSettings {
            data, limit, seed, ..
        } = &self.settings;
        let questions = self.task.located(data)?;
        let bench = MtBench::with_questions(&questions, data, *limit, self.settings.run_count())?;
        let wanted = JudgeSettings::new(&self.settings, MT_BENCH_JUDGE_TOKENS);
        let judge = OpenJudge::open(run.judge.take(), &wanted)?;
        run.progress.begin("eval", bench.answer_count());
        let dialogues = bench.answer(
            model,
            &MtBenchRun {
                settings: self.answer_settings(1),
                seed: *seed,
                folder: &RunDir::from(run.out).journals(),
                progress: run.progress,
            },
        );
        run.progress.end();
        let dialogues = dialogues?;
        let Some(mut judge) = judge else {
            let mut whole = identity;
            whole["items"] = bench.ids().len().into();
            return finish(run.out, &dialogue_rows(&bench, &dialogues, &[]), whole);
        };
        let texts = judge.judge(Judgements {
            requests: bench.requests(&dialogues),
            known: bench.judgement_ids(),
            out: run.out,
            owner: json!({ "judge": judge.identity }),
            progress: run.progress,
        })?;
        let scores = bench.summarize(&dialogues, &texts, &self.settings.draws());
        let mut whole = judged(identity, &scores, &judge.identity);
        whole["run_scores"] = json!(scores.runs);
        let lines = dialogue_rows(&bench, &dialogues, &scores.summary.rows);
        finish(run.out, &lines, whole)
    }

    /// The items as they are asked: drawn where the settings say so, and programs several times.
    fn drawn(&self) -> Vec<Item> {
        let items = self.items.iter().cloned();
        match self.settings.draw(&self.task) {
            None => items.collect(),
            Some(draw) if self.task.runs_programs() => {
                sampled(&self.items, self.settings.sample_count(), draw)
            }
            Some(draw) => items.map(|item| drawn(item, draw)).collect(),
        }
    }

    fn answer_settings(&self, samples: usize) -> AnswerSettings {
        let limit = self.settings.limit;
        AnswerSettings {
            limit: limit.map(|limit| limit.saturating_mul(samples)),
            batch_size: self.settings.batch_size,
            max_new_tokens: self.settings.max_new_tokens,
        }
    }

    fn answers(
        &self,
        items: &[Item],
        model: &mut dyn EvalModel,
        eval: &EvalRun<'_, '_>,
    ) -> Result<Vec<ItemAnswer>, EvalError> {
        let settings = self.answer_settings(self.settings.sample_count());
        let count = settings.limit.unwrap_or(items.len()).min(items.len());
        eval.progress.begin("eval", requests_of(&items[..count]));
        let journal = RunDir::from(eval.out).journal(RunDir::ANSWERS);
        let rows = run(items, model, settings, &journal, eval.progress);
        eval.progress.end();
        rows
    }
}
