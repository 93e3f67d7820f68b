//! The templates that belong to no paper, and the slots that those of the papers share with them.
//!
//! Sources: Alpaca's text is that of tatsu-lab/stanford_alpaca with a newline behind its last
//! heading, as the `sdft-2402` forms have it; `llama2`, `llama3`, `chatml` and `zephyr` write what
//! the chat templates of those checkpoints write, `mistral` what the model card of Mistral 7B
//! Instruct spells out, a system message before the first question. `mistral-v1` to `mistral-v7-tekken` give the
//! tokens that the vendor's own encoder gives (mistral-common 1.13.1), for the tokenizers of these versions.

use crate::Slot::{Bos, Eos};
use crate::{DistillTemplate, NamedTemplate, Slot};

/// The message and nothing else.
pub(crate) const CONTENT: &str = "{{content}}";
pub(crate) const ALPACA_SYSTEM: &str = "Below is an instruction that describes a task. \
    Write a response that appropriately completes the request.";
const ALPACA_USER: &str = "### Instruction:\n{{content}}\n\n### Response:\n";
const LLAMA2_SYSTEM: &str = "<<SYS>>\n{{content}}\n<</SYS>>\n\n";
const LLAMA3_SYSTEM: &str = "<|start_header_id|>system<|end_header_id|>\n\n{{content}}<|eot_id|>";
const LLAMA3_USER: &str = "<|start_header_id|>user<|end_header_id|>\n\n{{content}}<|eot_id|>\
     <|start_header_id|>assistant<|end_header_id|>\n\n";
/// The end of a turn of Llama 3.
pub(crate) const EOT: &str = "<|eot_id|>";

/// An empty line.
pub(crate) fn gap() -> Slot {
    Slot::text("\n\n")
}

/// A question of Alpaca.
pub(crate) fn alpaca_user() -> Slot {
    Slot::text(ALPACA_USER)
}

/// A question of Llama 2 and of Mistral.
pub(crate) fn instruction() -> Slot {
    Slot::text("[INST] {{content}} [/INST]")
}

/// The system text of Llama 2.
pub(crate) fn llama2_system() -> Slot {
    Slot::text(LLAMA2_SYSTEM)
}

/// The system turn of Llama 3.
pub(crate) fn llama3_system() -> Slot {
    Slot::text(LLAMA3_SYSTEM)
}

/// A question of Llama 3.
pub(crate) fn llama3_user() -> Slot {
    Slot::text(LLAMA3_USER)
}

/// All of them.
pub(crate) fn templates() -> Vec<NamedTemplate> {
    vec![
        alpaca(),
        vanilla(),
        llama2(),
        llama3(),
        mistral(),
        chatml(),
        zephyr(),
        mistral_v1(),
        mistral_v3("mistral-v3"),
        mistral_v3("mistral-v3-tekken"),
        mistral_v7("mistral-v7"),
        mistral_v7("mistral-v7-tekken"),
    ]
}

/// Plain text with the marks of text: the base that the others change.
pub(crate) fn vanilla() -> NamedTemplate {
    NamedTemplate {
        name: "vanilla".into(),
        ..NamedTemplate::default()
    }
}

fn alpaca() -> NamedTemplate {
    NamedTemplate {
        name: "alpaca".into(),
        default_system: ALPACA_SYSTEM.into(),
        user: vec![alpaca_user()],
        separator: vec![gap()],
        ..vanilla()
    }
}

/// No reference is shown.
pub(crate) fn unaided() -> DistillTemplate {
    DistillTemplate {
        form: NamedTemplate {
            name: "unaided".into(),
            ..alpaca()
        },
        chat_user: CONTENT.into(),
        chat_system: Some(String::new()),
        chat_opening: String::new(),
    }
}

pub(crate) fn llama2() -> NamedTemplate {
    NamedTemplate {
        name: "llama2".into(),
        start: Vec::new(),
        system: vec![llama2_system()],
        system_in_user: true,
        user: vec![Bos, instruction()],
        assistant: vec![Slot::text(" {{content}} "), Eos],
        ..vanilla()
    }
}

/// Header and message are encoded apart, as llama-models encodes them: a message may begin with line ends.
pub(crate) fn llama3() -> NamedTemplate {
    let turn = |role: &str| {
        [
            Slot::text(format!("<|start_header_id|>{role}<|end_header_id|>\n\n")),
            Slot::text(CONTENT),
            Slot::text(EOT),
        ]
    };
    let answer = Slot::text("<|start_header_id|>assistant<|end_header_id|>\n\n");
    NamedTemplate {
        name: "llama3".into(),
        system: turn("system").to_vec(),
        empty_system: true,
        user: turn("user").into_iter().chain([answer]).collect(),
        assistant: vec![Slot::text(CONTENT), Slot::text(EOT)],
        joined: false,
        stops: vec![EOT.into()],
        ..vanilla()
    }
}

pub(crate) fn mistral() -> NamedTemplate {
    NamedTemplate {
        name: "mistral".into(),
        system_in_user: true,
        user: vec![instruction()],
        assistant: vec![Slot::text(" {{content}}"), Eos],
        ..vanilla()
    }
}

fn mistral_v1() -> NamedTemplate {
    NamedTemplate {
        name: "mistral-v1".into(),
        assistant: vec![Slot::text(CONTENT), Eos],
        joined: false,
        ..mistral()
    }
}

/// Tokenizers of `SentencePiece` and of tekken are given the same: each part is encoded by itself.
fn mistral_v3(name: &str) -> NamedTemplate {
    NamedTemplate {
        name: name.into(),
        system_in_last: true,
        user: vec![
            Slot::Token("[INST]".into()),
            Slot::text(CONTENT),
            Slot::Token("[/INST]".into()),
        ],
        strip_response_end: true,
        ..mistral_v1()
    }
}

fn mistral_v7(name: &str) -> NamedTemplate {
    let mark = |name: &str| Slot::Token(name.into());
    NamedTemplate {
        system: vec![
            mark("[SYSTEM_PROMPT]"),
            Slot::text(CONTENT),
            mark("[/SYSTEM_PROMPT]"),
        ],
        system_in_user: false,
        system_in_last: false,
        empty_system: true,
        ..mistral_v3(name)
    }
}

fn chatml() -> NamedTemplate {
    NamedTemplate {
        name: "chatml".into(),
        start: Vec::new(),
        system: vec![Slot::text("<|im_start|>system\n{{content}}<|im_end|>\n")],
        user: vec![Slot::text(
            "<|im_start|>user\n{{content}}<|im_end|>\n<|im_start|>assistant\n",
        )],
        assistant: vec![Slot::text("{{content}}<|im_end|>")],
        separator: vec![Slot::text("\n")],
        stops: vec!["<|im_end|>".into()],
        ..vanilla()
    }
}

pub(crate) fn zephyr() -> NamedTemplate {
    NamedTemplate {
        name: "zephyr".into(),
        start: Vec::new(),
        system: vec![Slot::text("<|system|>\n{{content}}"), Eos, Slot::text("\n")],
        user: vec![
            Slot::text("<|user|>\n{{content}}"),
            Eos,
            Slot::text("\n<|assistant|>\n"),
        ],
        separator: vec![Slot::text("\n")],
        ..vanilla()
    }
}
