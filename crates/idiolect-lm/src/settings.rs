//! Which model, and where it computes: the part of a configuration file that opens a language model.

use idiolect_prompt::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Dtype, LmError};

/// Which model, and where it computes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ModelSettings {
    /// Hugging Face folder, .gguf file, or the name of a model on the Hub (owner/name or owner/name@revision).
    #[serde(skip_serializing_if = "String::is_empty")]
    pub model: String,
    /// Branch, tag or commit of a model on the Hub; main by default.
    pub revision: Option<String>,
    /// Where it computes: cpu (also called flex), cuda, cuda:1, vulkan, wgpu, metal, or remote:ID of another
    /// machine; cpu by default.
    pub device: String,
    /// Type of weights and activations: f32, bf16 or f16. By default f32 on the CPU, where matrices of a GGUF file of
    /// four to eight bits stay as they are stored; on other devices the type of the checkpoint's weights, bf16 where
    /// those are quantised, and f32 where the device does not compute in it.
    pub dtype: Option<Dtype>,
    /// Bits in which the projections are kept, 8 or 4; by default they have the type of the rest.
    pub quantize: Option<u8>,
    /// Threads of the CPU, 1 to 1024; as many as cores by default.
    pub threads: Option<usize>,
    /// Template of a conversation: a name, or the path of a .jinja or a .toml file. By default the checkpoint's
    /// own chat template, and alpaca where it has none.
    pub template: Option<String>,
    /// The day that a chat template prints where it asks for today's, as 2025-01-31. By default the one that is
    /// recorded beside the model or the adapter, else none: templates then print a date of their own, and those that
    /// have none are refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<Date>,
}

impl Default for ModelSettings {
    fn default() -> Self {
        Self {
            model: String::new(),
            revision: None,
            device: "cpu".into(),
            dtype: None,
            quantize: None,
            threads: None,
            template: None,
            date: None,
        }
    }
}

impl ModelSettings {
    /// The settings of a model with everything else as it is by default.
    #[must_use]
    pub fn of(model: &str) -> Self {
        Self {
            model: model.into(),
            ..Self::default()
        }
    }

    /// Refuses what can be refused without a look at the model or the device.
    ///
    /// # Errors
    ///
    /// [`LmError::Setting`] for no model, a device that was not compiled in or of a machine that does not
    /// answer, a number of bits other than 8 and 4 or beside such a device, and threads outside 1 to 1024.
    pub fn check(&self) -> Result<(), LmError> {
        if self.model.is_empty() {
            return Err(LmError::setting("model", "a model", "nothing"));
        }
        crate::device::check_elsewhere(&self.device, self.quantize)?;
        crate::device::named(&self.device)?;
        self.quantize.map(crate::device::bits).transpose()?;
        self.threads.map_or(Ok(()), crate::device::check_threads)
    }
}
