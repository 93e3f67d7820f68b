//! The built-in templates and presets, and how they are found by name.

mod context;
mod general;
mod mt_bench;
mod nift;
mod sdft;

use crate::{ContextTemplate, DistillTemplate, NamedTemplate, Preset, PromptError};

impl NamedTemplate {
    /// The built-in template of that name.
    ///
    /// # Errors
    ///
    /// [`PromptError::UnknownTemplate`] names those that there are.
    pub fn by_name(name: &str) -> Result<Self, PromptError> {
        let found = templates().into_iter().find(|own| own.name == name);
        found.ok_or_else(|| unknown(name, Self::names()))
    }

    /// The names of all built-in templates, the general ones first, then those of the presets.
    #[must_use]
    pub fn names() -> Vec<String> {
        templates().into_iter().map(|own| own.name).collect()
    }
}

impl ContextTemplate {
    /// The built-in template of that name.
    ///
    /// # Errors
    ///
    /// [`PromptError::UnknownTemplate`] names those that there are.
    pub fn by_name(name: &str) -> Result<Self, PromptError> {
        let found = context::all().into_iter().find(|own| own.name == name);
        found.ok_or_else(|| unknown(name, Self::names()))
    }

    /// The names of all built-in templates.
    #[must_use]
    pub fn names() -> Vec<String> {
        context::all().into_iter().map(|own| own.name).collect()
    }
}

impl DistillTemplate {
    /// "Using the reference answer as a guide": Alpaca, Dolly, LIMA and `OpenHermes`.
    #[must_use]
    pub fn using() -> Self {
        sdft::main::using()
    }

    /// "Refer to the reference answer": `OpenFunctions` and `MagiCoder`.
    #[must_use]
    pub fn refer() -> Self {
        sdft::main::refer()
    }

    /// A math question with its reference answer, in Llama 2's markup: GSM8K.
    #[must_use]
    pub fn gsm8k() -> Self {
        sdft::main::gsm8k_distill()
    }

    /// No reference at all: the model answers as it would anyway, in the form of Alpaca where no chat
    /// template is around it.
    #[must_use]
    pub fn unaided() -> Self {
        general::unaided()
    }

    /// The built-in template of that name, `unaided` or one of a preset, with or without its preset; without, it
    /// is that of `sdft-2402/main`.
    ///
    /// # Errors
    ///
    /// [`PromptError::UnknownTemplate`] names those that there are.
    pub fn by_name(name: &str) -> Result<Self, PromptError> {
        let (preset, short) = name.rsplit_once('/').unwrap_or((sdft::main::NAME, name));
        let full = format!("{preset}/{short}");
        let is_meant = |own: &Self| own.name() == name || own.name() == full;
        let found = distill_templates().into_iter().find(is_meant);
        found.ok_or_else(|| unknown(name, Self::names()))
    }

    /// The names that [`DistillTemplate::by_name`] takes: the short ones, then those with their preset.
    #[must_use]
    pub fn names() -> Vec<String> {
        let full = distill_templates().into_iter().map(|own| own.form.name);
        let full: Vec<String> = full.collect();
        let of_main = |name: &String| {
            name.strip_prefix(sdft::main::NAME)?
                .strip_prefix('/')
                .map(str::to_owned)
        };
        let short: Vec<String> = full.iter().filter_map(of_main).collect();
        [short, full].concat()
    }
}

impl Preset {
    /// `sdft-2402/main`, `sdft-2402/reproduce`, `nift-2409` or `mt-bench`.
    ///
    /// # Errors
    ///
    /// [`PromptError::UnknownTemplate`] names those that there are.
    pub fn by_name(name: &str) -> Result<Self, PromptError> {
        let found = presets().into_iter().find(|preset| preset.name == name);
        let names = || presets().into_iter().map(|preset| preset.name);
        found.ok_or_else(|| unknown(name, names().collect()))
    }
}

fn presets() -> [Preset; 4] {
    [
        sdft::main::preset(),
        sdft::reproduce::preset(),
        nift::preset(),
        mt_bench::preset(),
    ]
}

fn templates() -> Vec<NamedTemplate> {
    let of_presets = presets().into_iter().flat_map(|preset| preset.templates);
    general::templates().into_iter().chain(of_presets).collect()
}

fn distill_templates() -> Vec<DistillTemplate> {
    let of_presets = presets().into_iter().flat_map(|preset| preset.distill);
    std::iter::once(general::unaided())
        .chain(of_presets)
        .collect()
}

fn unknown(name: &str, known: Vec<String>) -> PromptError {
    PromptError::UnknownTemplate {
        name: name.into(),
        known,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_templates_keep_the_rules_and_can_be_written_as_files() {
        for template in templates() {
            let text = toml::to_string(&template).unwrap();
            assert_eq!(NamedTemplate::from_toml(&text).unwrap(), template, "{text}");
        }
        for template in distill_templates() {
            let text = toml::to_string(&template).unwrap();
            let read = DistillTemplate::from_toml(&text).unwrap();
            assert_eq!(read, template, "{text}");
        }
    }
}
