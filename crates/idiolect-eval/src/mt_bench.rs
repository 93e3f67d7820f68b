//! MT-bench: two turns of each question, both rated from 1 to 10 by a judge.
//!
//! Source: lm-sys/FastChat 0.2.36 `llm_judge` (temperatures, which prompt rates what, means).
//! Where it differs: seeds are per text; a rating outside 1 to 10 counts as none; answers that are drawn greedily
//! are written once and stand in every run.
//! Questions, reference answers and the judge's prompts are read from the data folder.

use std::collections::BTreeMap;
use std::path::Path;

use idiolect_data::{Id, Message, Role};
use idiolect_metrics::interval::{Draws, mean};
use idiolect_metrics::judge::rating;

use crate::item::seed_of;
use crate::judge::{JudgeRequest, Judged, fill};
use crate::mt_questions::{Question, forms, questions};
use crate::prompts::JUDGED_TOKENS;
use crate::summary::weighted;
use crate::{Answer, Ask, Draw, EvalError, Gold, Item, Model, Prompt, Settings, Summary, run};

/// The benchmark, read from its files.
pub struct MtBench {
    questions: Vec<Question>,
    /// System and user part of the judge's prompts: first and second turn, without and with a reference.
    forms: Vec<(String, String)>,
    /// How often each question is answered anew; 3 in arXiv 2409.00096.
    runs: usize,
}

