//! The published settings of the papers, as data.
//!
//! The two of self-distillation differ in where the beginning-of-text token stands, in what separates system text and
//! question, and in cutting off white space; `main` follows sail-sg/sdft@bfb6c255 with
//! `LLaMA-Factory` 0.6.3, `reproduce` sail-sg/sdft@953518bc with 0.3.3. Dropout and sampling, in
//! which they differ or agree too, belong to those who train and generate.
//! That of non-instructional fine-tuning (arXiv 2409.00096) trains by template vanilla of
//! `LLaMA-Factory` 0.5: no mark before the text, first and second part encoded by themselves.

use crate::{DistillTemplate, NamedTemplate, PromptError, bench, table};

/// The templates of one published setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preset {
    /// Its name.
    pub name: &'static str,
    /// For training and for answering.
    pub templates: &'static [NamedTemplate],
    /// For rewriting.
    pub distill: &'static [DistillTemplate],
}

impl Preset {
    /// `sdft-2402/main`, `sdft-2402/reproduce`, `nift-2409` or `mt-bench`.
    ///
    /// # Errors
    ///
    /// [`PromptError::UnknownTemplate`] names those that there are.
    pub fn by_name(name: &str) -> Result<Self, PromptError> {
        let known = || ALL.iter().map(|preset| preset.name).collect();
        let found = ALL.iter().find(|preset| preset.name == name).copied();
        found.ok_or_else(|| PromptError::UnknownTemplate {
            name: name.into(),
            known: known(),
        })
    }
}

pub(crate) const MAIN: Preset = Preset {
    name: "sdft-2402/main",
    templates: &[
        table::MAIN_ALPACA,
        table::MAIN_ALPACA_GCG,
        table::MAIN_GSM8K,
        table::MAIN_GSM8K_INFER,
        table::MAIN_LLAMA3_GSM8K,
        table::MAIN_LLAMA3_GSM8K_INFER,
    ],
    distill: &[
        table::MAIN_USING,
        table::MAIN_REFER,
        table::MAIN_GSM8K_DISTILL,
        table::MAIN_LLAMA3_GSM8K_DISTILL,
    ],
};

pub(crate) const REPRODUCE: Preset = Preset {
    name: "sdft-2402/reproduce",
    templates: &[
        table::REPRODUCE_ALPACA,
        table::REPRODUCE_ALPACA_GCG,
        table::REPRODUCE_GSM8K,
        table::REPRODUCE_GSM8K_INFER,
    ],
    distill: &[
        table::REPRODUCE_USING,
        table::REPRODUCE_REFER,
        table::REPRODUCE_GSM8K_DISTILL,
    ],
};

pub(crate) const NIFT: Preset = Preset {
    name: "nift-2409",
    templates: &[table::NIFT_VANILLA],
    distill: &[],
};

/// The five conversations of MT-bench in arXiv 2409.00096.
pub(crate) const MT_BENCH: Preset = Preset {
    name: "mt-bench",
    templates: bench::TEMPLATES,
    distill: &[],
};

pub(crate) const ALL: [Preset; 4] = [MAIN, REPRODUCE, NIFT, MT_BENCH];
