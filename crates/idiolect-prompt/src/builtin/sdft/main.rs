//! Preset `sdft-2402/main`: the slots of branch `main` of sail-sg/sdft (`main.py`, @bfb6c255, on
//! `LLaMA-Factory` 0.6.3).
//!
//! Each slot is encoded by itself, nothing separates system text and question, and Alpaca has no
//! beginning-of-text token.

use super::texts::{
    ALPACA_GCG_USER, LLAMA3_DISTILL_USER, MATH_DISTILL_SYSTEM, MATH_DISTILL_USER,
    MATH_INFER_SYSTEM, MATH_OPENING, MATH_REFERENCE, MATH_SYSTEM, REFER_SYSTEM, REFERENCE,
    USING_SYSTEM,
};
use crate::Slot::Bos;
use crate::builtin::general::{
    ALPACA_SYSTEM, CONTENT, EOT, alpaca_user, gap, instruction, llama2_system, llama3_system,
    llama3_user, vanilla,
};
use crate::{DistillTemplate, NamedTemplate, Preset, Slot};

/// The name of the preset.
pub(crate) const NAME: &str = "sdft-2402/main";

/// All of it.
pub(crate) fn preset() -> Preset {
    Preset {
        name: NAME.into(),
        templates: vec![
            alpaca(),
            alpaca_gcg(),
            gsm8k(),
            gsm8k_infer(),
            llama3_gsm8k(),
            llama3_gsm8k_infer(),
        ],
        distill: vec![using(), refer(), gsm8k_distill(), llama3_gsm8k_distill()],
    }
}

pub(crate) fn alpaca() -> NamedTemplate {
    NamedTemplate {
        name: "sdft-2402/main/alpaca".into(),
        default_system: ALPACA_SYSTEM.into(),
        start: Vec::new(),
        system: vec![Slot::text(CONTENT)],
        user: vec![alpaca_user()],
        separator: vec![gap()],
        joined: false,
        ..vanilla()
    }
}

fn alpaca_gcg() -> NamedTemplate {
    NamedTemplate {
        name: "sdft-2402/main/alpaca_gcg".into(),
        user: vec![Slot::text(ALPACA_GCG_USER)],
        ..alpaca()
    }
}

pub(crate) fn using() -> DistillTemplate {
    let form = NamedTemplate {
        name: "sdft-2402/main/using".into(),
        default_system: USING_SYSTEM.into(),
        user: vec![Slot::text(REFERENCE)],
        ..alpaca()
    };
    DistillTemplate::new(form, REFERENCE)
}

pub(crate) fn refer() -> DistillTemplate {
    let form = NamedTemplate {
        name: "sdft-2402/main/refer".into(),
        default_system: REFER_SYSTEM.into(),
        ..using().form
    };
    DistillTemplate::new(form, REFERENCE)
}

/// The system block is before the beginning-of-text token and outside `[INST]`: the reference
/// program's Llama 2 class is chosen by name, and this name is another.
fn gsm8k() -> NamedTemplate {
    NamedTemplate {
        name: "sdft-2402/main/gsm8k".into(),
        default_system: MATH_SYSTEM.into(),
        system: vec![llama2_system()],
        user: vec![Bos, instruction()],
        separator: Vec::new(),
        ..alpaca()
    }
}

fn gsm8k_infer() -> NamedTemplate {
    NamedTemplate {
        name: "sdft-2402/main/gsm8k_infer".into(),
        default_system: MATH_INFER_SYSTEM.into(),
        ..gsm8k()
    }
}

pub(crate) fn gsm8k_distill() -> DistillTemplate {
    let form = NamedTemplate {
        default_system: MATH_DISTILL_SYSTEM.into(),
        user: vec![Bos, Slot::text(MATH_DISTILL_USER)],
        ..gsm8k()
    };
    DistillTemplate {
        chat_opening: MATH_OPENING.into(),
        ..DistillTemplate::new(form, MATH_REFERENCE)
    }
}

fn llama3_gsm8k() -> NamedTemplate {
    NamedTemplate {
        name: "sdft-2402/main/llama3_gsm8k".into(),
        default_system: MATH_SYSTEM.into(),
        system: vec![Bos, llama3_system()],
        user: vec![llama3_user()],
        assistant: vec![Slot::text(CONTENT), Slot::Token(EOT.into())],
        separator: Vec::new(),
        stops: vec![EOT.into()],
        ..alpaca()
    }
}

fn llama3_gsm8k_infer() -> NamedTemplate {
    NamedTemplate {
        name: "sdft-2402/main/llama3_gsm8k_infer".into(),
        default_system: MATH_INFER_SYSTEM.into(),
        ..llama3_gsm8k()
    }
}

fn llama3_gsm8k_distill() -> DistillTemplate {
    let form = NamedTemplate {
        default_system: MATH_DISTILL_SYSTEM.into(),
        user: vec![Slot::text(LLAMA3_DISTILL_USER)],
        ..llama3_gsm8k()
    };
    DistillTemplate {
        chat_opening: MATH_OPENING.into(),
        ..DistillTemplate::new(form, MATH_REFERENCE)
    }
}
