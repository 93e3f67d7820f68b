//! The files of a checkpoint's folder that describe its tokenizer beside `tokenizer.json`.
//!
//! They are `tokenizer_config.json` in its old and new forms (tokens as strings or as objects, a chat
//! template as text or as a list of named ones), `special_tokens_map.json`, and
//! `chat_template.jinja` with the folder `additional_chat_templates`, which take precedence over the configuration as
//! they do in transformers 5.

use std::collections::HashSet;
use std::path::Path;

use idiolect_input::{Limit, limits, read_text};
use serde_json::{Map, Value};

use crate::TokensError;

/// Special tokens by their spelling.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SpecialTokens {
    /// Beginning of text.
    pub bos: Option<String>,
    /// End of text.
    pub eos: Option<String>,
    /// Padding; the end of text where there is none.
    pub pad: Option<String>,
    /// Unknown text.
    pub unk: Option<String>,
    /// Further tokens that the configuration calls special, each once.
    pub others: Vec<String>,
    /// Whether a text begins with `bos`; `None` leaves it to `tokenizer.json`.
    pub add_bos: Option<bool>,
}

/// The tokenizer's configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TokenizerConfig {
    /// Its special tokens.
    pub special: SpecialTokens,
    /// Chat templates, each a name and a source; where there is only one its name is `default`.
    pub chat_templates: Vec<(String, String)>,
    /// The most tokens of a text; `None` where the configuration gives no limit or 1e30.
    pub model_max_length: Option<usize>,
}

impl TokenizerConfig {
    /// Reads a checkpoint's folder; each of the files may be absent.
    ///
    /// # Errors
    ///
    /// [`TokensError::Read`] or [`TokensError::Load`] with the file.
    pub fn read(folder: &Path) -> Result<Self, TokensError> {
        let path = folder.join("tokenizer_config.json");
        let mut config = match read_optional(&path, &limits::CONFIG_BYTES)? {
            Some(text) => Self::from_json(&text, &path.display().to_string())?,
            None => Self::default(),
        };
        let path = folder.join("special_tokens_map.json");
        if let Some(text) = read_optional(&path, &limits::CONFIG_BYTES)? {
            let map = parse(&text, &path.display().to_string())?;
            let special = &mut config.special;
            for (name, slot) in [
                ("bos_token", &mut special.bos),
                ("eos_token", &mut special.eos),
                ("pad_token", &mut special.pad),
                ("unk_token", &mut special.unk),
            ] {
                *slot = slot.take().or_else(|| spelling(map.get(name)));
            }
        }
        let template = folder.join("chat_template.jinja");
        if let Some(template) = read_optional(&template, &limits::TEMPLATE_BYTES)? {
            config.put_template(DEFAULT, template);
        }
        for name in more_templates(folder)? {
            let path = folder.join(MORE_TEMPLATES).join(format!("{name}.jinja"));
            if let Some(template) = read_optional(&path, &limits::TEMPLATE_BYTES)? {
                config.put_template(&name, template);
            }
        }
        Ok(config)
    }

    /// Reads the text of a `tokenizer_config.json`; `what` names it in errors.
    ///
    /// # Errors
    ///
    /// [`TokensError::Load`].
    pub fn from_json(text: &str, what: &str) -> Result<Self, TokensError> {
        let map = parse(text, what)?;
        let special = SpecialTokens {
            bos: spelling(map.get("bos_token")),
            eos: spelling(map.get("eos_token")),
            pad: spelling(map.get("pad_token")),
            unk: spelling(map.get("unk_token")),
            others: other_special_tokens(&map),
            add_bos: map.get("add_bos_token").and_then(Value::as_bool),
        };
        // Configurations without a limit say 1e30.
        let limit = map.get("model_max_length").and_then(Value::as_u64);
        Ok(Self {
            special,
            chat_templates: chat_templates(map.get("chat_template")),
            model_max_length: limit.and_then(|limit| usize::try_from(limit).ok()),
        })
    }

    /// Puts a chat template in the place of the one of that name; the default one stands first.
    pub fn put_template(&mut self, name: &str, source: String) {
        self.chat_templates.retain(|(other, _)| other != name);
        let at = if name == DEFAULT {
            0
        } else {
            self.chat_templates.len()
        };
        self.chat_templates.insert(at, (name.to_owned(), source));
    }

    /// The chat template of that name, or without a name the default one.
    #[must_use]
    pub fn chat_template(&self, name: Option<&str>) -> Option<&str> {
        let wanted = name.unwrap_or(DEFAULT);
        let found = self.chat_templates.iter().find(|(name, _)| name == wanted);
        found.map(|(_, template)| template.as_str())
    }
}

const DEFAULT: &str = "default";
/// The folder of chat templates with other names than the default one's.
pub const MORE_TEMPLATES: &str = "additional_chat_templates";

