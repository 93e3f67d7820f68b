//! A model by its path, or by its name on the Hugging Face Hub where the network has one.
//!
//! The Hub is asked only in a build with the feature `hub`. Files come into the cache that Hugging Face's own
//! tools use (`HF_HOME`), and what is there is not asked for again.

#[cfg(feature = "hub")]
mod download;

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
    download(name, progress).map_err(|found| {
        let expected = "a folder, a .gguf file or a Hub name";
        let found = format!("no such path, and {found}");
        LmError::setting(format!("model {name}"), expected, found)
    })
}

#[cfg(feature = "hub")]
fn download(name: &str, progress: &dyn Progress) -> Result<PathBuf, String> {
    download::Hub::of_user().model(name, progress)
}

#[cfg(not(feature = "hub"))]
fn download(_: &str, _: &dyn Progress) -> Result<PathBuf, String> {
    Err("this program was built without the Hub (feature hub)".into())
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
