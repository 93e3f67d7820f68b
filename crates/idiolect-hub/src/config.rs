//! Which Hub, which cache, which token: as the environment of the user says, with the names that
//! `huggingface_hub` reads.
//!
//! Source: `huggingface_hub` 2.4, `constants.py`.

use std::path::PathBuf;
use std::time::Duration;

use idiolect_input::shown;

use crate::HubError;
use crate::token::Token;

/// The Hub itself.
const ENDPOINT: &str = "https://huggingface.co";
const TRUE: [&str; 4] = ["1", "ON", "YES", "TRUE"];

/// Where files come from and where they are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubConfig {
    /// Address of the Hub, without a slash at its end (`HF_ENDPOINT`).
    pub endpoint: String,
    /// The folder of blobs, refs and snapshots (`HF_HUB_CACHE`, or `hub` in `HF_HOME`).
    pub cache: PathBuf,
    /// Sent to the endpoint alone, over https or to this machine.
    pub token: Option<Token>,
    /// Nothing is asked for: what the cache lacks is an error (`HF_HUB_OFFLINE`).
    pub offline: bool,
    /// Attempts in a row that bring nothing before a download is given up, at least 1; default 5.
    pub attempts: u32,
    /// The wait before the second attempt, doubling from there up to ten times of it; default 1 s.
    pub first_wait: Duration,
    /// How long a connection may be silent, above 0; default 10 s (`HF_HUB_DOWNLOAD_TIMEOUT`).
    pub timeout: Duration,
}

impl HubConfig {
    /// The Hub itself with a cache, online, without a token.
    #[must_use]
    pub fn new(cache: PathBuf) -> Self {
        Self {
            endpoint: ENDPOINT.to_owned(),
            cache,
            token: None,
            offline: false,
            attempts: 5,
            first_wait: Duration::from_secs(1),
            timeout: Duration::from_secs(10),
        }
    }

    /// As the environment says.
    ///
    /// # Errors
    ///
    /// [`HubError::Setting`] for an address, a number or a token that is none, and where there is no home folder;
    /// [`HubError::Io`] for a token file that cannot be read.
    pub fn of_user() -> Result<Self, HubError> {
        let text = |name: &str| {
            let value = std::env::var_os(name)?;
            Some(value.to_string_lossy().into_owned())
        };
        Self::of_variables(&text, std::env::home_dir())
    }

    /// As these variables say; `home` is the user's folder.
    ///
    /// # Errors
    ///
    /// As [`Self::of_user`].
    pub fn of_variables(
        variable: &dyn Fn(&str) -> Option<String>,
        home: Option<PathBuf>,
    ) -> Result<Self, HubError> {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let places = Places { set: &set, home };
        let hub_home = places.hub_home();
        let cache = places.path("HF_HUB_CACHE");
        let cache = cache.or_else(|| places.path("HUGGINGFACE_HUB_CACHE"));
        let cache = cache.or_else(|| Some(hub_home.as_ref()?.join("hub")));
        let cache = cache.ok_or_else(|| HubError::Setting {
            name: "HF_HOME".to_owned(),
            expected: "a folder, for there is no home folder",
            found: "nothing".to_owned(),
        })?;
        let token_file = places.path("HF_TOKEN_PATH");
        let token_file = token_file.or_else(|| Some(hub_home?.join("token")));
        let truth = |name: &str| set(name).is_some_and(|value| is_true(&value));
        let is_silent = truth("HF_HUB_DISABLE_IMPLICIT_TOKEN");
        let token = if is_silent {
            None
        } else {
            Token::of_user(&set, token_file.as_deref())?
        };
        let offline = set("HF_HUB_OFFLINE").or_else(|| set("TRANSFORMERS_OFFLINE"));
        let plain = Self::new(cache);
        Ok(Self {
            endpoint: endpoint(set("HF_ENDPOINT"))?,
            token,
            offline: offline.is_some_and(|value| is_true(&value)),
            timeout: seconds("HF_HUB_DOWNLOAD_TIMEOUT", &set)?.unwrap_or(plain.timeout),
            ..plain
        })
    }
}

struct Places<'a> {
    set: &'a dyn Fn(&str) -> Option<String>,
    home: Option<PathBuf>,
}

impl Places<'_> {
    /// A path, with `~` for the user's folder.
    fn path(&self, name: &str) -> Option<PathBuf> {
        let text = (self.set)(name)?;
        match (text.strip_prefix("~/"), &self.home) {
            (Some(rest), Some(home)) => Some(home.join(rest)),
            _ => Some(text.into()),
        }
    }

    fn hub_home(&self) -> Option<PathBuf> {
        self.path("HF_HOME").or_else(|| {
            let cache = self.path("XDG_CACHE_HOME");
            let cache = cache.or_else(|| Some(self.home.as_ref()?.join(".cache")));
            Some(cache?.join("huggingface"))
        })
    }
}

fn is_true(value: &str) -> bool {
    TRUE.iter().any(|word| value.eq_ignore_ascii_case(word))
}

fn endpoint(value: Option<String>) -> Result<String, HubError> {
    let Some(value) = value else {
        return Ok(ENDPOINT.to_owned());
    };
    let url = value.trim().trim_end_matches('/');
    let rest = url.strip_prefix("https://");
    let rest = rest.or_else(|| url.strip_prefix("http://"));
    let is_address = rest.is_some_and(|rest| {
        !rest.is_empty() && !rest.starts_with('/') && !rest.contains(['@', '?', '#', ' '])
    });
    if is_address {
        return Ok(url.to_owned());
    }
    Err(HubError::Setting {
        name: "HF_ENDPOINT".to_owned(),
        expected: "an address that begins with https:// or http://, without user or question mark",
        // What stands before an at sign may be a password.
        found: shown(url.rsplit('@').next().unwrap_or_default(), 120).into_owned(),
    })
}

