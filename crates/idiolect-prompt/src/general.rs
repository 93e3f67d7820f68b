//! The templates that belong to no paper, as data, and the slots that those of the papers share with them.
//!
//! Sources: Alpaca's text is that of tatsu-lab/stanford_alpaca with a newline behind its last
//! heading, as the `sdft-2402` forms have it; `llama2`, `llama3`, `chatml` and `zephyr` write what
//! the chat templates of those checkpoints write, `mistral` what the model card of Mistral 7B
//! Instruct spells out, a system message before the first question.

use crate::Slot::{Bos, Eos, Text};
use crate::{DistillTemplate, NamedTemplate, Slot};

pub(crate) const CONTENT: Slot = Text("{{content}}");
pub(crate) const GAP: Slot = Text("\n\n");

pub(crate) const ALPACA_SYSTEM: &str = "Below is an instruction that describes a task. \
    Write a response that appropriately completes the request.";
pub(crate) const ALPACA_USER: Slot = Text("### Instruction:\n{{content}}\n\n### Response:\n");
/// A question of Llama 2 and of Mistral.
pub(crate) const INSTRUCTION: Slot = Text("[INST] {{content}} [/INST]");
pub(crate) const LLAMA2_SYSTEM: Slot = Text("<<SYS>>\n{{content}}\n<</SYS>>\n\n");
pub(crate) const LLAMA3_SYSTEM: Slot =
    Text("<|start_header_id|>system<|end_header_id|>\n\n{{content}}<|eot_id|>");
pub(crate) const LLAMA3_USER: Slot = Text(
    "<|start_header_id|>user<|end_header_id|>\n\n{{content}}<|eot_id|>\
     <|start_header_id|>assistant<|end_header_id|>\n\n",
);
/// The end of a turn of Llama 3.
pub(crate) const EOT: &str = "<|eot_id|>";

/// Plain text with the marks of text: the base that the others change.
pub(crate) const VANILLA: NamedTemplate = NamedTemplate {
    name: "vanilla",
    default_system: "",
    start: &[Bos],
    system: &[Text("{{content}}\n\n")],
    system_in_user: false,
    user: &[CONTENT],
    assistant: &[CONTENT, Eos],
    separator: &[],
    joined: true,
    strip: false,
    stops: &[],
    stop_texts: &[],
};

pub(crate) const ALPACA: NamedTemplate = NamedTemplate {
    name: "alpaca",
    default_system: ALPACA_SYSTEM,
    user: &[ALPACA_USER],
    separator: &[GAP],
    ..VANILLA
};

/// No reference is shown.
pub(crate) const UNAIDED: DistillTemplate = DistillTemplate {
    form: NamedTemplate {
        name: "unaided",
        ..ALPACA
    },
    chat_user: "{{content}}",
};

pub(crate) const LLAMA2: NamedTemplate = NamedTemplate {
    name: "llama2",
    start: &[],
    system: &[LLAMA2_SYSTEM],
    system_in_user: true,
    user: &[Bos, INSTRUCTION],
    assistant: &[Text(" {{content}} "), Eos],
    ..VANILLA
};

pub(crate) const LLAMA3: NamedTemplate = NamedTemplate {
    name: "llama3",
    system: &[LLAMA3_SYSTEM],
    user: &[LLAMA3_USER],
    assistant: &[Text("{{content}}<|eot_id|>")],
    stops: &[EOT],
    ..VANILLA
};

pub(crate) const MISTRAL: NamedTemplate = NamedTemplate {
    name: "mistral",
    system_in_user: true,
    user: &[INSTRUCTION],
    assistant: &[Text(" {{content}}"), Eos],
    ..VANILLA
};

const CHATML: NamedTemplate = NamedTemplate {
    name: "chatml",
    start: &[],
    system: &[Text("<|im_start|>system\n{{content}}<|im_end|>\n")],
    user: &[Text(
        "<|im_start|>user\n{{content}}<|im_end|>\n<|im_start|>assistant\n",
    )],
    assistant: &[Text("{{content}}<|im_end|>")],
    separator: &[Text("\n")],
    stops: &["<|im_end|>"],
    ..VANILLA
};

pub(crate) const ZEPHYR: NamedTemplate = NamedTemplate {
    name: "zephyr",
    start: &[],
    system: &[Text("<|system|>\n{{content}}"), Eos, Text("\n")],
    user: &[
        Text("<|user|>\n{{content}}"),
        Eos,
        Text("\n<|assistant|>\n"),
    ],
    separator: &[Text("\n")],
    ..VANILLA
};

/// All of them.
pub(crate) const GENERAL: &[NamedTemplate] =
    &[ALPACA, VANILLA, LLAMA2, LLAMA3, MISTRAL, CHATML, ZEPHYR];
