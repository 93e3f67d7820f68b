//! From the files of a task to its items: each row with the worked examples above it.

use std::path::Path;

use idiolect_data::Id;

use crate::choices::{self, Question};
use crate::files::{self, Doc};
use crate::{Ask, EvalError, Gold, Item, Task, prompts};

impl Task {
    /// Reads the items of the task from the folder `data`, with `shots` worked examples in each
    /// prompt, the first ones of their file. The items of `mt_bench` are its first turns.
    ///
    /// # Errors
    ///
    /// [`EvalError::Data`], [`EvalError::File`], [`EvalError::Field`]; [`EvalError::Shots`] where
    /// there are fewer worked examples, or the task has none.
    pub fn read(self, data: &Path, shots: usize) -> Result<Vec<Item>, EvalError> {
        let worked = self.place().3;
        let docs = self.docs(data)?;
        let shown = if shots == 0 {
            Vec::new()
        } else {
            self.shown(&data.join(worked), shots)?
        };
        let mut items = Vec::new();
        for (i, doc) in docs.iter().enumerate() {
            let group = match self {
                Task::MtBench => doc.text("category")?,
                _ => doc.text("subject").unwrap_or_default(),
            };
            let above = self.above(&group, &shown, shots)?;
            let (ask, gold) = self.ask(doc, &above)?;
            let own = ["id", "key", "task_id", "uid", "question_id"]
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

    /// The rows of the task's own file.
    pub(crate) fn docs(self, data: &Path) -> Result<Vec<Doc>, EvalError> {
        let path = data.join(self.place().2);
        match self {
            Task::Mmlu => files::mmlu(&path, "test"),
            _ if path.extension().is_some_and(|end| end == "csv") => files::csv(&path),
            _ => files::json(&path),
        }
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
            Task::MtBench => prompts::mt_bench(doc),
            Task::ArenaHard => prompts::arena_hard(doc),
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
