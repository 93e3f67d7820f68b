//! MT-bench: two turns of each question, both rated from 1 to 10 by a judge.
//!
//! Source: lm-sys/FastChat 0.2.36 `llm_judge` (temperatures, which prompt rates what, means).
//! Where it differs: seeds are per text; a rating outside 1 to 10 counts as none; answers that are drawn greedily
//! are written once and stand in every run.
//! Questions, reference answers and the judge's prompts are read from the data folder.

use std::collections::HashSet;
use std::path::Path;

use idiolect_completion::{CompletionRequest, Progress, Sampling};
use idiolect_data::{Id, Journal, Message, Role};

use crate::answer::{Answer, ItemAnswer};
use crate::error::EvalError;
use crate::gold::Gold;
use crate::item::{Draw, GenerateRequest, Item, ItemRequest, seed_of};
use crate::judged::judge::judge_request;
use crate::judged::mt_questions::{QUESTIONS, Question, Questions, forms, questions};
use crate::model::EvalModel;
use crate::run::{AnswerSettings, run};
use crate::sources::found;
use crate::tasks::MT_BENCH_TOKENS;
use crate::template::fill;

/// The benchmark, read from its files.
pub struct MtBench {
    /// All questions; those that a limit leaves out may have answers of a longer run.
    all: Vec<Question>,
    /// How many of them are asked.
    asked: usize,
    /// System and user part of the judge's prompts: first and second turn, without and with a reference.
    forms: Vec<(String, String)>,
    /// How often each question is answered anew; 3 in arXiv 2409.00096.
    pub(crate) runs: usize,
}

/// How the questions of MT-bench are asked.
pub struct MtBenchRun<'a> {
    /// Batches and limits; `limit` is not looked at, for the questions are those that were read.
    pub settings: AnswerSettings,
    /// Seed of the answers that are drawn.
    pub seed: u64,
    /// The folder of the journals `turn-1.jsonl` and `turn-2.jsonl`.
    pub folder: &'a Path,
    /// Hears of every answer.
    pub progress: &'a dyn Progress,
}

/// Both answers to one question in one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dialogue {
    /// Place of the question.
    pub question: usize,
    /// The run, from 0.
    pub run: usize,
    /// The answers, white space around them cut off.
    pub answers: [String; 2],
}

impl MtBench {
    /// Reads the first `limit` questions, or all, to be answered in `runs` runs, at least one.
    ///
    /// # Errors
    ///
    /// [`EvalError::Data`] and [`EvalError::Field`] for the files; a question that needs a reference answer and has
    /// none is the latter.
    pub fn read(data: &Path, limit: Option<usize>, runs: usize) -> Result<Self, EvalError> {
        Self::with_questions(&found(data, Path::new(QUESTIONS), "")?, data, limit, runs)
    }

    /// As [`MtBench::read`], with the questions of another file.
    pub(crate) fn with_questions(
        path: &Path,
        data: &Path,
        limit: Option<usize>,
        runs: usize,
    ) -> Result<Self, EvalError> {
        let Questions { all, asked } = questions(path, data, limit)?;
        Ok(Self {
            all,
            asked,
            forms: forms(data)?,
            runs: runs.max(1),
        })
    }

    /// The questions that are asked.
    pub(crate) fn questions(&self) -> &[Question] {
        &self.all[..self.asked]
    }

    /// Has `model` answer both turns of every question in every run, journaled. Journals of a longer run are gone on
    /// with, and their answers to other questions stay.
    ///
    /// # Errors
    ///
    /// As [`run`].
    pub fn answer(
        &self,
        model: &mut dyn EvalModel,
        asked: &MtBenchRun<'_>,
    ) -> Result<Vec<Dialogue>, EvalError> {
        let (places, all) = (self.places(self.asked), self.places(self.all.len()));
        let settings = AnswerSettings {
            limit: Some(places.len()),
            ..asked.settings
        };
        let journal = |turn: usize| asked.folder.join(format!("turn-{turn}.jsonl"));
        let items = all.iter().map(|at| self.item(*at, None, asked.seed));
        let items: Vec<Item> = items.collect();
        run(&items, model, settings, &journal(1), asked.progress)?;
        // Those of a longer run too: its second turns follow them.
        let first = Journal::read::<ItemAnswer>(&journal(1))?.into_iter();
        let first: Vec<String> = first.map(|row| trimmed(row.answer)).collect();
        let items = all.iter().zip(&first);
        let items = items.map(|(at, before)| self.item(*at, Some(before), asked.seed));
        let items: Vec<Item> = items.collect();
        let second = run(&items, model, settings, &journal(2), asked.progress)?.into_iter();
        let answers = first.into_iter().zip(second.map(|row| trimmed(row.answer)));
        let dialogue = |(&(question, run), (first, second))| Dialogue {
            question,
            run,
            answers: [first, second],
        };
        let dialogues: Vec<Dialogue> = places.iter().zip(answers).map(dialogue).collect();
        Ok(self.repeated(dialogues))
    }

