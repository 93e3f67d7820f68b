//! The tasks of `idiolect eval` that a judge scores: MT-bench, Arena-Hard and AlpacaEval.
//!
//! Answers and judgements have journals of their own; without a judge the answers alone are written, and a later
//! call with one goes on from there.
#![allow(clippy::doc_markdown, reason = "names of benchmarks")]

use std::collections::BTreeMap;

use idiolect::eval::{Baseline, Duel, Item, Judged, MtBench, Row, Settings, Talk, Task};
use serde_json::{Map, Value, json};

use crate::commands::evaluate::{claim, described, draws, finish, lines, model};
use crate::error::CliError;
use crate::eval_args::Eval;
use crate::identity::{Writer, hash};
use crate::judging::{self, OpenJudge};
use crate::opened::Opened;

/// Runs that arXiv 2409.00096 takes the mean of.
const RUNS: usize = 3;
/// Tokens of a judgement, in the programs of MT-bench, Arena-Hard and AlpacaEval.
const MT_BENCH_TOKENS: usize = 2048;
const ARENA_TOKENS: usize = 4096;
const ALPACA_TOKENS: usize = 100;

/// How many runs of MT-bench are asked for.
pub(crate) fn runs(args: &Eval) -> usize {
    args.runs.unwrap_or(RUNS)
}

/// Both turns of MT-bench, and a judge's ratings where there is one.
pub(crate) fn mt_bench(args: &Eval, opened: &Opened, identity: Value) -> Result<(), CliError> {
    let bench = MtBench::read(&args.data, args.limit, runs(args))?;
    let mut judge = OpenJudge::new(args, MT_BENCH_TOKENS)?;
    let mut model = model(args, opened, 2 * bench.ids().len() * runs(args));
    let settings = Settings {
        limit: None,
        batch_size: args.batch_size,
    };
    let journal = args.out.join("journal");
    let talks = bench.answer(&mut model, settings, args.seed, &journal)?;
    model.bar.finish_and_clear();
    let Some(judge) = &mut judge else {
        let mut whole = identity;
        whole["items"] = bench.ids().len().into();
        return finish(args, &talked(&bench, &talks, &[]), &whole);
    };
    let writer = judge.writer();
    claim(&args.out, "judge.json", &json!({ "judge": writer }))?;
    let path = journal.join("judgements.jsonl");
    let texts = judge.judge(bench.requests(&talks), &path)?;
    let judged = bench.summarize(&talks, &texts, &draws(args));
    let mut whole = told(identity, &judged, &writer);
    whole["run_scores"] = json!(judged.runs);
    finish(args, &talked(&bench, &talks, &judged.summary.rows), &whole)
}

/// A comparison with a baseline that is ready before the first answer is written.
pub(crate) struct Comparison {
    duel: Duel,
    baseline: Baseline,
    /// Who judges, what with, and against what; the judgements belong to it.
    asked: Value,
    name: String,
    judge: OpenJudge,
}

impl Comparison {
    /// Opens the judge and reads the baseline, where the task compares and a judge is named.
    pub(crate) fn open(args: &Eval, task: Task) -> Result<Option<Self>, CliError> {
        let (duel, tokens) = match task {
            Task::AlpacaEval => (Duel::AlpacaEval(args.seed), ALPACA_TOKENS),
            Task::ArenaHard => (Duel::ArenaHard, ARENA_TOKENS),
            _ => return Ok(None),
        };
        let Some(judge) = OpenJudge::new(args, tokens)? else {
            return Ok(None);
        };
        // The outputs that come with AlpacaEval's instructions are its reference model's.
        let own = args.data.join("sdft/alpaca_eval.json");
        let path = args.baseline.as_deref().unwrap_or(&own);
        let mut asked = json!({ "judge": judge.writer(), "baseline_hash": hash(path)? });
        if task == Task::AlpacaEval {
            asked["order_seed"] = args.seed.into();
        }
        let name = path.file_name().unwrap_or_default();
        Ok(Some(Self {
            duel,
            baseline: Baseline::read(path)?,
            asked,
            name: name.to_string_lossy().into_owned(),
            judge,
        }))
    }

    /// Has every answer compared.
    pub(crate) fn run(
        mut self,
        args: &Eval,
        items: &[Item],
        rows: &[Row],
        identity: Value,
    ) -> Result<(), CliError> {
        let pairs = self.baseline.pairs(items, rows)?;
        claim(&args.out, "judge.json", &self.asked)?;
        let journal = args.out.join("journal/judgements.jsonl");
        let texts = self.judge.judge(self.duel.requests(&pairs), &journal)?;
        let judged = self.duel.summarize(&pairs, &texts, &draws(args));
        let mut whole = told(identity, &judged, &self.judge.writer());
        whole["judge"]["baseline"] = self.name.into();
        finish(args, &lines(rows, &judged.summary), &whole)
    }
}

fn told(identity: Value, judged: &Judged, writer: &Writer) -> Value {
    let mut whole = described(identity, &judged.summary);
    whole["judge"] = judging::described(judged, writer);
    whole
}

/// One row for each question: its scores, and both answers of each run.
fn talked(
    bench: &MtBench,
    talks: &[Talk],
    scores: &[BTreeMap<String, f64>],
) -> Vec<Map<String, Value>> {
    let row = |(at, id): (usize, Value)| {
        let mut row = Map::from_iter([("id".to_string(), id)]);
        let own = scores.get(at).into_iter().flatten();
        row.extend(own.map(|(name, value)| (name.clone(), json!(value))));
        let answers = talks.iter().filter(|talk| talk.question == at);
        let answers: Vec<Value> = answers.map(|talk| json!(talk.answers)).collect();
        row.insert("answers".into(), answers.into());
        row
    };
    bench.ids().into_iter().enumerate().map(row).collect()
}
