//! A model by its path, or by its name on the Hugging Face Hub where the network has one.
//!
//! The Hub is asked only in a build with the feature `hub`. Files come into the cache that Hugging Face's own
//! tools use.

#[cfg(feature = "hub")]
mod checkpoint;
#[cfg(feature = "hub")]
pub use checkpoint::tell_download;

use std::path::{Path, PathBuf};

use idiolect_completion::Progress;

use crate::LmError;

/// The folder or file that `name` stands for; downloads it when it is no path but looks like a Hub name
/// (`owner/name` or `owner/name@revision`), at `revision` where that is given.
///
/// # Errors
///
/// [`LmError::Setting`] when there is no such path, when it looks like a Hub name and the Hub does not give it, and for a
/// revision of a path.
pub fn locate(
    name: &str,
    revision: Option<&str>,
    progress: &dyn Progress,
) -> Result<PathBuf, LmError> {
    let path = Path::new(name);
    if path.exists() || !is_hub_name(name) {
        if let Some(revision) = revision {
            let expected = "none beside a path, only beside a name on the Hub";
            return Err(LmError::setting("revision", expected, revision));
        }
        check_place(name)?;
        return Ok(path.into());
    }
    download(name, revision, progress).map_err(|found| {
        let expected = "a folder, a .gguf file or a Hub name";
        let found = format!("no such path, and {found}");
        LmError::setting(format!("model {name}"), expected, found)
    })
}

/// Refuses a name that is no path and cannot be one of the Hub.
///
/// # Errors
///
/// [`LmError::Setting`].
pub fn check_place(name: &str) -> Result<(), LmError> {
    if Path::new(name).exists() || is_hub_name(name) {
        return Ok(());
    }
    let expected = "a Hugging Face folder, a .gguf file, or a name on the Hub, owner/name";
    let found = "no such file or folder";
    Err(LmError::setting(format!("model {name}"), expected, found))
}

/// A Hub name without its revision.
pub(crate) fn plain_name(name: &str) -> &str {
    name.split('@').next().unwrap_or(name)
}

/// The revision that a Hub name brings with it, or that is given beside it; none of a path.
pub(crate) fn revision(name: &str, beside: Option<&str>) -> Option<String> {
    let own = name.split_once('@').map(|(_, revision)| revision);
    let is_path = Path::new(name).exists();
    beside.or(own).filter(|_| !is_path).map(str::to_owned)
}

#[cfg(feature = "hub")]
fn download(
    name: &str,
    revision: Option<&str>,
    progress: &dyn Progress,
) -> Result<PathBuf, String> {
    let hub = idiolect_hub::Hub::of_user();
    let path = hub.and_then(|hub| checkpoint::download(&hub, name, revision, progress));
    path.map_err(|error| error.to_string())
}

#[cfg(not(feature = "hub"))]
fn download(_: &str, _: Option<&str>, _: &dyn Progress) -> Result<PathBuf, String> {
    Err("this program was built without the Hub (feature hub)".into())
}

/// `owner/name` or `owner/name@revision`, with nothing of a path in it.
fn is_hub_name(name: &str) -> bool {
    let plain = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    };
    let own = plain_name(name);
    let is_file = Path::new(own)
        .extension()
        .is_some_and(|end| end.eq_ignore_ascii_case("gguf"));
    own.split_once('/')
        .is_some_and(|(owner, rest)| plain(owner) && plain(rest))
        && !is_file
}

#[cfg(test)]
mod tests {
    use idiolect_completion::Quiet;

    use super::*;

    #[test]
    fn only_owner_and_name_is_looked_up() {
        assert!(is_hub_name("meta-llama/Llama-3.2-1B"));
        assert!(is_hub_name("meta-llama/Llama-3.2-1B@refs/pr/1"));
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

    #[test]
    fn a_path_has_no_revision() {
        let error = locate("no-such-folder", Some("v1"), &Quiet).unwrap_err();
        let expected =
            "revision: expected none beside a path, only beside a name on the Hub, found v1";
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn a_model_of_the_hub_has_the_revision_that_was_named() {
        assert_eq!(revision("owner/name@v1", None).as_deref(), Some("v1"));
        assert_eq!(revision("owner/name", Some("v2")).as_deref(), Some("v2"));
        assert_eq!(revision("owner/name", None), None);
        let here = std::env::temp_dir();
        assert_eq!(revision(&here.display().to_string(), Some("v1")), None);
    }

    #[cfg(not(feature = "hub"))]
    #[test]
    fn without_the_hub_a_name_is_one_clear_line() {
        let error = locate("owner/name", None, &Quiet).unwrap_err();
        let expected = "model owner/name: expected a folder, a .gguf file or a Hub name, found no such path, \
                        and this program was built without the Hub (feature hub)";
        assert_eq!(error.to_string(), expected);
    }
}
