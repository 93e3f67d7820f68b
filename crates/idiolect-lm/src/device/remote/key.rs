//! The key that a lending machine is known by, and where it is kept.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use burn::server::IrohIdentity;

use crate::LmError;

/// `$XDG_CONFIG_HOME/idiolect/device.key`, else `~/.config/idiolect/device.key`.
///
/// # Errors
///
/// [`LmError::Setting`] where neither variable is set.
pub fn key_file() -> Result<PathBuf, LmError> {
    let [config, home] = ["XDG_CONFIG_HOME", "HOME"].map(std::env::var_os);
    let file = within(config, home);
    file.ok_or_else(|| LmError::setting("key", "a file, where there is no HOME", "none"))
}

fn within(config: Option<OsString>, home: Option<OsString>) -> Option<PathBuf> {
    // The standard that defines the first variable bids to ignore a relative path.
    let absolute = |path: OsString| Some(PathBuf::from(path)).filter(|path| path.is_absolute());
    let config = config.and_then(absolute);
    let config = config.or_else(|| Some(home.and_then(absolute)?.join(".config")))?;
    Some(config.join("idiolect/device.key"))
}

/// The key in a file; it is made there, for its owner alone to read, where there is none.
pub(super) fn identity(file: &Path) -> Result<IrohIdentity, LmError> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).map_err(LmError::io(folder))?;
    }
    IrohIdentity::load_or_create(file).map_err(LmError::io(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_in_the_users_configuration() {
        let found = |config: Option<&str>, home: Option<&str>| {
            within(config.map(OsString::from), home.map(OsString::from))
        };
        let path = |path: &str| Some(PathBuf::from(path));
        let own = found(Some("/config"), Some("/me"));
        assert_eq!(own, path("/config/idiolect/device.key"));
        let usual = found(Some("relative"), Some("/me"));
        assert_eq!(usual, path("/me/.config/idiolect/device.key"));
        assert_eq!(found(None, None), None);
    }

    #[test]
    fn a_key_stays_and_a_damaged_one_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("new/device.key");
        let first = identity(&file).unwrap().id();
        assert_eq!(identity(&file).unwrap().id(), first);
        std::fs::write(&file, "short").unwrap();
        let error = identity(&file).unwrap_err().to_string();
        assert!(error.contains("device.key"), "{error}");
    }
}
