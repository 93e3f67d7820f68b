//! The base model's own answers to prompts that are not the task's: drawn once, and how likely it finds them.

use std::ops::ControlFlow;

use idiolect_completion::{Progress, Quiet};
use idiolect_data::{counted, id_text};
use idiolect_generate::{Generated, GenerationSettings, Request};
use idiolect_lm::{GenerateRun, LanguageModel, ModelPrompt};
use idiolect_tokens::{IGNORE, TokenRow};

use crate::journal::{Answer, Kept, Owner, SEED};
use crate::plain_text::PlainText;
use crate::prompts::prompts;
use crate::{ForgettingError, ForgettingPlace, ForgettingSettings};

/// Prompts that are answered, and answers that are scored, together.
const GROUP: usize = 8;

/// What the base model says of itself: its answers and its loss on plain text. Tuned models are held against it.
#[derive(Debug, Clone)]
pub struct BaseAnswers {
    pub(crate) answers: Vec<Answer>,
    pub(crate) plain: PlainText,
    /// Prompts that were too long for the model.
    pub(crate) left_out: usize,
}

/// A prompt that fits the model, at its place among all of them.
struct Asked {
    place: usize,
    id: String,
    ids: Vec<u32>,
    key: String,
}

impl BaseAnswers {
    /// Has the base model answer the prompts, by sampling at temperature 1 with a seed of its own for each prompt,
    /// and measures its loss on these answers and on the plain texts. What journal and cache have is not drawn
    /// again. An adapter that the model has on is taken off.
    ///
    /// # Errors
    ///
    /// [`ForgettingError::Setting`] for settings out of range, and where no prompt fits the model;
    /// [`ForgettingError::Differs`] for a journal of another base model, prompt or setting;
    /// [`ForgettingError::Lm`], [`ForgettingError::Data`] and [`ForgettingError::Text`] for prompts and texts that
    /// cannot be read or encoded, and a model that fails.
    pub fn draw(
        model: &LanguageModel,
        settings: &ForgettingSettings,
        place: &ForgettingPlace,
        progress: &dyn Progress,
    ) -> Result<Self, ForgettingError> {
        settings.check(0)?;
        let base = model.without_adapter();
        let owner = Owner::new(&base, settings)?;
        let mut kept = Kept::open(place, &owner)?;
        let (asked, left_out) = asked(&base, settings, &owner, progress)?;
        let keys: Vec<String> = asked.iter().map(|one| one.key.clone()).collect();
        kept.hold(&keys)?;
        draw_missing(&base, settings, &asked, &mut kept, progress)?;
        let answers = keys.iter().filter_map(|key| kept.rows.get(key).cloned());
        Ok(Self {
            answers: answers.collect(),
            plain: PlainText::of(&base, settings.forgetting_text.as_deref(), progress)?,
            left_out,
        })
    }

    /// How many answers there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.answers.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.answers.is_empty()
    }
}

/// The first prompts that leave room for an answer, and how many before them do not.
fn asked(
    base: &LanguageModel,
    settings: &ForgettingSettings,
    owner: &Owner,
    progress: &dyn Progress,
) -> Result<(Vec<Asked>, usize), ForgettingError> {
    let wanted = settings.prompts(0);
    let (mut fitting, mut left_out) = (Vec::new(), 0);
    for (place, row) in prompts(settings.forgetting_prompts.as_deref())?
        .iter()
        .enumerate()
    {
        if fitting.len() == wanted {
            break;
        }
        let ids = base.prompt_ids(&row.prompt)?;
        if ids.len() + settings.forgetting_tokens > base.max_positions() {
            left_out += 1;
            continue;
        }
        let (id, key) = (id_text(&row.id), owner.key(place, &ids));
        fitting.push(Asked {
            place,
            id,
            ids,
            key,
        });
    }
    if fitting.is_empty() && wanted > 0 {
        let expected = "prompts that leave the model room for an answer";
        return Err(ForgettingError::setting(
            "forgetting_prompts",
            expected,
            "none",
        ));
    }
    if left_out > 0 {
        progress.note(&format!(
            "forgetting: prompts left out, since an answer does not fit the model behind them: {left_out}"
        ));
    }
    if fitting.len() < wanted {
        progress.note(&format!(
            "forgetting: {} in place of {wanted}",
            counted(fitting.len(), "prompt", "prompts")
        ));
    }
    Ok((fitting, left_out))
}

