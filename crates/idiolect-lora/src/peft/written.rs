//! `adapter_config.json` as it is written for PEFT.

use idiolect_model::Wrapper;
use serde_json::{Map, Value, json};

use crate::{Init, LoraConfig, Scaling, Targets};

/// The base model as an adapter's folder records it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BaseModel<'a> {
    /// Its name.
    pub name: &'a str,
    /// The branch, tag or commit at which it was taken from the Hub, where one was named.
    pub revision: Option<&'a str>,
}

impl<'a> From<&'a str> for BaseModel<'a> {
    fn from(name: &'a str) -> Self {
        Self {
            name,
            revision: None,
        }
    }
}

impl<'a> From<&'a String> for BaseModel<'a> {
    fn from(name: &'a String) -> Self {
        name.as_str().into()
    }
}

/// What PEFT reads; `base` is what it records as the base model.
pub(super) fn to_json(config: &LoraConfig, base: BaseModel<'_>, wrapper: Wrapper) -> Value {
    let (wide, more) = widened(config);
    let ranks = config.rank_pattern.iter();
    let ranks: Map<String, Value> = ranks
        .map(|(key, r)| (key.clone(), json!(r * wide)))
        .collect();
    let alphas = config.alpha_pattern.iter();
    let alphas: Map<String, Value> = alphas
        .map(|(key, alpha)| (key.clone(), number(alpha * more)))
        .collect();
    let (targets, layers) = match (&config.targets, wrapper.body()) {
        (Targets::Pattern(pattern), _) => (json!(pattern), &config.layers),
        // PEFT would find names in a vision tower too, and takes no layers beside a pattern.
        (names, Some(body)) => (
            json!(within(body, &names.names(), config.layers.as_deref())),
            &None,
        ),
        (names, None) => (json!(names.names()), &config.layers),
    };
    let init = if config.init == Init::Gaussian {
        json!("gaussian")
    } else {
        json!(true)
    };
    let whole = &config.modules_to_save;
    let whole = (!whole.is_empty()).then_some(whole);
    let mut json = json!({
        "peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": base.name,
        "r": config.rank * wide, "lora_alpha": number(config.alpha * more),
        "lora_dropout": config.dropout, "bias": "none",
        "target_modules": targets, "use_rslora": config.scaling == Scaling::RankStabilized,
        "use_dora": config.dora, "fan_in_fan_out": false, "inference_mode": true,
        "init_lora_weights": init, "modules_to_save": whole,
        "layers_to_transform": layers, "layers_pattern": null,
        "rank_pattern": ranks, "alpha_pattern": alphas, "revision": base.revision,
    });
    if config.ensure_weight_tying && whole.is_some() {
        // Versions of PEFT that do not know this option still read every other adapter.
        json["ensure_weight_tying"] = true.into();
    }
    if config.lora_bias {
        json["lora_bias"] = true.into();
    }
    if let Some(excluded) = &config.exclude_modules {
        json["exclude_modules"] = match excluded {
            Targets::Pattern(pattern) => json!(pattern),
            names => json!(names.names()),
        };
    }
    json
}

/// An expression for the modules of these names, or ends of names, in one part of a model.
fn within(body: &str, names: &[String], layers: Option<&[usize]>) -> String {
    let any = |all: Vec<String>| format!("(?:{})", all.join("|"));
    let part = format!("{body}.");
    let (whole, ends): (Vec<&String>, Vec<&String>) =
        names.iter().partition(|name| name.contains(&part));
    let mut choices: Vec<String> = whole
        .iter()
        .map(|name| fancy_regex::escape(name).into_owned())
        .collect();
    if !ends.is_empty() {
        let ends = any(ends
            .iter()
            .map(|name| fancy_regex::escape(name).into_owned())
            .collect());
        let numbers = layers.map(|all| any(all.iter().map(ToString::to_string).collect()));
        let blocks = numbers.map(|numbers| format!(r"layers\.{numbers}\."));
        let blocks = blocks.unwrap_or_default();
        choices.push(format!(r".*{body}\.{blocks}(?:.*\.)?{ends}"));
    }
    choices.join("|")
}

/// How rank and alpha grow where the start is stored beside the factors: the scale stays what it was.
fn widened(config: &LoraConfig) -> (usize, f64) {
    match (config.init, config.scaling) {
        (init, _) if !init.is_of_weight() => (1, 1.0),
        (_, Scaling::Standard) => (2, 2.0),
        (_, Scaling::RankStabilized) => (2, 2f64.sqrt()),
    }
}

/// Whole numbers are written as such, as PEFT writes them.
fn number(value: f64) -> Value {
    let whole = format!("{value:.0}").parse::<i64>();
    match whole {
        Ok(whole) if value.fract() == 0.0 => json!(whole),
        _ => json!(value),
    }
}
