//! `adapter_config.json`: rank, scale and places, in and out.
//!
//! An option that would change the arithmetic and is not supported is refused by name.

use std::path::Path;

use idiolect_input::{limits, read_bytes, shown};
use idiolect_model::Wrapper;
use serde_json::{Map, Value, json};

use crate::{Init, LoraConfig, LoraError, Scaling, Targets};

pub(super) const CONFIG: &str = "adapter_config.json";

/// Reads the configuration of an adapter folder.
///
/// # Errors
///
/// [`LoraError::Io`], [`LoraError::Json`] and [`LoraError::Setting`] as for [`crate::load_adapter`].
pub fn read_adapter_config(folder: &Path) -> Result<LoraConfig, LoraError> {
    let path = folder.join(CONFIG);
    let bytes = read_bytes(&path, &limits::CONFIG_BYTES).map_err(|source| LoraError::Io {
        path: path.clone(),
        source,
    })?;
    let json: Map<String, Value> =
        serde_json::from_slice(&bytes).map_err(|source| LoraError::Json {
            path: path.clone(),
            source,
        })?;
    let options = Options {
        json: &json,
        path: &path,
    };
    options.refuse_unsupported()?;
    options.config()
}

struct Options<'a> {
    json: &'a Map<String, Value>,
    path: &'a Path,
}

impl Options<'_> {
    fn get(&self, field: &str) -> Option<&Value> {
        self.json.get(field).filter(|value| !value.is_null())
    }

    fn is_on(&self, field: &str) -> Result<bool, LoraError> {
        let on = self.get(field).map_or(Some(false), Value::as_bool);
        on.ok_or_else(|| self.wrong(field, "true or false"))
    }

    fn wrong(&self, field: &str, expected: &str) -> LoraError {
        LoraError::Setting {
            place: self.path.display().to_string(),
            field: field.into(),
            expected: expected.into(),
            found: self.get(field).map_or("nothing".into(), |value| {
                shown(&value.to_string(), 80).into_owned()
            }),
        }
    }

    fn config(&self) -> Result<LoraConfig, LoraError> {
        let rank = self.get("r").and_then(whole).filter(|rank| *rank > 0);
        let rank = rank.ok_or_else(|| self.wrong("r", "a positive whole number"))?;
        let alpha = self.get("lora_alpha").and_then(Value::as_f64);
        let alpha = alpha.ok_or_else(|| self.wrong("lora_alpha", "a number"))?;
        let scaling = if self.is_on("use_rslora")? {
            Scaling::RankStabilized
        } else {
            Scaling::Standard
        };
        let dropout = self.get("lora_dropout").map_or(Some(0.0), Value::as_f64);
        Ok(LoraConfig {
            rank,
            alpha,
            targets: self.targets()?,
            scaling,
            layers: self.layers()?,
            rank_pattern: self.pattern("rank_pattern", whole)?,
            alpha_pattern: self.pattern("alpha_pattern", Value::as_f64)?,
            dora: self.is_on("use_dora")?,
            dropout: dropout.ok_or_else(|| self.wrong("lora_dropout", "a number"))?,
            init: self.init()?,
            modules_to_save: self.modules_to_save()?,
            ensure_weight_tying: self.is_on("ensure_weight_tying")?,
        })
    }

    /// Refuses whatever changes the arithmetic and is not at its plain value.
    fn refuse_unsupported(&self) -> Result<(), LoraError> {
        if self.get("peft_type").is_some_and(|kind| kind != "LORA") {
            return Err(self.wrong("peft_type", "LORA"));
        }
        if self.get("bias").is_some_and(|bias| bias != "none") {
            return Err(self.wrong("bias", "none"));
        }
        let plain = |value: &Value| match value {
            Value::Bool(on) => !on,
            Value::Array(list) => list.is_empty(),
            Value::Object(map) => map.is_empty(),
            _ => false,
        };
        let fields = [
            "use_qalora",
            "use_bdlora",
            "lora_bias",
            "fan_in_fan_out",
            "exclude_modules",
            "layer_replication",
            "trainable_token_indices",
            "alora_invocation_tokens",
            "target_parameters",
            "arrow_config",
            "kasa_config",
            "monteclora_config",
            "velora_config",
        ];
        match fields
            .iter()
            .find(|field| self.get(field).is_some_and(|value| !plain(value)))
        {
            Some(field) => Err(self.wrong(field, "off: this option is not supported")),
            None => Ok(()),
        }
    }

    fn targets(&self) -> Result<Targets, LoraError> {
        let wrong = || self.wrong("target_modules", "names, or one regular expression");
        match self.get("target_modules") {
            Some(Value::String(all)) if all == "all-linear" => Ok(Targets::AllLinear),
            Some(Value::String(pattern)) => Ok(Targets::Pattern(pattern.clone())),
            Some(Value::Array(names)) => {
                let name = |name: &Value| name.as_str().map(str::to_owned);
                let names: Option<Vec<_>> = names.iter().map(name).collect();
                names.map(Targets::Names).ok_or_else(wrong)
            }
            _ => Err(wrong()),
        }
    }

    fn modules_to_save(&self) -> Result<Vec<String>, LoraError> {
        let names = self.get("modules_to_save");
        let list = names.map_or(Some(&[][..]), |names| names.as_array().map(Vec::as_slice));
        let name = |name: &Value| name.as_str().map(str::to_owned);
        let list = list.and_then(|list| list.iter().map(name).collect());
        list.ok_or_else(|| self.wrong("modules_to_save", "a list of names"))
    }

    /// Blocks to adapt: a number or a list of them, counted below `model.layers`.
    fn layers(&self) -> Result<Option<Vec<usize>>, LoraError> {
        let pattern = self.get("layers_pattern");
        let ours = |pattern: &Value| pattern == "layers" || *pattern == json!(["layers"]);
        let none = |pattern: &Value| pattern == "" || *pattern == json!([]);
        if pattern.is_some_and(|pattern| !ours(pattern) && !none(pattern)) {
            return Err(self.wrong("layers_pattern", "layers"));
        }
        let Some(layers) = self.get("layers_to_transform") else {
            return Ok(None);
        };
        let list: Option<Vec<usize>> = match layers {
            Value::Array(list) => list.iter().map(whole).collect(),
            one => whole(one).map(|layer| vec![layer]),
        };
        let list = list.ok_or_else(|| self.wrong("layers_to_transform", "numbers of blocks"))?;
        Ok((!list.is_empty()).then_some(list))
    }

    fn pattern<T>(
        &self,
        field: &str,
        value: impl Fn(&Value) -> Option<T>,
    ) -> Result<Vec<(String, T)>, LoraError> {
        let wrong = || self.wrong(field, "numbers by regular expression");
        let Some(map) = self.get(field) else {
            return Ok(Vec::new());
        };
        let pairs = map.as_object().ok_or_else(wrong)?.iter();
        let pairs = pairs.map(|(key, number)| Some((key.clone(), value(number)?)));
        pairs.collect::<Option<_>>().ok_or_else(wrong)
    }

    /// The start, where it matters for what the file's factors mean: `pissa` alone changes the weight.
    fn init(&self) -> Result<Init, LoraError> {
        match self.get("init_lora_weights") {
            None | Some(Value::Bool(_)) => Ok(Init::Kaiming),
            Some(Value::String(name)) => match name.as_str() {
                "gaussian" => Ok(Init::Gaussian),
                "pissa" => Ok(Init::Pissa),
                "eva" | "orthogonal" => Ok(Init::Kaiming),
                _ => Err(self.wrong(
                    "init_lora_weights",
                    "true, gaussian, pissa, eva or orthogonal: other starts are not supported",
                )),
            },
            Some(_) => Err(self.wrong("init_lora_weights", "true, false or a name")),
        }
    }
}

