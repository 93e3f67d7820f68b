//! From keys to a run of halving and continuing: which documents, how they are shown, what is left out.

use idiolect::continuation::{Corpus, Filters, Identity, Kind, RowFormat, Settings, Shown, Target};

use crate::commands::continuation::Keys;
use crate::error::CliError;

/// The corpus that the keys name.
///
/// # Errors
///
/// [`CliError::Setting`] for a kind that there is not; [`CliError::Data`] where there is no document.
pub fn corpus(keys: &Keys) -> Result<Corpus, CliError> {
    let missing = || CliError::setting("--corpus", "a file or a folder of documents", "nothing");
    let mut corpus = Corpus::find(keys.corpus.as_deref().ok_or_else(missing)?)?;
    corpus.kind = match keys.kind.as_deref() {
        None => None,
        Some("rows") => Some(Kind::Rows),
        Some("text") => Some(Kind::Text),
        Some("lines") => Some(Kind::TextLines),
        Some(other) => return Err(CliError::setting("--kind", "rows, text or lines", other)),
    };
    if let Some(field) = &keys.text_field {
        corpus.text.clone_from(field);
    }
    if keys.id_field.is_some() {
        corpus.id.clone_from(&keys.id_field);
    }
    Ok(corpus)
}

/// What the keys say; as yet without a teacher.
///
/// # Errors
///
/// [`CliError::Setting`] names the one at fault.
pub fn settings(keys: &Keys) -> Result<Settings, CliError> {
    let missing = || CliError::setting("--documents", "a number", "nothing");
    let nobody = Identity {
        model: "none".into(),
        adapter: None,
        sampler: serde_json::Value::Null,
    };
    let plain = Settings::new(keys.documents.ok_or_else(missing)?, nobody);
    Ok(Settings {
        min_words: keys.min_words.unwrap_or(plain.min_words),
        max_words: keys.max_words.unwrap_or(plain.max_words),
        target: match keys.target.as_deref().unwrap_or("teacher") {
            "teacher" => Target::Teacher,
            "original" => Target::Original,
            other => return Err(CliError::setting("--target", "teacher or original", other)),
        },
        shown: shown(keys)?,
        filters: filters(&keys.filters)?,
        rows: match keys.rows.as_deref().unwrap_or("messages") {
            "messages" => RowFormat::Messages,
            "text" => RowFormat::Text,
            other => return Err(CliError::setting("--rows", "messages or text", other)),
        },
        window: keys.window.unwrap_or(plain.window),
        seed: keys.seed.unwrap_or(plain.seed),
        ..plain
    })
}

fn shown(keys: &Keys) -> Result<Shown, CliError> {
    let system = keys.system.clone();
    match keys.shown.as_deref().unwrap_or("chat") {
        "chat" => Ok(Shown::Chat { system }),
        "raw" if system.is_none() => Ok(Shown::Raw),
        "raw" => Err(CliError::setting("--system", "--shown chat", "raw")),
        other => Err(CliError::setting("--shown", "chat or raw", other)),
    }
}

fn filters(names: &[String]) -> Result<Filters, CliError> {
    let mut filters = Filters {
        empty: names.is_empty(),
        ..Filters::default()
    };
    for name in names {
        match name.as_str() {
            "empty" => filters.empty = true,
            "unfinished" => filters.unfinished = true,
            "capital" => filters.capital = true,
            "instructional" => filters.instructional = true,
            "conversational" => filters.conversational = true,
            "none" if names.len() == 1 => {}
            other => {
                let expected =
                    "empty, unfinished, capital, instructional, conversational, or none alone";
                return Err(CliError::setting("--filters", expected, other));
            }
        }
    }
    Ok(filters)
}
