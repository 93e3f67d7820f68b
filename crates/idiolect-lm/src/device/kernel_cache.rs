//! Where a GPU's tuned and compiled kernels are kept between runs: in a folder of the user's cache.
//!
//! Burn's runtimes would put them below `target` of whatever Cargo workspace the program is started in, and
//! compiled kernels nowhere. Settings of a `cubecl.toml` or a `burn.toml` go first.
//! Only a build with the feature `persistence`, which `cuda` brings along, keeps anything.

use std::ffi::OsString;
use std::path::PathBuf;

/// `$XDG_CACHE_HOME/idiolect`, else `~/.cache/idiolect`; none where neither variable is set.
#[must_use]
pub fn folder() -> Option<PathBuf> {
    let [cache, home] = ["XDG_CACHE_HOME", "HOME"].map(std::env::var_os);
    within(cache, home)
}

fn within(cache: Option<OsString>, home: Option<OsString>) -> Option<PathBuf> {
    // The standard that defines the first variable bids to ignore a relative path.
    let absolute = |path: OsString| Some(PathBuf::from(path)).filter(|path| path.is_absolute());
    let cache = cache.and_then(absolute);
    let cache = cache.or_else(|| Some(home.and_then(absolute)?.join(".cache")))?;
    Some(cache.join("idiolect"))
}

/// Tells the runtimes where to keep what they find out. It must come before the first device is touched, and
/// costs no run: where nothing can be written, nothing is kept.
pub(super) fn keep() {
    #[cfg(feature = "persistence")]
    if let Some(folder) = folder() {
        keep_in(folder);
    }
}

#[cfg(feature = "persistence")]
fn keep_in(folder: PathBuf) {
    use burn::cubecl::config::cache::CacheConfig;
    use burn::cubecl::config::{CubeClRuntimeConfig, RuntimeConfig};

    let mut config = CubeClRuntimeConfig::from_current_dir().override_from_env();
    if matches!(config.environment.path, CacheConfig::Target) {
        let _ = std::fs::create_dir_all(&folder);
        config.environment.path = CacheConfig::Directory(folder);
        config.compilation.cache = true;
    }
    // Where a device was touched before, its settings stay.
    let _ = CubeClRuntimeConfig::try_set(config);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_is_the_users_cache() {
        let found = |cache: Option<&str>, home: Option<&str>| {
            within(cache.map(OsString::from), home.map(OsString::from))
        };
        let path = |path: &str| Some(PathBuf::from(path));
        assert_eq!(found(Some("/cache"), Some("/me")), path("/cache/idiolect"));
        for ignored in [None, Some(""), Some("relative")] {
            let found = found(ignored, Some("/me"));
            assert_eq!(found, path("/me/.cache/idiolect"));
        }
        assert_eq!(found(None, None), None);
    }
}
