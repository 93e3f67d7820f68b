//! The architectures of GGUF files that are read, and what their settings are called.
//!
//! Names and the order of rows are those of llama.cpp's `convert_hf_to_gguf.py`; what a file does not say is what
//! `llama.cpp` takes for granted.

/// An architecture by its name in `general.architecture`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Architecture {
    /// Llama and Mistral alike.
    Llama,
    /// Ministral 3.
    Mistral3,
    Qwen2,
    Qwen3,
    SmolLm3,
    Granite,
}

impl Architecture {
    const ALL: [Self; 6] = [
        Self::Llama,
        Self::Mistral3,
        Self::Qwen2,
        Self::Qwen3,
        Self::SmolLm3,
        Self::Granite,
    ];

    /// The architecture of this name.
    pub(super) fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }

    /// Its name, with which the keys of its settings begin.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Llama => "llama",
            Self::Mistral3 => "mistral3",
            Self::Qwen2 => "qwen2",
            Self::Qwen3 => "qwen3",
            Self::SmolLm3 => "smollm3",
            Self::Granite => "granite",
        }
    }

    /// All names, for errors.
    pub(super) fn names() -> String {
        Self::ALL.map(Self::name).join(", ")
    }

    /// Whether the converter turned the rotary pairs of query and key rows into neighbours.
    pub(super) fn turns_rows(self) -> bool {
        !matches!(self, Self::Qwen2 | Self::Qwen3)
    }

    /// The architecture that a decoder is written as; none for a class that `llama.cpp` has none for.
    #[cfg(feature = "gguf")]
    pub(super) fn of_config(config: &crate::ModelConfig) -> Option<Self> {
        if config.wrapper == crate::Wrapper::Mistral3 {
            return Some(Self::Mistral3);
        }
        let class = config.architecture.model_type();
        let is_of = |one: &Self| {
            [false, true]
                .map(|has| one.model_type(has))
                .contains(&class)
        };
        Self::ALL.into_iter().find(is_of)
    }

    /// The class of a Hugging Face checkpoint, by its `model_type`; `has_window` tells Mistral from Llama, whose
    /// class has none.
    pub(super) fn model_type(self, has_window: bool) -> &'static str {
        match self {
            Self::Llama if has_window => "mistral",
            Self::Llama => "llama",
            Self::Mistral3 => "ministral3",
            Self::Qwen2 => "qwen2",
            Self::Qwen3 => "qwen3",
            Self::SmolLm3 => "smollm3",
            Self::Granite => "granite",
        }
    }
}
