//! A model by its path, or by its name on the Hugging Face Hub where the network has one.

use std::path::{Path, PathBuf};

use hf_hub::api::sync::ApiBuilder;

use crate::error::CliError;

/// Files that make a checkpoint usable, beside its weights; those that a repository lacks are passed over.
const BESIDE: [&str; 5] = [
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "chat_template.jinja",
];

/// The folder or file that `name` stands for; downloads it when it is no path but looks like a Hub name.
///
/// # Errors
///
/// [`CliError::Setting`] when there is neither.
pub fn locate(name: &str) -> Result<PathBuf, CliError> {
    let path = Path::new(name);
    if path.exists() || !is_hub_name(name) {
        return Ok(path.into());
    }
    download(name).map_err(|error| {
        let found = format!(
            "no such path, and the Hub says: {}",
            first_line(&error.to_string())
        );
        CliError::setting(
            &format!("--model {name}"),
            "a folder, a .gguf file or a Hub name",
            found,
        )
    })
}

/// `owner/name`, with nothing of a path in it.
fn is_hub_name(name: &str) -> bool {
    let plain = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    };
    let is_file = Path::new(name)
        .extension()
        .is_some_and(|end| end.eq_ignore_ascii_case("gguf"));
    name.split_once('/')
        .is_some_and(|(owner, rest)| plain(owner) && plain(rest))
        && !is_file
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

fn download(name: &str) -> Result<PathBuf, Box<dyn std::error::Error>> {
    let repository = ApiBuilder::from_env()
        .with_progress(true)
        .build()?
        .model(name.into());
    let config = repository.get("config.json")?;
    for file in BESIDE {
        // What is not there is told by whoever needs it.
        let _ = repository.get(file);
    }
    if let Ok(index) = repository.get("model.safetensors.index.json") {
        let json: serde_json::Value = serde_json::from_slice(&std::fs::read(index)?)?;
        let map = json["weight_map"].as_object().cloned().unwrap_or_default();
        let shards: std::collections::BTreeSet<_> = map
            .values()
            .filter_map(|file| file.as_str())
            .map(String::from)
            .collect();
        for shard in shards {
            repository.get(&shard)?;
        }
    } else {
        repository.get("model.safetensors")?;
    }
    Ok(config.parent().map_or_else(PathBuf::new, Path::to_path_buf))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_owner_and_name_is_looked_up() {
        assert!(is_hub_name("meta-llama/Llama-3.2-1B"));
        for path in [
            "models/",
            "no/such/folder",
            "./model",
            "../x",
            "a/b.gguf",
            "model",
            "/abs/x",
        ] {
            assert!(!is_hub_name(path), "{path}");
        }
    }
}
