//! The classes of decoders that are read: what each calls itself, what its absent settings mean, and which switches
//! of the decoder it turns.
//!
//! A class is one file of this folder and a line of [`ALL`]; `docs/guides/new-model-class.md` says how to add one.
//! Defaults are those of the class's configuration in transformers 5.24.

mod biases;
mod family;
mod granite;
mod llama;
mod ministral3;
mod mistral;
mod qwen2;
mod qwen3;
mod smollm3;
mod window;

use std::fmt;

use self::family::Family;
pub(crate) use self::family::{Asked, Shape};
use super::fields::Fields;
use crate::ModelError;

/// Every class, in the order in which errors name them.
const ALL: [&Family; 7] = [
    &llama::FAMILY,
    &mistral::FAMILY,
    &ministral3::FAMILY,
    &qwen2::FAMILY,
    &qwen3::FAMILY,
    &smollm3::FAMILY,
    &granite::FAMILY,
];

/// A class of decoders, by the name that its checkpoints give it; it decides what a configuration means and how it
/// is written back.
#[derive(Clone, Copy)]
pub struct Architecture(&'static Family);

impl Architecture {
    /// The class of this name in `architectures`.
    #[must_use]
    pub fn of_class(name: &str) -> Option<Self> {
        ALL.into_iter().find(|one| one.class == name).map(Self)
    }

    /// The class of this name in `model_type`.
    #[must_use]
    pub fn of_model_type(name: &str) -> Option<Self> {
        ALL.into_iter().find(|one| one.model_type == name).map(Self)
    }

    /// Every class that is read.
    pub fn all() -> impl Iterator<Item = Self> {
        ALL.into_iter().map(Self)
    }

    /// The class name in `architectures`.
    #[must_use]
    pub fn class(self) -> &'static str {
        self.0.class
    }

    /// The name in `model_type`.
    #[must_use]
    pub fn model_type(self) -> &'static str {
        self.0.model_type
    }

    /// Whether `class` is a form of this class: its body alone (`LlamaModel`), with another head, or as it was
    /// spelt once (`LLaMAForCausalLM`).
    fn is_form(self, class: &str) -> bool {
        let stem = self.0.class.trim_end_matches("ForCausalLM").to_lowercase();
        class.to_lowercase().starts_with(&stem)
    }

    pub(super) fn family(self) -> &'static Family {
        self.0
    }
}

impl PartialEq for Architecture {
    fn eq(&self, other: &Self) -> bool {
        self.0.class == other.0.class
    }
}

impl Eq for Architecture {}

impl fmt::Debug for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.class)
    }
}

/// Which class a configuration is of: by `model_type`, as in transformers, else by `architectures`.
///
/// Where both are known classes they must agree: programs differ in which of them they follow.
pub(super) fn architecture(raw: &Fields<'_>) -> Result<Architecture, ModelError> {
    let class = raw.class();
    let kind = raw.text("model_type")?;
    let by_class = class.and_then(Architecture::of_class);
    let stranger = |found: Architecture| class.is_some_and(|class| !found.is_form(class));
    match (kind, kind.and_then(Architecture::of_model_type), by_class) {
        (_, Some(found), None) if stranger(found) => {
            let expected = format!(
                "{}, as model_type says {}",
                found.class(),
                found.model_type()
            );
            Err(raw.wrong("architectures", &expected, class.unwrap_or_default()))
        }
        (Some(kind), Some(found), Some(other)) if found != other => Err(raw.wrong(
            "model_type",
            &format!(
                "{}, as architectures says {}",
                other.model_type(),
                other.class()
            ),
            kind,
        )),
        (Some(_), Some(found), _) | (None, _, Some(found)) => Ok(found),
        _ => {
            let names: Vec<_> = ALL.iter().map(|one| one.class).collect();
            let expected = format!("one of {}", names.join(", "));
            let found = kind.filter(|_| by_class.is_some()).or(class).or(kind);
            let by_kind = by_class.is_some() || (class.is_none() && kind.is_some());
            let field = if by_kind {
                "model_type"
            } else {
                "architectures"
            };
            Err(raw.wrong(field, &expected, found.unwrap_or("nothing")))
        }
    }
}
