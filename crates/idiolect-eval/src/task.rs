//! The tasks by name, and the files that each is read from.

use std::path::Path;
use std::str::FromStr;

use idiolect_data::Id;

use crate::choices::{self, Question};
use crate::files::{self, Doc};
use crate::{Ask, EvalError, Gold, Item, prompts};

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
}

/// Each task: its name, its file below the data folder, the file of its worked examples, and how
/// many of them the Open LLM Leaderboard of 2023 shows.
const TASKS: [(Task, &str, &str, &str, usize); 16] = [
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

    fn place(self) -> (Task, &'static str, &'static str, &'static str, usize) {
        // The table has every task, so that the second half is never reached.
        TASKS
            .into_iter()
            .find(|task| task.0 == self)
            .unwrap_or(TASKS[0])
    }

    /// Reads the items of the task from the folder `data`, with `shots` worked examples in each
    /// prompt, the first ones of their file.
    ///
    /// # Errors
    ///
    /// [`EvalError::Data`], [`EvalError::File`], [`EvalError::Field`]; [`EvalError::Shots`] where
    /// there are fewer worked examples, or the task has none.
    pub fn read(self, data: &Path, shots: usize) -> Result<Vec<Item>, EvalError> {
        let (_, _, file, worked, _) = self.place();
        let path = data.join(file);
        let docs = match self {
            Task::Mmlu => files::mmlu(&path, "test")?,
            _ if path.extension().is_some_and(|end| end == "csv") => files::csv(&path)?,
            _ => files::json(&path)?,
        };
        let shown = if shots == 0 {
            Vec::new()
        } else {
            self.shown(&data.join(worked), shots)?
        };
        let mut items = Vec::new();
        for (i, doc) in docs.iter().enumerate() {
            let group = doc.text("subject").unwrap_or_default();
            let above = self.above(&group, &shown, shots)?;
            let (ask, gold) = self.ask(doc, &above)?;
            let own = ["id", "key", "task_id"]
                .iter()
                .find_map(|name| doc.fields.get(*name));
            let id = own.cloned().unwrap_or_else(|| Id::from(i));
            items.push(Item {
                id,
                group,
                ask,
                gold,
            });
        }
        Ok(items)
    }

    /// The worked examples, the first `shots` of the file, or of each subject.
    fn shown(self, path: &Path, shots: usize) -> Result<Vec<Doc>, EvalError> {
        let found = |found| EvalError::Shots {
            path: path.to_owned(),
            expected: shots,
            found,
        };
        match self {
            Task::Mmlu => files::mmlu(path, "dev"),
            Task::Gsm8k
            | Task::ArcChallenge
            | Task::ArcEasy
            | Task::Hellaswag
            | Task::Winogrande => {
                let mut docs = files::json(path)?;
                if docs.len() < shots {
                    return Err(found(docs.len()));
                }
                docs.truncate(shots);
                Ok(docs)
            }
            _ => Err(found(0)),
        }
    }

    /// What stands above a question: the opening of its subject and the worked examples.
    fn above(self, group: &str, shown: &[Doc], shots: usize) -> Result<String, EvalError> {
        let mut above = String::new();
        let mut of_group = 0;
        if self == Task::Mmlu {
            above = choices::mmlu_opening(group);
        }
        for doc in shown {
            if doc.text("subject").unwrap_or_default() != group || of_group == shots {
                continue;
            }
            of_group += 1;
            above += &match self {
                Task::Gsm8k => prompts::gsm8k_worked(doc)?,
                _ => self.question(doc)?.worked(),
            };
        }
        match shown.first() {
            Some(doc) if of_group < shots => Err(EvalError::Shots {
                path: doc.path.clone(),
                expected: shots,
                found: of_group,
            }),
            _ => Ok(above),
        }
    }

    fn ask(self, doc: &Doc, above: &str) -> Result<(Ask, Gold), EvalError> {
        match self {
            Task::Gsm8k => prompts::gsm8k_text(doc, above),
            Task::Gsm8kChat => prompts::gsm8k_chat(doc),
            Task::Multiarith => prompts::multiarith(doc),
            Task::Openfunction => prompts::openfunction(doc),
            Task::AdvbenchRaw => prompts::advbench(doc, false),
            Task::AdvbenchJailbreak => prompts::advbench(doc, true),
            Task::AlpacaEval => prompts::alpaca_eval(doc),
            Task::Humaneval => prompts::humaneval(doc),
            Task::Ifeval => prompts::ifeval(doc),
            _ => {
                let question = self.question(doc)?;
                let ask = Ask::Choose(question.continuations(above));
                Ok((ask, question.gold))
            }
        }
    }

    fn question(self, doc: &Doc) -> Result<Question, EvalError> {
        match self {
            Task::Mmlu => choices::mmlu(doc),
            Task::Hellaswag => choices::hellaswag(doc),
            Task::Winogrande => choices::winogrande(doc),
            Task::TruthfulqaMc1 => choices::truthfulqa(doc, false),
            Task::TruthfulqaMc2 => choices::truthfulqa(doc, true),
            _ => choices::arc(doc),
        }
    }
}

impl FromStr for Task {
    type Err = EvalError;

    fn from_str(name: &str) -> Result<Self, EvalError> {
        let found = TASKS.iter().find(|task| task.1 == name);
        found.map(|task| task.0).ok_or_else(|| EvalError::Task {
            name: name.to_owned(),
        })
    }
}
