//! A conversation with a model: each turn is answered with the whole conversation before it; with and without its
//! adapter side by side, where that is asked for.

use std::ops::ControlFlow;

use idiolect_completion::Progress;
use idiolect_data::{Message, Role};
use idiolect_generate::{Generated, GenerationSettings};

use crate::adapters::check_folders;
use crate::{
    GenerateRun, LanguageModel, LmError, ModelPrompt, ModelSettings, WeightedAdapter, on_threads,
};

/// What a conversation is held with.
#[derive(Debug, Clone, Default)]
pub struct ChatSettings {
    /// The model.
    pub model: ModelSettings,
    /// Adapters that are put on it together; none for the model alone.
    pub adapters: Vec<WeightedAdapter>,
    /// How answers are generated.
    pub generation: GenerationSettings,
    /// Seed of the draws; each turn has draws of its own.
    pub seed: u64,
    /// System text before the first turn. Default: none.
    pub system: Option<String>,
    /// Whether the base model answers beside the adapted one, each with its own conversation. Default: false.
    pub beside: bool,
}

/// Who answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChatSide {
    /// The model without its adapters.
    Base,
    /// The model with them, or alone where there are none.
    Model,
}

/// A conversation under way.
pub struct Chat {
    settings: ChatSettings,
    sides: Vec<(ChatSide, LanguageModel, Vec<Message>)>,
    turns: u64,
}

impl Chat {
    /// Opens the model for a conversation.
    ///
    /// # Errors
    ///
    /// [`LmError`] for settings out of range, and a model or an adapter that cannot be opened.
    pub fn open(settings: ChatSettings, progress: &dyn Progress) -> Result<Self, LmError> {
        settings.generation.check()?;
        check_folders(&settings.adapters)?;
        let sides = on_threads(settings.model.threads, || {
            let base = LanguageModel::load(&settings.model, progress)?;
            let model = base.load_adapters(&settings.adapters)?;
            let mut sides = vec![(ChatSide::Model, model, Vec::new())];
            if settings.beside {
                sides.insert(0, (ChatSide::Base, base, Vec::new()));
            }
            Ok::<_, LmError>(sides)
        })?;
        Ok(Self {
            settings,
            sides,
            turns: 0,
        })
    }

    /// Answers a turn and hands over the text of each side as it grows; the conversation then has turn and answer.
    ///
    /// Where `on_text` breaks off, the conversation has the part that was written.
    ///
    /// # Errors
    ///
    /// [`LmError`] for a conversation that the template does not take, or that leaves no room for an answer; the
    /// conversation is then as it was.
    pub fn say(
        &mut self,
        text: &str,
        on_text: &mut (dyn FnMut(ChatSide, &str) -> ControlFlow<()> + Send),
    ) -> Result<(), LmError> {
        let run = GenerateRun {
            seed: self.settings.seed.wrapping_add(self.turns),
            ignore_eos: false,
        };
        let mut answers = Vec::new();
        for (side, model, before) in &self.sides {
            let mut turns = before.clone();
            turns.push(Message::new(Role::User, text));
            let asked = ModelPrompt::Messages(self.with_system(turns.clone()));
            let mut written = String::new();
            let done = on_threads(self.settings.model.threads, || {
                model.stream(asked, &self.settings.generation, run, &mut |piece| {
                    written += piece;
                    on_text(*side, piece)
                })
            })?;
            let answer = done.map_or(written, |Generated { text, .. }| text);
            turns.push(Message::new(Role::Assistant, answer));
            answers.push(turns);
        }
        for ((.., history), turns) in self.sides.iter_mut().zip(answers) {
            *history = turns;
        }
        self.turns += 1;
        Ok(())
    }

    /// Takes back the last turn with its answers; false where there is none.
    pub fn undo(&mut self) -> bool {
        let had_some = self.sides.iter().any(|(.., history)| !history.is_empty());
        for (.., history) in &mut self.sides {
            history.truncate(history.len().saturating_sub(2));
        }
        had_some
    }

    /// Begins anew, with another system text or none.
    pub fn begin_anew(&mut self, system: Option<String>) {
        self.settings.system = system;
        for (.., history) in &mut self.sides {
            history.clear();
        }
    }

    /// The system text.
    #[must_use]
    pub fn system(&self) -> Option<&str> {
        self.settings.system.as_deref()
    }

    fn with_system(&self, turns: Vec<Message>) -> Vec<Message> {
        let system = self.settings.system.iter();
        let system = system.map(|text| Message::new(Role::System, text.as_str()));
        system.chain(turns).collect()
    }
}
