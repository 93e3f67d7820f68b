//! Options of the model and of the device that it computes on.
#![allow(
    clippy::doc_markdown,
    reason = "what clap prints as help has no markup"
)]

use clap::Args;
use serde::Serialize;

/// Which model, and where it computes.
#[derive(Args, Debug, Clone, Default, Serialize)]
#[command(next_help_heading = "Model and device")]
pub(crate) struct ModelOptions {
    /// Hugging Face folder, .gguf file, or the name of a model on the Hub, owner/name
    #[arg(long)]
    pub model: Option<String>,
    /// Branch, tag or commit of a model on the Hub, as owner/name@revision has it too [default: main]
    #[arg(long)]
    pub revision: Option<String>,
    /// Where it computes: cpu (also called flex), cuda, cuda:1, vulkan, wgpu, metal, or remote:ID of another
    /// machine that runs idiolect lend [default: cpu]
    #[arg(long)]
    pub device: Option<String>,
    /// Type of weights and activations: f32, bf16, f16 [default: on the CPU f32, beside matrices of a GGUF
    /// file as they are stored; elsewhere that of the weights]
    #[arg(long)]
    pub dtype: Option<String>,
    /// Keep the projections in 8 or 4 bits [default: in the type of the rest]
    #[arg(long, value_name = "BITS")]
    pub quantize: Option<u8>,
    /// Threads of the CPU [default: all cores]
    #[arg(long)]
    pub threads: Option<usize>,
    /// Day that a chat template prints where it asks for today's [default: the one recorded with the model or
    /// adapter, else none: templates print a date of their own, or are refused]
    #[arg(long, value_name = "YYYY-MM-DD")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// Set by the command that has an option for it.
    #[arg(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
}

impl ModelOptions {
    /// The same with a template, which is an option of the command's own.
    pub(crate) fn with_template(&self, template: Option<&String>) -> Self {
        let template = template.cloned();
        Self {
            template,
            ..self.clone()
        }
    }
}