fn whole(value: &Value) -> Option<usize> {
    value.as_u64().and_then(|n| usize::try_from(n).ok())
}

/// What PEFT reads; `base` is what it records as the base model.
pub(super) fn to_json(config: &LoraConfig, base: &str, wrapper: Wrapper) -> Value {
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
        "peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": base,
        "r": config.rank * wide, "lora_alpha": number(config.alpha * more),
        "lora_dropout": config.dropout, "bias": "none",
        "target_modules": targets, "use_rslora": config.scaling == Scaling::RankStabilized,
        "use_dora": config.dora, "fan_in_fan_out": false, "inference_mode": true,
        "init_lora_weights": init, "modules_to_save": whole,
        "layers_to_transform": layers, "layers_pattern": null,
        "rank_pattern": ranks, "alpha_pattern": alphas, "revision": null,
    });
    if config.ensure_weight_tying && whole.is_some() {
        // Versions of PEFT that do not know this option still read every other adapter.
        json["ensure_weight_tying"] = true.into();
    }
    json
}

/// An expression for the modules of these names, or ends of names, in one part of a model.
fn within(body: &str, names: &[String], layers: Option<&[usize]>) -> String {
    let any = |all: Vec<String>| format!("(?:{})", all.join("|"));
    let part = format!("{body}.");
    let (whole, ends): (Vec<&String>, Vec<&String>) =
        names.iter().partition(|name| name.contains(&part));
    let mut choices: Vec<String> = whole.iter().map(|name| regex::escape(name)).collect();
    if !ends.is_empty() {
        let ends = any(ends.iter().map(|name| regex::escape(name)).collect());
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
        (Init::Pissa, Scaling::Standard) => (2, 2.0),
        (Init::Pissa, Scaling::RankStabilized) => (2, 2f64.sqrt()),
        _ => (1, 1.0),
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
