//! The pattern by which Mistral's newer tokenizers cut a text, in the place of Llama 3's.
//!
//! `tokenizer.json` of Mistral Nemo, Small and Ministral was written with Llama 3's pattern by transformers before 5.0,
//! which gives other ids than the vendor's for one text in eight. It is mended as transformers does where it is asked
//! to by `fix_mistral_regex` (5.24, `tokenization_utils_tokenizers.py`, `_patch_mistral_regex`), and told as it is told
//! there: a folder whose `config.json` says a Mistral, written by transformers before 5.0. `fix_mistral_regex: false` in
//! `tokenizer_config.json` leaves the pattern as it is.

use std::path::Path;

use idiolect_input::{limits, read_text};
use serde_json::{Value, json};

/// The vendor's pattern.
pub(crate) const TEKKEN: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// Llama 3's.
pub(crate) const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// The key of the flag in `tokenizer_config.json`.
pub(crate) const FLAG: &str = "fix_mistral_regex";

/// Model types that transformers looks at.
const MISTRALS: [&str; 5] = ["mistral", "mistral3", "voxtral", "ministral", "pixtral"];

/// Puts the vendor's pattern into a `tokenizer.json` that has Llama 3's where it should have the vendor's; whether the
/// flag is to be kept, and which.
pub(crate) fn mend(folder: &Path, tokenizer: &mut Value) -> Option<bool> {
    let flag = field(&folder.join("tokenizer_config.json"), FLAG).and_then(|flag| flag.as_bool());
    let config = folder.join("config.json");
    let is_asked = flag == Some(true);
    if flag == Some(false) || !(is_asked || is_old_mistral(&config)) || !has_instructions(tokenizer)
    {
        return flag;
    }
    let first = tokenizer.pointer_mut("/pre_tokenizer/pretokenizers/0")?;
    let own = first.pointer("/pattern/Regex").and_then(Value::as_str);
    match own {
        Some(LLAMA3) => {
            first["pattern"] = json!({ "Regex": TEKKEN });
            Some(true)
        }
        _ => flag,
    }
}

/// The pattern of a `tokenizer.json` that cuts by one first.
pub(crate) fn pattern(tokenizer: &Value) -> Option<String> {
    let found = tokenizer.pointer("/pre_tokenizer/pretokenizers/0/pattern/Regex")?;
    found.as_str().map(str::to_owned)
}

/// Whether the tokenizer has Mistral's marks: other models of its architecture bring Llama 3's own.
fn has_instructions(tokenizer: &Value) -> bool {
    let added = tokenizer["added_tokens"].as_array();
    let mut added = added.into_iter().flatten();
    added.any(|token| token["content"] == "[INST]")
}

/// Whether a `config.json` is of a Mistral and was written by transformers before 5.0, or by nobody that says so.
fn is_old_mistral(config: &Path) -> bool {
    let kind = field(config, "model_type");
    let is_mistral = kind
        .as_ref()
        .and_then(Value::as_str)
        .is_some_and(|kind| MISTRALS.contains(&kind));
    let version = field(config, "transformers_version");
    let major = version
        .as_ref()
        .and_then(Value::as_str)
        .and_then(|text| text.split('.').next()?.parse::<u32>().ok());
    is_mistral && major.is_none_or(|major| major < 5)
}

fn field(path: &Path, name: &str) -> Option<Value> {
    let text = read_text(path, &limits::CONFIG_BYTES).ok()?;
    let mut value: Value = serde_json::from_str(&text).ok()?;
    value.get_mut(name).map(Value::take)
}
