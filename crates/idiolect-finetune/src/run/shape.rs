//! The shape of an adapter that is trained further: its own, which settings beside it cannot change.

use idiolect_data::settings::{Layer, resolve, to_toml};
use idiolect_lm::adapter_folder;
use idiolect_lora::{LoraConfig, read_adapter_config};
use serde_json::{Map, Value};

use super::fixed::shown;
use crate::{FineTuneError, FineTuneSettings, TrainSettings};

/// What is no part of a folder's configuration where it says nothing: files of settings have another default.
const TYING: &str = "ensure_weight_tying";

impl TrainSettings {
    /// The settings that layers give together, as [`resolve`] does; a run that starts from an adapter has the shape of
    /// that.
    ///
    /// # Errors
    ///
    /// Those of [`resolve`]; [`FineTuneError::Lm`] for an adapter that cannot be read; [`FineTuneError::Setting`] for a
    /// setting of the shape that the layers have and the adapter has otherwise.
    pub fn of_layers(layers: &[Layer]) -> Result<Self, FineTuneError> {
        let settings: Self = resolve(layers)?;
        let Some(own) = shape_of_start(&settings.finetune)? else {
            return Ok(settings);
        };
        let below = Layer::parse("adapter", &to_toml(&own)?)?;
        let mut all = vec![below];
        all.extend_from_slice(layers);
        let settings: Self = resolve(&all)?;
        match difference(&own, &settings.lora, |_, _| true) {
            Some(error) => Err(error),
            None => Ok(settings),
        }
    }

    /// Gives a run that starts from an adapter the shape of that, so that its `run.toml` says what trains.
    ///
    /// # Errors
    ///
    /// [`FineTuneError::Lm`] for an adapter that cannot be read; [`FineTuneError::Setting`] for a setting of the shape
    /// that is neither the default nor the adapter's.
    pub(crate) fn take_shape(&mut self) -> Result<(), FineTuneError> {
        let Some(own) = shape_of_start(&self.finetune)? else {
            return Ok(());
        };
        let plain = values(&LoraConfig::default());
        let is_given = |key: &str, value: &Value| key != TYING && plain.get(key) != Some(value);
        if let Some(error) = difference(&own, &self.lora, is_given) {
            return Err(error);
        }
        self.lora = own;
        Ok(())
    }
}

/// The shape of the adapter that a run starts from; none where it makes a new one, or trains no adapter.
fn shape_of_start(settings: &FineTuneSettings) -> Result<Option<LoraConfig>, FineTuneError> {
    let Some(folder) = settings.init_adapter.as_ref().filter(|_| !settings.full) else {
        return Ok(None);
    };
    Ok(Some(read_adapter_config(&adapter_folder(folder)?)?))
}

/// The first setting that counts as given and that the adapter has otherwise.
fn difference(
    own: &LoraConfig,
    asked: &LoraConfig,
    is_given: impl Fn(&str, &Value) -> bool,
) -> Option<FineTuneError> {
    let (own, asked) = (values(own), values(asked));
    let own_of = |key: &str| own.get(key).cloned().unwrap_or_default();
    let mut asked = asked.into_iter();
    let (key, value) = asked.find(|(key, value)| *value != own_of(key) && is_given(key, value))?;
    let expected = format!(
        "{}, that of init_adapter, or nothing beside it",
        said(own_of(&key))
    );
    Some(FineTuneError::setting(key, expected, said(value)))
}

/// A value as it is told: that of nothing in a word.
fn said(value: Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) if text.is_empty() => "none".to_owned(),
        other => shown(other),
    }
}

/// The values by their keys; choices of modules in one order, and each module by its name.
fn values(config: &LoraConfig) -> Map<String, Value> {
    let Ok(Value::Object(mut values)) = serde_json::to_value(config) else {
        return Map::new();
    };
    let listed = |mut names: Vec<String>| {
        names.sort_unstable();
        names.join(",").into()
    };
    values.insert("targets".into(), listed(config.targets.names()));
    let excluded = config.exclude_modules.as_ref();
    let excluded = excluded.map_or(Value::Null, |names| listed(names.names()));
    values.insert("exclude_modules".into(), excluded);
    let whole = listed(config.modules_to_save.clone());
    values.insert("modules_to_save".into(), whole);
    values
}
