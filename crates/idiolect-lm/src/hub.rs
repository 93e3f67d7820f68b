//! A model by its path, or by its name on the Hugging Face Hub where the network has one.
//!
//! The Hub is asked only in a build with the feature `hub`. Files come into the cache that Hugging Face's own
//! tools use (`HF_HOME`), and what is there is not asked for again.

use std::path::{Path, PathBuf};

use idiolect_completion::Progress;

use crate::LmError;

/// The folder or file that `name` stands for; downloads it when it is no path but looks like a Hub name.
///
/// # Errors
///
/// [`LmError::Setting`] when it looks like a Hub name and the Hub does not give it.
pub fn locate(name: &str, progress: &dyn Progress) -> Result<PathBuf, LmError> {
    let path = Path::new(name);
    if path.exists() || !is_hub_name(name) {
        return Ok(path.into());
    }
    download::model(name, progress).map_err(|found| {
        let expected = "a folder, a .gguf file or a Hub name";
        LmError::setting(
            format!("model {name}"),
            expected,
            format!("no such path, and {found}"),
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

#[cfg(not(feature = "hub"))]
mod download {
    //! No Hub in this build.

    use std::path::PathBuf;

    use idiolect_completion::Progress;

    pub(super) fn model(_: &str, _: &dyn Progress) -> Result<PathBuf, String> {
        Err("this program was built without the Hub (feature hub)".into())
    }
}

#[cfg(feature = "hub")]
mod download {
    //! A repository of the Hub, file by file.

    use std::collections::BTreeSet;
    use std::error::Error;
    use std::path::{Path, PathBuf};

    use hf_hub::api::sync::{ApiBuilder, ApiRepo};
    use hf_hub::{Cache, CacheRepo};
    use idiolect_completion::Progress;
    use serde_json::{Map, Value};

    /// Files that make a checkpoint usable, beside its weights; those that a repository lacks are passed over.
    const BESIDE: [&str; 5] = [
        "generation_config.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "special_tokens_map.json",
        "chat_template.jinja",
    ];

    /// Downloads what is not in the cache yet; the error is the first line of what the Hub says.
    pub(super) fn model(name: &str, progress: &dyn Progress) -> Result<PathBuf, String> {
        fetch(name, progress).map_err(|error| {
            let text = error.to_string();
            let line = text.lines().next().unwrap_or_default();
            format!("the Hub says: {line}")
        })
    }

    fn fetch(name: &str, progress: &dyn Progress) -> Result<PathBuf, Box<dyn Error>> {
        let api = ApiBuilder::from_env().build()?;
        let repository = Repository {
            cached: Cache::from_env().model(name.into()),
            remote: api.model(name.into()),
            progress,
        };
        let config = repository.get("config.json")?;
        for file in BESIDE {
            // What is not there is told by whoever needs it.
            let _ = repository.get(file);
        }
        if let Ok(index) = repository.get("model.safetensors.index.json") {
            for shard in shards(&index)? {
                repository.get(&shard)?;
            }
        } else {
            repository.get("model.safetensors")?;
        }
        Ok(config.parent().map_or_else(PathBuf::new, Path::to_path_buf))
    }

    fn shards(index: &Path) -> Result<BTreeSet<String>, Box<dyn Error>> {
        let json: Value = serde_json::from_slice(&std::fs::read(index)?)?;
        let none = Map::new();
        let map = json["weight_map"].as_object().unwrap_or(&none);
        let files = map.values().filter_map(Value::as_str);
        Ok(files.map(String::from).collect())
    }

    struct Repository<'a> {
        cached: CacheRepo,
        remote: ApiRepo,
        progress: &'a dyn Progress,
    }

    impl Repository<'_> {
        fn get(&self, file: &str) -> Result<PathBuf, Box<dyn Error>> {
            match self.cached.get(file) {
                Some(path) => Ok(path),
                None => Ok(self.remote.download_with_progress(file, Bytes(self.progress))?),
            }
        }
    }

    /// A download as progress, counted in bytes.
    struct Bytes<'a>(&'a dyn Progress);

    impl hf_hub::api::Progress for Bytes<'_> {
        fn init(&mut self, size: usize, file: &str) {
            self.0.begin(file, size);
        }

        fn update(&mut self, size: usize) {
            self.0.advance(size);
        }

        fn finish(&mut self) {
            self.0.end();
        }
    }
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

    #[cfg(not(feature = "hub"))]
    #[test]
    fn without_the_hub_a_name_is_one_clear_line() {
        let error = locate("owner/name", &idiolect_completion::Quiet).unwrap_err();
        let expected = "model owner/name: expected a folder, a .gguf file or a Hub name, found no such path, \
                        and this program was built without the Hub (feature hub)";
        assert_eq!(error.to_string(), expected);
    }
}
