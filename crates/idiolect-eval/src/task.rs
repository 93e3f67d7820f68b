//! The tasks by name, and the files that each is read from; the reading itself is next door.

use std::str::FromStr;

use crate::EvalError;

/// A task that a model can be measured on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(
    missing_docs,
    reason = "each is named in Task::names with its source in the crate's page"
)]
#[non_exhaustive]
pub enum Task {
    Gsm8k,
    Gsm8kChat,
    Multiarith,
    Openfunction,
    AdvbenchRaw,
    AdvbenchJailbreak,
    AlpacaEval,
    Humaneval,
    Ifeval,
    Mmlu,
    ArcChallenge,
    ArcEasy,
    Hellaswag,
    Winogrande,
    TruthfulqaMc1,
    TruthfulqaMc2,
    MtBench,
    ArenaHard,
}

/// Each task: its name, its file below the data folder, the file of its worked examples, and how
/// many of them the Open LLM Leaderboard of 2023 shows.
const TASKS: [(Task, &str, &str, &str, usize); 18] = [
    (
        Task::Gsm8k,
        "gsm8k",
        "gsm8k/test.jsonl",
        "gsm8k/train.jsonl",
        5,
    ),
    (Task::Gsm8kChat, "gsm8k_chat", "sdft/gsm8k_test.json", "", 0),
    (
        Task::Multiarith,
        "multiarith",
        "sdft/multiarith_test.json",
        "",
        0,
    ),
    (
        Task::Openfunction,
        "openfunction",
        "sdft/openfunction_test.json",
        "",
        0,
    ),
    (
        Task::AdvbenchRaw,
        "advbench_raw",
        "sdft/harmful_behaviors.csv",
        "",
        0,
    ),
    (
        Task::AdvbenchJailbreak,
        "advbench_jailbreak",
        "sdft/harmful_behaviors.csv",
        "",
        0,
    ),
    (
        Task::AlpacaEval,
        "alpaca_eval",
        "sdft/alpaca_eval.json",
        "",
        0,
    ),
    (
        Task::Humaneval,
        "humaneval",
        "humaneval/HumanEval.jsonl",
        "",
        0,
    ),
    (Task::Ifeval, "ifeval", "ifeval/input_data.jsonl", "", 0),
    (Task::Mmlu, "mmlu", "mc/mmlu.zip", "mc/mmlu.zip", 5),
    (
        Task::ArcChallenge,
        "arc_challenge",
        "mc/ARC-Challenge-Test.jsonl",
        "mc/ARC-Challenge-Train.jsonl",
        25,
    ),
    (
        Task::ArcEasy,
        "arc_easy",
        "mc/ARC-Easy-Test.jsonl",
        "mc/ARC-Easy-Train.jsonl",
        25,
    ),
    (
        Task::Hellaswag,
        "hellaswag",
        "mc/hellaswag_val.jsonl",
        "mc/hellaswag_train.jsonl",
        10,
    ),
    (
        Task::Winogrande,
        "winogrande",
        "mc/winogrande_dev_converted.jsonl",
        "mc/winogrande_train.jsonl",
        5,
    ),
    (
        Task::TruthfulqaMc1,
        "truthfulqa_mc1",
        "mc/TruthfulQA.csv",
        "",
        0,
    ),
    (
        Task::TruthfulqaMc2,
        "truthfulqa_mc2",
        "mc/TruthfulQA.csv",
        "",
        0,
    ),
    (
        Task::MtBench,
        "mt_bench",
        "mtbench/mt_bench_question.jsonl",
        "",
        0,
    ),
    (
        Task::ArenaHard,
        "arena_hard",
        "arena_hard/question_v0.1.jsonl",
        "",
        0,
    ),
];

impl Task {
    /// All names, in the order of the tasks.
    #[must_use]
    pub fn names() -> Vec<&'static str> {
        TASKS.iter().map(|task| task.1).collect()
    }

    /// How many worked examples the Open LLM Leaderboard of 2023 shows; the self-distillation
    /// paper's scripts show none.
    ///
    /// Tasks that have no worked examples of their own show none; `TruthfulQA` always shows six.
    #[must_use]
    pub fn leaderboard_shots(self) -> usize {
        self.place().4
    }

    /// The name that [`FromStr`] reads.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.place().1
    }

    pub(crate) fn place(self) -> (Task, &'static str, &'static str, &'static str, usize) {
        // The table has every task, so that the second half is never reached.
        TASKS
            .into_iter()
            .find(|task| task.0 == self)
            .unwrap_or(TASKS[0])
    }
}

impl FromStr for Task {
    type Err = EvalError;

    fn from_str(name: &str) -> Result<Self, EvalError> {
        let plain = name.replace('-', "_");
        let found = TASKS.iter().find(|task| task.1 == plain);
        found.map(|task| task.0).ok_or_else(|| EvalError::Task {
            name: name.to_owned(),
        })
    }
}
