//! Preset `sdft-2402/reproduce`: the slots of branch `reproduce` of sail-sg/sdft
//! (`src/llmtuner/data/template.py`, @953518bc, on `LLaMA-Factory` 0.3.3).
//!
//! The beginning-of-text token is before the system text and before every later question, an empty line
//! between system text and question, and white space is cut off.

use super::main;
use super::texts::{
    ALPACA_GCG_USER, MATH_DISTILL_SYSTEM, MATH_DISTILL_USER, MATH_INFER_SYSTEM, MATH_OPENING,
    MATH_REFERENCE, MATH_SYSTEM, REFER_SYSTEM, REFERENCE, USING_SYSTEM,
};
use crate::Slot::Bos;
use crate::builtin::general::{CONTENT, gap, instruction, llama2_system};
use crate::{DistillTemplate, NamedTemplate, Preset, Slot};

/// All of it.
pub(crate) fn preset() -> Preset {
    Preset {
        name: "sdft-2402/reproduce".into(),
        templates: vec![alpaca(), alpaca_gcg(), gsm8k(), gsm8k_infer()],
        distill: vec![using(), refer(), gsm8k_distill()],
    }
}

fn alpaca() -> NamedTemplate {
    NamedTemplate {
        name: "sdft-2402/reproduce/alpaca".into(),
        start: vec![Bos],
        system: vec![Slot::text(CONTENT), gap()],
        separator: vec![gap(), Bos],
        strip: true,
        ..main::alpaca()
    }
}

fn alpaca_gcg() -> NamedTemplate {
    NamedTemplate {
        name: "sdft-2402/reproduce/alpaca_gcg".into(),
        user: vec![Slot::text(ALPACA_GCG_USER)],
        ..alpaca()
    }
}

fn using() -> DistillTemplate {
    let form = NamedTemplate {
        name: "sdft-2402/reproduce/using".into(),
        default_system: USING_SYSTEM.into(),
        user: vec![Slot::text(REFERENCE)],
        ..alpaca()
    };
    DistillTemplate::new(form, REFERENCE)
}

fn refer() -> DistillTemplate {
    let form = NamedTemplate {
        name: "sdft-2402/reproduce/refer".into(),
        default_system: REFER_SYSTEM.into(),
        ..using().form
    };
    DistillTemplate::new(form, REFERENCE)
}

fn gsm8k() -> NamedTemplate {
    NamedTemplate {
        name: "sdft-2402/reproduce/gsm8k".into(),
        default_system: MATH_SYSTEM.into(),
        system: vec![llama2_system()],
        user: vec![instruction()],
        separator: vec![Bos],
        ..alpaca()
    }
}

fn gsm8k_infer() -> NamedTemplate {
    NamedTemplate {
        name: "sdft-2402/reproduce/gsm8k_infer".into(),
        default_system: MATH_INFER_SYSTEM.into(),
        ..gsm8k()
    }
}

fn gsm8k_distill() -> DistillTemplate {
    let form = NamedTemplate {
        default_system: MATH_DISTILL_SYSTEM.into(),
        user: vec![Slot::text(MATH_DISTILL_USER)],
        ..gsm8k()
    };
    DistillTemplate {
        chat_opening: MATH_OPENING.into(),
        ..DistillTemplate::new(form, MATH_REFERENCE)
    }
}
