//! `adapter_config.json` as PEFT writes it: rank, scale and places.
//!
//! An option that would change the arithmetic and is not supported is refused by name.

use std::collections::BTreeSet;
use std::path::Path;

use idiolect_input::{limits, read_bytes, shown};
use serde_json::{Map, Value, json};

use super::files::CONFIG;
use super::rows::TokenRows;
use crate::targets::is_known;
use crate::{Init, LoraConfig, LoraError, Scaling, Targets};

/// What a folder's configuration says.
pub(super) struct FolderConfig {
    pub(super) lora: LoraConfig,
    /// Tokens whose rows train.
    pub(super) rows: Vec<TokenRows>,
    /// Name of the model that the adapter was trained on, where it is told.
    pub(super) base: Option<String>,
}

/// Reads the configuration of an adapter folder.
///
/// Tokens whose rows train (`trainable_token_indices`) are no part of it; [`crate::load_adapter`] reads them.
///
/// # Errors
///
/// [`LoraError::Io`], [`LoraError::Json`] and [`LoraError::Setting`] as for [`crate::load_adapter`].
pub fn read_adapter_config(folder: &Path) -> Result<LoraConfig, LoraError> {
    read_folder(folder).map(|read| read.lora)
}

/// The same with the tokens.
pub(super) fn read_folder(folder: &Path) -> Result<FolderConfig, LoraError> {
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
    Ok(FolderConfig {
        lora: options.config()?,
        rows: options.rows()?,
        base: options
            .get("base_model_name_or_path")
            .and_then(Value::as_str)
            .map(Into::into),
    })
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
            place: Some(self.path.display().to_string()),
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
            exclude_modules: self.excluded()?,
            scaling,
            layers: self.layers()?,
            rank_pattern: self.pattern("rank_pattern", whole)?,
            alpha_pattern: self.pattern("alpha_pattern", Value::as_f64)?,
            dora: self.is_on("use_dora")?,
            lora_bias: self.is_on("lora_bias")?,
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
            "fan_in_fan_out",
            "layer_replication",
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
        let found = self.modules("target_modules")?.ok_or_else(wrong)?;
        match known(found) {
            Targets::Names(names) if names.is_empty() => {
                Err(self.wrong("target_modules", "at least one projection of the model"))
            }
            targets => Ok(targets),
        }
    }

    fn excluded(&self) -> Result<Option<Targets>, LoraError> {
        let found = self.modules("exclude_modules")?.map(known);
        // PEFT has no such word here: it is an expression like any other.
        let found = found.map(|excluded| match excluded {
            Targets::AllLinear => Targets::Pattern("all-linear".into()),
            other => other,
        });
        Ok(found.filter(|excluded| *excluded != Targets::Names(Vec::new())))
    }

    /// Modules by names or by an expression, if the field is there.
    fn modules(&self, field: &str) -> Result<Option<Targets>, LoraError> {
        let wrong = || self.wrong(field, "names, or one regular expression");
        match self.get(field) {
            None => Ok(None),
            Some(Value::String(none)) if none.is_empty() => Ok(None),
            Some(Value::String(all)) if all == "all-linear" => Ok(Some(Targets::AllLinear)),
            Some(Value::String(pattern)) => Ok(Some(Targets::Pattern(pattern.clone()))),
            Some(Value::Array(names)) => {
                let name = |name: &Value| name.as_str().map(str::to_owned);
                let names: Option<Vec<_>> = names.iter().map(name).collect();
                names.map(Targets::Names).map(Some).ok_or_else(wrong)
            }
            Some(_) => Err(wrong()),
        }
    }

    /// Ids whose rows train: those of the embedding, or a map from module to ids.
    fn rows(&self) -> Result<Vec<TokenRows>, LoraError> {
        const FIELD: &str = "trainable_token_indices";
        let wrong = || self.wrong(FIELD, "ids, each once, or a map from module to ids");
        let one = |module: &str, ids: &Value| {
            let ids: Option<Vec<usize>> = ids.as_array()?.iter().map(whole).collect();
            let (ids, module) = (ids?, module.to_owned());
            let once = ids.iter().collect::<BTreeSet<_>>().len() == ids.len();
            once.then_some(TokenRows { module, ids })
        };
        let rows: Option<Vec<TokenRows>> = match self.get(FIELD) {
            None => return Ok(Vec::new()),
            Some(Value::Object(map)) => map.iter().map(|(module, ids)| one(module, ids)).collect(),
            Some(ids) => one("embed_tokens", ids).map(|rows| vec![rows]),
        };
        let mut rows = rows.ok_or_else(wrong)?;
        rows.retain(|rows| !rows.ids.is_empty());
        Ok(rows)
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

    /// The start, where it matters for what the file's factors mean: `pissa` and `olora` change the weight.
    fn init(&self) -> Result<Init, LoraError> {
        match self.get("init_lora_weights") {
            None | Some(Value::Bool(_)) => Ok(Init::Kaiming),
            Some(Value::String(name)) => match name.as_str() {
                "gaussian" => Ok(Init::Gaussian),
                "pissa" => Ok(Init::Pissa),
                "olora" => Ok(Init::Olora),
                "eva" | "orthogonal" => Ok(Init::Kaiming),
                _ => Err(self.wrong(
                    "init_lora_weights",
                    "true, gaussian, pissa, olora, eva or orthogonal: other starts are not supported",
                )),
            },
            Some(_) => Err(self.wrong("init_lora_weights", "true, false or a name")),
        }
    }
}

/// Without the names that no model of ours has: PEFT passes over those that find nothing.
fn known(targets: Targets) -> Targets {
    match targets {
        Targets::Names(names) => {
            Targets::Names(names.into_iter().filter(|name| is_known(name)).collect())
        }
        other => other,
    }
}

fn whole(value: &Value) -> Option<usize> {
    value.as_u64().and_then(|n| usize::try_from(n).ok())
}
