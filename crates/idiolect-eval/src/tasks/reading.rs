//! From the files of a task to its items: each row with the worked examples above it.

use std::path::{Path, PathBuf};

use idiolect_data::Id;

use crate::error::EvalError;
use crate::gold::Gold;
use crate::item::{Item, ItemRequest};
use crate::sources::found;
use crate::tasks::choices::{self, Question};
use crate::tasks::files::{self, TaskRow};
use crate::tasks::form::{Benchmark, GenerateForm, ItemForm};
use crate::tasks::task::Task;
use crate::tasks::{generated, truthfulqa};

/// Fields that may hold a row's id, the first that there is.
const IDS: [&str; 5] = ["id", "key", "task_id", "uid", "question_id"];

impl Task {
    /// Reads the items of the task from the folder `data`, with `shots` worked examples in each
    /// prompt, the first ones of their file. The items of `mt_bench` are its first turns.
    ///
    /// # Errors
    ///
    /// [`EvalError::Data`], [`EvalError::File`], [`EvalError::Field`]; [`EvalError::NoFile`] where a file that the
    /// table of files ([`crate::DATA_FILES`]) knows is not there; [`EvalError::Setting`] as [`Task::check`];
    /// [`EvalError::Shots`] where there are fewer worked examples, or the task has none.
    pub fn read(&self, data: &Path, shots: usize) -> Result<Vec<Item>, EvalError> {
        self.check()?;
        let rows = self.rows(&self.located(data)?, "test")?;
        let examples = self.worked_examples(data, shots)?;
        let mut items = Vec::new();
        for (number, row) in rows.iter().enumerate() {
            let group = match &self.group_field {
                Some(field) => row.text(field)?,
                None => row.text("subject").unwrap_or_default(),
            };
            let above = self.above(&group, &examples, shots)?;
            let (request, gold) = self.request(row, &above)?;
            items.push(Item {
                id: self.id(row, number)?,
                group,
                request,
                gold,
            });
        }
        Ok(items)
    }

    /// Where its rows lie: in its file, or in what the Hub has in its place.
    pub(crate) fn located(&self, data: &Path) -> Result<PathBuf, EvalError> {
        found(data, &self.file, "test")
    }

    fn id(&self, row: &TaskRow, number: usize) -> Result<Id, EvalError> {
        if let Some(field) = &self.id_field {
            let id = row.fields.get(field).filter(|id| !id.is_null());
            return id.cloned().ok_or_else(|| row.wrong(field, "an id"));
        }
        let own = IDS.iter().find_map(|name| row.fields.get(*name));
        Ok(own.cloned().unwrap_or_else(|| Id::from(number)))
    }

    fn rows(&self, path: &Path, half: &str) -> Result<Vec<TaskRow>, EvalError> {
        match &self.form {
            ItemForm::Benchmark(Benchmark::Mmlu) if is_archive(path) => files::mmlu(path, half),
            _ => files::rows(path),
        }
    }

    /// The rows of worked examples: the first `shots` of the file, or all of MMLU's, which are taken by subject.
    fn worked_examples(&self, data: &Path, shots: usize) -> Result<Vec<TaskRow>, EvalError> {
        if shots == 0 {
            return Ok(Vec::new());
        }
        let path = match &self.examples {
            Some(examples) => found(data, &examples.file, "dev")?,
            None => self.path(data),
        };
        let too_few = |found| EvalError::Shots {
            path: path.clone(),
            expected: shots,
            found,
        };
        if self.examples.is_none() || !self.form.shows_examples() {
            return Err(too_few(0));
        }
        let mut rows = self.rows(&path, "dev")?;
        if self.form != ItemForm::Benchmark(Benchmark::Mmlu) {
            if rows.len() < shots {
                return Err(too_few(rows.len()));
            }
            rows.truncate(shots);
        }
        Ok(rows)
    }

    /// What stands above a question: the opening of its subject and the worked examples.
    fn above(&self, group: &str, examples: &[TaskRow], shots: usize) -> Result<String, EvalError> {
        let by_subject = self.form == ItemForm::Benchmark(Benchmark::Mmlu);
        let mut above = String::new();
        if by_subject {
            above = choices::mmlu_opening(group);
        }
        let of_group =
            |row: &&TaskRow| !by_subject || row.text("subject").unwrap_or_default() == group;
        let mut found = 0;
        for row in examples.iter().filter(of_group).take(shots) {
            found += 1;
            above += &self.worked_example(row)?;
        }
        match examples.first() {
            Some(row) if found < shots => Err(EvalError::Shots {
                path: row.path.clone(),
                expected: shots,
                found,
            }),
            _ => Ok(above),
        }
    }

    fn worked_example(&self, row: &TaskRow) -> Result<String, EvalError> {
        match &self.form {
            ItemForm::Generate(GenerateForm { worked_example, .. }) => {
                row.filled(worked_example.as_deref().unwrap_or_default())
            }
            ItemForm::Choice(form) => Ok(form.question(row)?.worked()),
            ItemForm::Benchmark(which) => match which.question(row)? {
                Some(question) => Ok(question.worked()),
                None => Ok(String::new()),
            },
        }
    }

    fn request(&self, row: &TaskRow, above: &str) -> Result<(ItemRequest, Gold), EvalError> {
        match &self.form {
            ItemForm::Generate(form) => Ok((
                ItemRequest::Generate(form.request(row, above)?),
                form.metric.gold(row)?,
            )),
            ItemForm::Choice(form) => Ok(form.question(row)?.asked(above)),
            ItemForm::Benchmark(Benchmark::HumanevalSynthesize) => {
                let (request, gold) = generated::humaneval_synthesize(row)?;
                Ok((ItemRequest::Generate(request), gold))
            }
            ItemForm::Benchmark(which) => match which.question(row)? {
                Some(question) => Ok(question.asked(above)),
                None => Ok((
                    ItemRequest::Generate(generated::mt_bench(row)?),
                    Gold::Judged,
                )),
            },
        }
    }
}

fn is_archive(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "zip")
}

impl ItemForm {
    /// Whether worked examples can stand above a question.
    fn shows_examples(&self) -> bool {
        match self {
            Self::Generate(form) => form.worked_example.is_some(),
            Self::Choice(_) => true,
            Self::Benchmark(which) => !matches!(
                which,
                Benchmark::TruthfulqaMc1
                    | Benchmark::TruthfulqaMc2
                    | Benchmark::MtBench
                    | Benchmark::HumanevalSynthesize
            ),
        }
    }
}

impl Benchmark {
    /// The question of a row; none of benchmarks in which text is written.
    fn question(self, row: &TaskRow) -> Result<Option<Question>, EvalError> {
        let question = match self {
            Self::Arc => choices::arc(row),
            Self::Hellaswag => choices::hellaswag(row),
            Self::Winogrande => choices::winogrande(row),
            Self::Mmlu => choices::mmlu(row),
            Self::TruthfulqaMc1 => truthfulqa::truthfulqa(row, false),
            Self::TruthfulqaMc2 => truthfulqa::truthfulqa(row, true),
            Self::MtBench | Self::HumanevalSynthesize => return Ok(None),
        };
        question.map(Some)
    }
}