    /// Runs of the first questions that are asked: a greedy answer is the same in every run.
    fn places(&self, questions: usize) -> Vec<(usize, usize)> {
        let runs = |question: usize| {
            let greedy = self.all[question].temperature() <= 0.0;
            (0..if greedy { 1 } else { self.runs }).map(move |run| (question, run))
        };
        (0..questions).flat_map(runs).collect()
    }

    /// How many answers are asked for.
    pub(crate) fn answer_count(&self) -> usize {
        2 * self.places(self.asked).len()
    }

    /// The dialogues with greedy ones in every run, by question and then by run.
    fn repeated(&self, dialogues: Vec<Dialogue>) -> Vec<Dialogue> {
        let all = dialogues.into_iter().flat_map(|dialogue| {
            let greedy = self.all[dialogue.question].temperature() <= 0.0;
            let runs = if greedy {
                0..self.runs
            } else {
                dialogue.run..dialogue.run + 1
            };
            runs.map(move |run| Dialogue {
                run,
                ..dialogue.clone()
            })
        });
        all.collect()
    }

    /// One turn of a question as an item; the second one follows the answer to the first.
    fn item(&self, (at, run): (usize, usize), first: Option<&str>, seed: u64) -> Item {
        let question = &self.all[at];
        let turn = |role, content: &str| Message::new(role, content);
        let mut turns = vec![turn(Role::User, &question.turns[0])];
        if let Some(answer) = first {
            turns.push(turn(Role::Assistant, answer));
            turns.push(turn(Role::User, &question.turns[1]));
        }
        let id = format!("{}/{}", question.name(), run + 1);
        let temperature = question.temperature();
        let sampling = Sampling {
            temperature,
            ..Sampling::GREEDY
        };
        let draw = Draw {
            sampling,
            seed: seed_of(seed, &format!("{id}/{}", turns.len())),
        };
        Item {
            id: id.into(),
            group: question.kind.clone(),
            request: ItemRequest::Generate(GenerateRequest {
                draw: (0.0 < temperature).then_some(draw),
                ..GenerateRequest::chat(turns, MT_BENCH_TOKENS)
            }),
            gold: Gold::Judged,
        }
    }

    /// Two questions to the judge for each dialogue: its first turn, and both with an eye on the second.
    ///
    /// Dialogues about a question, or of a run, that the benchmark has not are passed over.
    #[must_use]
    pub fn requests(&self, dialogues: &[Dialogue]) -> Vec<CompletionRequest> {
        let both = self
            .known(dialogues)
            .into_iter()
            .flat_map(|dialogue| [0, 1].map(|turn| self.request(dialogue, turn)));
        both.collect()
    }

    pub(crate) fn known<'a>(&self, dialogues: &'a [Dialogue]) -> Vec<&'a Dialogue> {
        let has = |dialogue: &&Dialogue| dialogue.question < self.asked && dialogue.run < self.runs;
        dialogues.iter().filter(has).collect()
    }

    pub(crate) fn request(&self, dialogue: &Dialogue, turn: usize) -> CompletionRequest {
        let question = &self.all[dialogue.question];
        let [question_1, question_2] = &question.turns;
        let [answer_1, answer_2] = &dialogue.answers;
        let mut values: Vec<(&str, &str)> = vec![
            ("question", question_1),
            ("question_1", question_1),
            ("question_2", question_2),
            ("answer", answer_1),
            ("answer_1", answer_1),
            ("answer_2", answer_2),
        ];
        if let Some([first, second]) = &question.reference {
            values.extend([("ref_answer_1", first.as_str()), ("ref_answer_2", second)]);
        }
        let form = turn + if question.reference.is_some() { 2 } else { 0 };
        let (system, user) = &self.forms[form];
        let id = judgement_id(question, dialogue.run, turn);
        judge_request(id, system, fill(user, &values))
    }

    /// The ids that requests to the judge may have, those of questions that a limit leaves out included.
    pub(crate) fn judgement_ids(&self) -> HashSet<String> {
        let runs = (0..self.runs).flat_map(|run| [(run, 0), (run, 1)]);
        let all = runs.flat_map(|(run, turn)| {
            let id = move |question| judgement_id(question, run, turn);
            self.all.iter().map(id)
        });
        all.collect()
    }

    /// The id of each question, in the order of the summary's rows.
    #[must_use]
    pub fn ids(&self) -> Vec<Id> {
        let ids = self.questions().iter().map(|question| question.id.clone());
        ids.collect()
    }
}

fn judgement_id(question: &Question, run: usize, turn: usize) -> String {
    format!("{}/{}/turn-{}", question.name(), run + 1, turn + 1)
}

fn trimmed(answer: Answer) -> String {
    match answer {
        Answer::Text(text) => text.trim().to_owned(),
        Answer::Likelihoods(_) => String::new(),
    }
}