/// Draws the answers that are missing. A group with one of them is drawn whole, so that each has the seed and the
/// batch that it would have in a run that was never interrupted.
fn draw_missing(
    base: &LanguageModel,
    settings: &ForgettingSettings,
    asked: &[Asked],
    kept: &mut Kept,
    progress: &dyn Progress,
) -> Result<(), ForgettingError> {
    let missing = asked.iter().filter(|one| !kept.rows.contains_key(&one.key));
    let missing = missing.count();
    if missing == 0 {
        return Ok(());
    }
    progress.note(&format!(
        "forgetting: the base model answers {} with up to {} each, once",
        counted(missing, "prompt", "prompts"),
        counted(settings.forgetting_tokens, "token", "tokens")
    ));
    progress.begin("base model's own answers", asked.len());
    for group in asked.chunks(GROUP) {
        if group.iter().any(|one| !kept.rows.contains_key(&one.key)) {
            for row in answered(base, settings, group)? {
                if !kept.rows.contains_key(&row.key) {
                    kept.append(row)?;
                }
            }
        }
        progress.advance(group.len());
    }
    progress.end();
    kept.keep();
    Ok(())
}

/// The answers to a group of prompts.
fn answered(
    base: &LanguageModel,
    settings: &ForgettingSettings,
    group: &[Asked],
) -> Result<Vec<Answer>, ForgettingError> {
    let sampled = GenerationSettings {
        max_new_tokens: settings.forgetting_tokens,
        temperature: 1.0,
        generation_batch_size: GROUP,
        ..GenerationSettings::default()
    };
    let run = GenerateRun {
        seed: group
            .first()
            .map_or(SEED, |one| Request::row_seed(SEED, one.place)),
        ignore_eos: false,
    };
    let prompts = group.iter().map(|one| ModelPrompt::Tokens(one.ids.clone()));
    let prompts: Vec<ModelPrompt> = prompts.collect();
    let texts = base.generate(&prompts, &sampled, run, &mut |_| ControlFlow::Continue(()))?;
    let rows = group.iter().zip(texts);
    let mut rows: Vec<Answer> = rows.map(|(one, text)| one.answered(text)).collect();
    let nll = scored(base, &rows, &Quiet)?;
    for (row, nll) in rows.iter_mut().zip(nll) {
        row.base_nll = nll;
    }
    Ok(rows)
}

impl Asked {
    /// The answer's row, its likelihood not yet known.
    fn answered(&self, text: Generated) -> Answer {
        let mut answer = text.token_ids;
        answer.extend(text.stop_token);
        Answer {
            id: self.id.clone(),
            key: self.key.clone(),
            text: text.text,
            prompt: self.ids.clone(),
            ids: answer,
            base_nll: 0.0,
        }
    }
}

impl Answer {
    /// The row to score: the answer's tokens behind the prompt's.
    fn row(&self) -> TokenRow {
        let input_ids: Vec<u32> = self.prompt.iter().chain(&self.ids).copied().collect();
        let label = |(place, id): (usize, &u32)| {
            let is_answer = place >= self.prompt.len();
            if is_answer { i64::from(*id) } else { IGNORE }
        };
        TokenRow {
            id: self.id.clone().into(),
            labels: input_ids.iter().enumerate().map(label).collect(),
            input_ids,
            teacher: Vec::new(),
        }
    }
}

/// Negative log-likelihood of each answer under a model, in nats. The same groups are computed together for every
/// model, so that a model that did not move gives the same numbers.
pub(crate) fn scored(
    model: &LanguageModel,
    answers: &[Answer],
    progress: &dyn Progress,
) -> Result<Vec<f64>, ForgettingError> {
    let mut nll = Vec::with_capacity(answers.len());
    progress.begin("base model's answers under the tuned model", answers.len());
    for group in answers.chunks(GROUP) {
        let rows: Vec<TokenRow> = group.iter().map(Answer::row).collect();
        let scores = model.score(&rows, GROUP, &Quiet)?;
        nll.extend(scores.iter().map(|score| rounded(score.nll)));
        progress.advance(group.len());
    }
    progress.end();
    Ok(nll)
}

/// To the millionth, which a file holds exactly: answers that are read back give the same numbers.
fn rounded(nll: f64) -> f64 {
    (nll * 1e6).round() / 1e6
}
