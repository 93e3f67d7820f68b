//! A decoder that stands inside a model of text and images, which names its parts in its own way.
//!
//! The text part is read and computed with; what else the checkpoint holds is carried over to what is written.
//! Names in files are those that the Hub's checkpoints have and that transformers 5 writes; names in memory, which
//! PEFT's adapters follow, are others (`Mistral3ForConditionalGeneration`).

use serde_json::{Map, Value};

use super::fields::Fields;
use crate::ModelError;

/// What a decoder stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Wrapper {
    /// Nothing: the checkpoint is the decoder.
    #[default]
    None,
    /// `Mistral3ForConditionalGeneration`: Mistral Small 3.1 and 3.2, Ministral 3, with a vision tower.
    Mistral3,
}

/// The wrapper's class.
const MISTRAL3: &str = "Mistral3ForConditionalGeneration";
/// Where the configuration of the decoder stands in that of the wrapper.
const TEXT: &str = "text_config";
/// What its setting is called in errors.
const TEXT_PART: &str = "text_config.";

impl Wrapper {
    /// The class in `architectures`, where there is a wrapper.
    #[must_use]
    pub fn class(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Mistral3 => Some(MISTRAL3),
        }
    }

    /// The path of a module in memory, as PEFT's adapters name it: `model.layers.0.self_attn.q_proj` becomes
    /// `model.language_model.layers.0.self_attn.q_proj`. `path` is that of a decoder that stands alone.
    #[must_use]
    pub fn module_path(self, path: &str) -> String {
        match (self, path.strip_prefix("model.")) {
            (Self::Mistral3, Some(rest)) => format!("model.language_model.{rest}"),
            _ => path.into(),
        }
    }

    /// The part of [`Wrapper::module_path`] that all modules of the decoder's body share, `language_model` or nothing.
    #[must_use]
    pub fn body(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Mistral3 => Some("language_model"),
        }
    }

    /// The name that a tensor of the decoder has in a file that is written.
    pub(crate) fn stored_name(self, name: &str) -> String {
        match self {
            Self::None => name.into(),
            Self::Mistral3 => format!("language_model.{name}"),
        }
    }

    /// The name that a tensor beside the decoder has in a file that is written.
    pub(crate) fn stored_rest(self, name: &str) -> &str {
        match self {
            Self::None => name,
            Self::Mistral3 => name.strip_prefix("model.").unwrap_or(name),
        }
    }

    /// The name of a stored tensor in a decoder that stands alone; none for a part of the rest.
    pub(crate) fn own_name(self, stored: &str) -> Option<String> {
        if self == Self::None {
            return Some(stored.into());
        }
        if let Some(rest) = stored.strip_prefix("model.language_model.") {
            return Some(format!("model.{rest}"));
        }
        let own = stored.strip_prefix("language_model.");
        own.or_else(|| stored.starts_with("lm_head.").then_some(stored))
            .map(Into::into)
    }
}

/// The settings of the decoder, and what it stands in.
pub(super) fn text_part<'a>(whole: &Fields<'a>) -> Result<(Fields<'a>, Wrapper), ModelError> {
    let is = |class: &str, kind: &str| {
        whole.class() == Some(class) || whole.get("model_type").is_some_and(|found| found == kind)
    };
    if !is(MISTRAL3, "mistral3") {
        return Ok((*whole, Wrapper::None));
    }
    whole.refuse_quantized()?;
    let text = whole.object(TEXT)?;
    let text = text.ok_or_else(|| whole.wrong(TEXT, "the settings of the text part", "nothing"))?;
    Ok((whole.of_part(text, TEXT_PART), Wrapper::Mistral3))
}

/// The configuration of a wrapper with that of its decoder inside.
pub(super) fn wrapped(
    wrapper: Wrapper,
    outer: &Map<String, Value>,
    mut text: Map<String, Value>,
) -> Map<String, Value> {
    let mut json = outer.clone();
    for old in ["dtype", "transformers_version"] {
        json.remove(old);
    }
    // Class and type belong to the whole model.
    text.remove("architectures");
    json.entry("architectures")
        .or_insert_with(|| Value::from_iter(wrapper.class()));
    if let Some(dtype) = text.remove("torch_dtype") {
        json.insert("torch_dtype".into(), dtype);
    }
    if let Some(tied) = text.get("tie_word_embeddings") {
        json.insert("tie_word_embeddings".into(), tied.clone());
    }
    json.insert(TEXT.into(), text.into());
    json
}