/// The names of the templates in that folder, sorted.
fn more_templates(folder: &Path) -> Result<Vec<String>, TokensError> {
    let path = folder.join(MORE_TEMPLATES);
    let files = match std::fs::read_dir(&path) {
        Ok(files) => files,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(TokensError::Read { path, source }),
    };
    let name = |file: std::fs::DirEntry| {
        let path = file.path();
        let is_template = path.extension().is_some_and(|ending| ending == "jinja");
        is_template
            .then(|| path.file_stem()?.to_str().map(str::to_owned))
            .flatten()
    };
    let mut names: Vec<String> = files.filter_map(|file| name(file.ok()?)).collect();
    names.sort_unstable();
    Ok(names)
}

fn read_optional(path: &Path, limit: &Limit) -> Result<Option<String>, TokensError> {
    match read_text(path, limit) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(TokensError::Read {
            path: path.to_owned(),
            source,
        }),
    }
}

fn parse(text: &str, what: &str) -> Result<Map<String, Value>, TokensError> {
    serde_json::from_str(text).map_err(|source| TokensError::Load {
        what: what.to_owned(),
        source: source.into(),
    })
}

/// A token's spelling, plain or in an object.
fn spelling(token: Option<&Value>) -> Option<String> {
    let token = token?;
    let text = token.as_str().or_else(|| token.get("content")?.as_str())?;
    (!text.is_empty()).then(|| text.to_owned())
}

fn other_special_tokens(map: &Map<String, Value>) -> Vec<String> {
    let listed = ["additional_special_tokens", "extra_special_tokens"].into_iter();
    let listed = listed.filter_map(|key| map.get(key)?.as_array()).flatten();
    let decoder = map.get("added_tokens_decoder").and_then(Value::as_object);
    let added = decoder.into_iter().flat_map(|tokens| tokens.values());
    let added = added.filter(|token| token.get("special").is_some_and(|special| special == true));
    // Most configurations name the tokens of the one in the other too.
    let mut seen = HashSet::new();
    let names = listed
        .chain(added)
        .filter_map(|token| spelling(Some(token)));
    names.filter(|name| seen.insert(name.clone())).collect()
}

fn chat_templates(value: Option<&Value>) -> Vec<(String, String)> {
    let named = |row: &Value| {
        let field = |key: &str| row.get(key)?.as_str().map(str::to_owned);
        Some((field("name")?, field("template")?))
    };
    match value {
        Some(Value::String(template)) => vec![(DEFAULT.to_owned(), template.clone())],
        Some(Value::Array(rows)) => rows.iter().filter_map(named).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_and_templates_are_read_in_every_form() {
        let text = r#"{"bos_token": {"content": "<s>", "lstrip": false}, "eos_token": "</s>",
            "pad_token": null, "add_bos_token": true, "model_max_length": 1e30,
            "additional_special_tokens": ["<a>", {"content": "<b>"}],
            "added_tokens_decoder": {"2": {"content": "<a>", "special": true},
                                     "3": {"content": "<c>", "special": true},
                                     "4": {"content": "  ", "special": false}},
            "chat_template": [{"name": "default", "template": "D"}, {"name": "tool", "template": "T"}]}"#;
        let config = TokenizerConfig::from_json(text, "tokenizer_config.json").unwrap();
        let special = &config.special;
        assert_eq!(
            (special.bos.as_deref(), special.eos.as_deref()),
            (Some("<s>"), Some("</s>"))
        );
        assert_eq!((&special.pad, special.add_bos), (&None, Some(true)));
        assert_eq!(special.others, ["<a>", "<b>", "<c>"]);
        assert_eq!(config.chat_template(None), Some("D"));
        assert_eq!(config.chat_template(Some("tool")), Some("T"));
        assert_eq!(config.model_max_length, None);
    }

    #[test]
    fn the_jinja_file_wins_and_the_map_fills_gaps() {
        let folder = tempfile::tempdir().unwrap();
        let write =
            |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        assert_eq!(
            TokenizerConfig::read(folder.path()).unwrap(),
            TokenizerConfig::default()
        );
        write(
            "tokenizer_config.json",
            r#"{"eos_token": "</s>", "chat_template": "old"}"#,
        );
        write(
            "special_tokens_map.json",
            r#"{"bos_token": "<s>", "eos_token": "<e>"}"#,
        );
        write("chat_template.jinja", "new");
        let config = TokenizerConfig::read(folder.path()).unwrap();
        assert_eq!(config.chat_template(None), Some("new"));
        assert_eq!(config.special.bos.as_deref(), Some("<s>"));
        assert_eq!(config.special.eos.as_deref(), Some("</s>"));
        write("tokenizer_config.json", "{");
        let error = TokenizerConfig::read(folder.path())
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("tokenizer_config.json is not usable"),
            "{error}"
        );
    }
}