/// Both answers to one question in one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Talk {
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
        Ok(Self {
            questions: questions(data, limit)?,
            forms: forms(data)?,
            runs: runs.max(1),
        })
    }

    /// Has `model` answer both turns of every question in every run, journaled in `folder` as `turn-1.jsonl` and
    /// `turn-2.jsonl`. `settings.limit` is not looked at: the questions are those that were read.
    ///
    /// # Errors
    ///
    /// As [`run`].
    pub fn answer(
        &self,
        model: &mut dyn Model,
        settings: Settings,
        seed: u64,
        folder: &Path,
    ) -> Result<Vec<Talk>, EvalError> {
        let settings = Settings {
            limit: None,
            ..settings
        };
        // A greedy answer is the same in every run.
        let asked: Vec<(usize, usize)> = (0..self.questions.len())
            .flat_map(|question| {
                let greedy = self.questions[question].temperature() <= 0.0;
                (0..if greedy { 1 } else { self.runs }).map(move |run| (question, run))
            })
            .collect();
        let mut turns = [Vec::new(), Vec::new()];
        for turn in 0..2 {
            let before = turns[0].clone();
            let items = asked.iter().enumerate().map(|(place, at)| {
                let before = before.get(place).map(String::as_str);
                self.item(*at, before, seed)
            });
            let items: Vec<Item> = items.collect();
            let journal = folder.join(format!("turn-{}.jsonl", turn + 1));
            let rows = run(&items, model, settings, &journal)?;
            turns[turn] = rows.into_iter().map(|row| trimmed(row.answer)).collect();
        }
        let [first, second] = turns;
        let answers = first.into_iter().zip(second);
        let talk = |(&(question, run), (first, second))| Talk {
            question,
            run,
            answers: [first, second],
        };
        let talks: Vec<Talk> = asked.iter().zip(answers).map(talk).collect();
        Ok(self.repeated(talks))
    }

    /// The talks with greedy ones in every run, by question and then by run.
    fn repeated(&self, talks: Vec<Talk>) -> Vec<Talk> {
        let all = talks.into_iter().flat_map(|talk| {
            let greedy = self.questions[talk.question].temperature() <= 0.0;
            let runs = if greedy {
                0..self.runs
            } else {
                talk.run..talk.run + 1
            };
            runs.map(move |run| Talk {
                run,
                ..talk.clone()
            })
        });
        all.collect()
    }

    /// One turn of a question as an item; the second one follows the answer to the first.
    fn item(&self, (at, run): (usize, usize), first: Option<&str>, seed: u64) -> Item {
        let question = &self.questions[at];
        let turn = |role, content: &str| Message {
            role,
            content: content.to_owned(),
        };
        let mut turns = vec![turn(Role::User, &question.turns[0])];
        if let Some(answer) = first {
            turns.push(turn(Role::Assistant, answer));
            turns.push(turn(Role::User, &question.turns[1]));
        }
        let id = format!("{}/{}", question.name(), run + 1);
        let temperature = question.temperature();
        let draw = Draw {
            temperature,
            top_p: 1.0,
            seed: seed_of(seed, &format!("{id}/{}", turns.len())),
        };
        Item {
            id: id.into(),
            group: question.kind.clone(),
            ask: Ask::Generate {
                prompt: Prompt::Chat(turns),
                stops: Vec::new(),
                max_new_tokens: JUDGED_TOKENS,
                draw: (0.0 < temperature).then_some(draw),
            },
            gold: Gold::Judged,
        }
    }

    /// Two questions to the judge for each talk: its first turn, and both with an eye on the second.
    ///
    /// Talks about a question, or of a run, that the benchmark has not are passed over.
    #[must_use]
    pub fn requests(&self, talks: &[Talk]) -> Vec<JudgeRequest> {
        let both = self
            .known(talks)
            .into_iter()
            .flat_map(|talk| [0, 1].map(|turn| self.request(talk, turn)));
        both.collect()
    }

    fn known<'a>(&self, talks: &'a [Talk]) -> Vec<&'a Talk> {
        let has = |talk: &&Talk| talk.question < self.questions.len() && talk.run < self.runs;
        talks.iter().filter(has).collect()
    }

    fn request(&self, talk: &Talk, turn: usize) -> JudgeRequest {
        let question = &self.questions[talk.question];
        let [question_1, question_2] = &question.turns;
        let [answer_1, answer_2] = &talk.answers;
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
        let id = format!("{}/{}/turn-{}", question.name(), talk.run + 1, turn + 1);
        JudgeRequest::new(id, system, fill(user, &values))
    }

    /// The means of the ratings in `judgements`, one for each of [`Self::requests`]: `score` over both turns,
    /// `turn_1`, `turn_2`, and `score` of each kind of question.
    ///
    /// Intervals are over questions: what a question got in all turns and runs goes in or out together.
    #[must_use]
    pub fn summarize(&self, talks: &[Talk], judgements: &[String], draws: &Draws) -> Judged {
        let mut ratings: Vec<[Vec<f64>; 2]> =
            self.questions.iter().map(|_| Default::default()).collect();
        let mut of_runs = vec![Vec::new(); self.runs];
        let mut unread = Vec::new();
        let talks = self.known(talks);
        let pairs = talks.iter().flat_map(|&talk| [(talk, 0), (talk, 1)]);
        for ((talk, turn), text) in pairs.zip(judgements) {
            match rating(text) {
                Some(rating) => {
                    ratings[talk.question][turn].push(rating);
                    of_runs[talk.run].push(rating);
                }
                None => unread.push(self.request(talk, turn).id),
            }
        }
        let blank = |talk: &&&Talk| talk.answers.iter().any(|answer| answer.trim().is_empty());
        Judged {
            judgements: judgements.len().min(2 * talks.len()),
            unread,
            empty: talks.iter().filter(blank).count(),
            runs: of_runs.iter().filter_map(|all| mean(all)).collect(),
            summary: self.means(&ratings, draws),
        }
    }

    fn means(&self, ratings: &[[Vec<f64>; 2]], draws: &Draws) -> Summary {
        let mut all: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
        let mut kinds: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        let mut rows = Vec::new();
        for (question, [first, second]) in self.questions.iter().zip(ratings) {
            let both = [first.as_slice(), second].concat();
            let mut row = BTreeMap::new();
            for (name, values) in [("score", &both), ("turn_1", first), ("turn_2", second)] {
                let Some(mean) = mean(values) else { continue };
                row.insert(name.to_owned(), mean);
                let weight = values.len() as f64;
                all.entry(name.to_owned()).or_default().push((mean, weight));
            }
            kinds.entry(question.kind.clone()).or_default().extend(both);
            rows.push(row);
        }
        let scores = all
            .into_iter()
            .filter_map(|(name, values)| Some((name, weighted(&values, draws)?)));
        let groups = kinds.into_iter().filter_map(|(kind, values)| {
            let score = BTreeMap::from([("score".to_owned(), mean(&values)?)]);
            Some((kind, score))
        });
        Summary {
            items: self.questions.len(),
            scores: scores.collect(),
            groups: groups.collect(),
            rows,
        }
    }

    /// The id of each question, in the order of the summary's rows.
    #[must_use]
    pub fn ids(&self) -> Vec<Id> {
        self.questions
            .iter()
            .map(|question| question.id.clone())
            .collect()
    }
}

fn trimmed(answer: Answer) -> String {
    match answer {
        Answer::Text(text) => text.trim().to_owned(),
        Answer::Likelihoods(_) => String::new(),
    }
}
