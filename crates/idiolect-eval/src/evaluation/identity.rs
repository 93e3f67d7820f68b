//! What an evaluation's answers depend on, and the folder that belongs to it.

use std::io::ErrorKind;
use std::path::Path;

use idiolect_completion::Sampling;
use idiolect_data::{DataError, RunDir, write_json};
use idiolect_input::{limits, read_text};
use serde_json::{Map, Value, json};

use crate::error::EvalError;
use crate::evaluation::settings::EvalSettings;
use crate::tasks::Task;

/// The model that is measured, as the folder of its results names it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EvaluatedModel {
    /// Its name, for people; also the generator of `AlpacaEval`'s outputs.
    pub name: String,
    /// A hash of its files, or a server's name for it.
    pub model_hash: String,
    /// A hash of the adapter's files, where one is on.
    pub adapter_hash: Option<String>,
    /// The template that was asked for; none is the model's own.
    pub template: Option<String>,
    /// Type of weights and activations, for example `F32`.
    pub dtype: String,
}

/// What the answers depend on, as `eval.json` holds it and `summary.json` begins.
pub(crate) fn identity(settings: &EvalSettings, task: &Task, model: &EvaluatedModel) -> Value {
    let mut identity = json!({
        "task": task.name, "shots": settings.shots.of(task), "model": model.name, "model_hash": model.model_hash,
        "adapter_hash": model.adapter_hash, "template": model.template, "dtype": model.dtype,
        "max_new_tokens": settings.max_new_tokens, "batch_size": settings.batch_size,
    });
    if let Some(draw) = settings.draw(task) {
        let Sampling {
            temperature,
            top_k,
            top_p,
            min_p,
            repetition_penalty,
        } = draw.sampling;
        identity["samples"] = settings.sample_count().into();
        identity["temperature"] = temperature.into();
        identity["top_k"] = top_k.into();
        identity["top_p"] = top_p.into();
        identity["min_p"] = min_p.into();
        identity["repetition_penalty"] = repetition_penalty.into();
        identity["seed"] = draw.seed.into();
    }
    if task.is_mt_bench() {
        identity["runs"] = settings.run_count().into();
        identity["seed"] = settings.seed.into();
    }
    if !task.is_built_in() {
        identity["task_definition"] = json!(task);
    }
    identity
}

/// Makes a folder this evaluation's own: what it was begun with is written once into `file`, and anything else is
/// refused.
pub(crate) fn claim(out: &Path, file: &str, identity: &Value) -> Result<(), EvalError> {
    let io = |path: &Path, action| {
        let path = path.to_owned();
        move |source| DataError::Io {
            path,
            action,
            source,
        }
    };
    let journal = RunDir::from(out).journals();
    std::fs::create_dir_all(&journal).map_err(io(&journal, "create"))?;
    let path = out.join(file);
    let text = match read_text(&path, &limits::CONFIG_BYTES) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Ok(write_json(&path, identity)?);
        }
        read => read.map_err(io(&path, "read"))?,
    };
    let before: Map<String, Value> = serde_json::from_str(&text)
        .map_err(|error| EvalError::setting(path.display().to_string(), "JSON", error))?;
    // What one of them leaves out is null there: an empty file is that of no evaluation.
    let now = identity.as_object().into_iter().flat_map(Map::keys);
    let value = |name: &str| before.get(name).unwrap_or(&Value::Null);
    let other = |name: &&String| value(name) != &identity[name.as_str()];
    match before.keys().chain(now).find(other) {
        None => Ok(()),
        Some(name) => {
            let field = format!("{}: {name}", path.display());
            let begun = value(name);
            let expected = format!("{begun}, as it was begun with, or another out folder");
            Err(EvalError::setting(field, expected, &identity[name]))
        }
    }
}