fn seconds(name: &str, set: &dyn Fn(&str) -> Option<String>) -> Result<Option<Duration>, HubError> {
    let Some(text) = set(name) else {
        return Ok(None);
    };
    match text.trim().parse() {
        Ok(0) => Ok(None),
        Ok(seconds @ 1..=86_400) => Ok(Some(Duration::from_secs(seconds))),
        _ => Err(HubError::Setting {
            name: name.to_owned(),
            expected: "seconds from 1 to 86400",
            found: shown(&text, 40).into_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;

    use super::*;

    fn of(variables: &[(&str, &str)], home: Option<&str>) -> Result<HubConfig, String> {
        let variables: BTreeMap<_, _> = variables.iter().copied().collect();
        let get = |name: &str| variables.get(name).map(|value| (*value).to_owned());
        HubConfig::of_variables(&get, home.map(PathBuf::from)).map_err(|error| error.to_string())
    }

    #[test]
    fn places() {
        let cache = |variables: &[(&str, &str)]| of(variables, Some("/h")).unwrap().cache;
        assert_eq!(cache(&[]), PathBuf::from("/h/.cache/huggingface/hub"));
        assert_eq!(
            cache(&[("XDG_CACHE_HOME", "/x")]),
            PathBuf::from("/x/huggingface/hub")
        );
        let home = ("HF_HOME", "~/hf");
        assert_eq!(
            cache(&[home, ("XDG_CACHE_HOME", "/x")]),
            PathBuf::from("/h/hf/hub")
        );
        let older = ("HUGGINGFACE_HUB_CACHE", "/old");
        assert_eq!(cache(&[home, older]), PathBuf::from("/old"));
        assert_eq!(
            cache(&[home, older, ("HF_HUB_CACHE", "/new")]),
            PathBuf::from("/new")
        );
        let nowhere = of(&[], None).unwrap_err();
        assert_eq!(
            nowhere,
            "HF_HOME: expected a folder, for there is no home folder, found nothing"
        );
        assert!(of(&[("HF_HUB_CACHE", "/c")], None).is_ok());
    }

    #[test]
    fn tokens() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().to_str().unwrap();
        let token = |more: &[(&str, &str)]| {
            let variables = [&[("HF_HOME", home)], more].concat();
            let found = of(&variables, None).unwrap().token;
            found.map(|token| (token.secret.header(), token.source))
        };
        let expected =
            |value: &str, source: &str| Some((format!("Bearer {value}"), source.to_owned()));
        assert_eq!(token(&[]), None);
        let file = folder.path().join("token");
        fs::write(&file, "hf_file\n").unwrap();
        let file = file.to_str().unwrap();
        assert_eq!(token(&[]), expected("hf_file", file));
        let older = ("HUGGING_FACE_HUB_TOKEN", "hf_old");
        assert_eq!(
            token(&[older]),
            expected("hf_old", "HUGGING_FACE_HUB_TOKEN")
        );
        assert_eq!(
            token(&[older, ("HF_TOKEN", "hf_new")]),
            expected("hf_new", "HF_TOKEN")
        );
        assert_eq!(token(&[("HF_TOKEN", " ")]), expected("hf_file", file));
        let other = folder.path().join("other");
        fs::write(&other, "hf_other").unwrap();
        let other = other.to_str().unwrap();
        assert_eq!(
            token(&[("HF_TOKEN_PATH", other)]),
            expected("hf_other", other)
        );
        let off = ("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1");
        assert_eq!(token(&[off, ("HF_TOKEN", "hf_new")]), None);
        let error = of(&[("HF_HOME", home), ("HF_TOKEN", "hf secret")], None).unwrap_err();
        assert_eq!(
            error,
            "HF_TOKEN: expected a token, found characters that no header may have"
        );
    }

    #[test]
    fn switches_numbers_and_addresses() {
        let one = |name, value| of(&[(name, value)], Some("/h"));
        for value in ["1", "true", "Yes", "ON"] {
            assert!(one("HF_HUB_OFFLINE", value).unwrap().offline, "{value}");
            assert!(one("TRANSFORMERS_OFFLINE", value).unwrap().offline);
        }
        assert!(!one("HF_HUB_OFFLINE", "0").unwrap().offline);
        let seconds = one("HF_HUB_DOWNLOAD_TIMEOUT", "60").unwrap().timeout;
        assert_eq!(seconds, Duration::from_mins(1));
        assert!(one("HF_HUB_DOWNLOAD_TIMEOUT", "soon").is_err());
        assert_eq!(
            one("HF_ENDPOINT", "http://a.b/c/").unwrap().endpoint,
            "http://a.b/c"
        );
        assert_eq!(
            of(&[], Some("/h")).unwrap().endpoint,
            "https://huggingface.co"
        );
        for value in [
            "hub.example",
            "ftp://a.b",
            "https://",
            "https://me:secret@a.b",
        ] {
            let error = one("HF_ENDPOINT", value).unwrap_err();
            assert!(
                error.starts_with("HF_ENDPOINT: expected an address"),
                "{error}"
            );
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
