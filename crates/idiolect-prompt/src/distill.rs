//! Prompts that ask a model to say a reference answer in its own words.
//!
//! The templates are those of the self-distillation paper (arXiv 2402.13669), Eq. 3:
//! `y~ = f(y | c, x, y)`. Which rewrites are kept is not decided here.

use idiolect_data::{Example, Message, Role};

use crate::{NamedTemplate, PromptError, Rendered, general, preset, slots::fill, table};

/// A distillation template as data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DistillTemplate {
    /// The raw form; its user turns hold the reference answer.
    pub form: NamedTemplate,
    /// A user turn without markup, for use inside a chat template.
    pub chat_user: &'static str,
}

impl DistillTemplate {
    /// Ends a rewrite inside a chat template, beside the end of turn: small models go on with a
    /// heading of the template.
    pub const CHAT_STOP: &str = "###";

    /// "Using the reference answer as a guide": Alpaca, Dolly, LIMA and `OpenHermes`.
    #[must_use]
    pub fn using() -> Self {
        table::MAIN_USING
    }

    /// "Refer to the reference answer": `OpenFunctions` and `MagiCoder`.
    #[must_use]
    pub fn refer() -> Self {
        table::MAIN_REFER
    }

    /// A math question with its reference answer, in Llama 2's markup: GSM8K.
    #[must_use]
    pub fn gsm8k() -> Self {
        table::MAIN_GSM8K_DISTILL
    }

    /// No reference at all: the model answers as it would anyway, in the form of Alpaca where no chat
    /// template is around it.
    #[must_use]
    pub fn unaided() -> Self {
        general::UNAIDED
    }

    /// The template of that name, `unaided` or one of a preset, with or without its preset; without, it is that of
    /// `sdft-2402/main`.
    ///
    /// # Errors
    ///
    /// [`PromptError::UnknownTemplate`] names those that there are.
    pub fn by_name(name: &str) -> Result<Self, PromptError> {
        let (preset, short) = name.rsplit_once('/').unwrap_or((preset::MAIN.name, name));
        let own = std::iter::once(&general::UNAIDED);
        let all = || {
            own.clone()
                .chain(preset::ALL.iter().flat_map(|preset| preset.distill))
        };
        let full = format!("{preset}/{short}");
        all()
            .find(|template| [name, &full].contains(&template.form.name))
            .copied()
            .ok_or_else(|| {
                let known = all().map(|template| template.form.name).collect();
                PromptError::UnknownTemplate {
                    name: name.into(),
                    known,
                }
            })
    }

    /// Its name with its preset, as `sdft-2402/main/using`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.form.name
    }

    /// The raw form of the prompt for rewriting the example's response.
    ///
    /// Earlier user turns carry their reference answers too, as the reference program shows them.
    /// A system message of the example comes before the template's own.
    #[must_use]
    pub fn prompt(&self, example: &Example) -> Rendered {
        let mut messages = example.messages.clone();
        let own = self.form.default_system;
        if let Some(first) = messages
            .first_mut()
            .filter(|first| first.role == Role::System)
        {
            first.content = format!("{}\n\n{own}", first.content);
        }
        self.form.render(&messages, example.prompt().len())
    }

    /// The same question as messages, to be rendered by the checkpoint's own chat template.
    ///
    /// The template's system text opens the first user turn, because some chat templates refuse a
    /// system message; the example's own system message stays one.
    /// Generation should stop at [`CHAT_STOP`](Self::CHAT_STOP).
    #[must_use]
    pub fn messages(&self, example: &Example) -> Vec<Message> {
        let all = &example.messages;
        if *self == general::UNAIDED {
            return example.prompt().to_vec();
        }
        let mut opening = Some(self.form.default_system);
        let mut asked = |at: usize, turn: &Message| {
            let reference = all.get(at + 1).map_or("", |next| next.content.as_str());
            let question = text(self.chat_user, &turn.content, reference);
            let content = match opening.take() {
                Some(system) => format!("{system}\n\n{question}"),
                None => question,
            };
            Message {
                role: Role::User,
                content,
            }
        };
        let turns = example.prompt().iter().enumerate();
        turns
            .map(|(at, turn)| match turn.role {
                Role::User => asked(at, turn),
                Role::System | Role::Assistant => turn.clone(),
            })
            .collect()
    }
}

fn text(pattern: &str, content: &str, reference: &str) -> String {
    let value = |text: &str| {
        vec![crate::Segment {
            text: text.into(),
            trained: false,
            content: true,
        }]
    };
    let filled = fill(pattern, &value(content), &value(reference), false);
    filled.into_iter().map(|segment| segment.text).collect()
}
