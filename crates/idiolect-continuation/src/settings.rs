//! What a user sets about halving and continuing, in a file or on the command line.

use std::path::PathBuf;

use idiolect_completion::{GenerationSettings, Reasoning, WriterAddress};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::config::{ContinuationConfig, RowForm, Shown, Target};
use crate::corpus::{Corpus, CorpusKind};
use crate::error::ContinuationError;
use crate::filter::Filters;
use crate::preset::preset;

/// More new tokens of a judge are a slip.
const MOST_TOKENS: usize = 16_777_216;

/// How a first part is put to the teacher, by name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ShownAs {
    /// As a user's turn.
    #[default]
    Chat,
    /// As text to continue.
    Raw,
}

/// How a corpus is halved and continued; flat keys of a configuration file.
///
/// The values of a preset that is named stand beneath those that a file gives, wherever these settings are
/// deserialised; [`Self::from_preset`] is for settings made in Rust.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, remote = "Self")]
pub struct ContinuationSettings {
    /// Documents: JSON Lines, Parquet, a text file, or a folder of them; text plain, gzip or zstd.
    pub corpus: Option<PathBuf>,
    /// What its files are: rows (JSON Lines), text (a file is a document) or lines (a line is one); by default
    /// by name and first byte.
    pub kind: Option<CorpusKind>,
    /// Field of a row that holds its text; default text.
    pub text_field: String,
    /// Field of a row that holds its id; default id. Rows without it are called `FILE:LINE`.
    pub id_field: String,
    /// Settings of the paper (arXiv 2409.00096): nift-2409, nift-2409/claude with its system prompt, or
    /// nift-2409/original, its control.
    pub preset: Option<String>,
    /// Documents drawn by the seed, 1 to 1000000000; all of a smaller corpus. There is no default.
    pub documents: Option<usize>,
    /// Fewest words of a document that may be drawn, at least 2; default 8.
    pub min_words: usize,
    /// Most words of a document that may be drawn; no bound by default.
    pub max_words: Option<usize>,
    /// Who continues: local:MODEL, a folder, a .gguf file or a name on the Hub; or openai:URL, an
    /// OpenAI-compatible server.
    pub teacher: Option<WriterAddress>,
    /// PEFT folder: a local teacher writes with this adapter on.
    pub adapter: Option<PathBuf>,
    /// Who judges, in the same form; it writes the most probable tokens. The teacher by default.
    pub judge: Option<WriterAddress>,
    /// The most new tokens of the judge, 1 to 16777216; default 8, enough for its one word. A judge that reasons first
    /// needs more.
    pub judge_max_new_tokens: usize,
    /// Name of the judge's model on its server; by default the only one that it serves.
    pub judge_model: Option<String>,
    /// How the teacher is shown the half: chat (the default), a user's turn; or raw, text to continue.
    pub shown: ShownAs,
    /// System prompt before the user's turn; none by default.
    pub system: Option<String>,
    /// What is trained: teacher (the default), what it wrote; original, the document's own second part; or whole, the
    /// document as it is, in rows of text. For the last two no teacher is asked.
    pub target: Target,
    /// Texts that make no row: empty, unfinished, capital (begins with a capital letter where the original does
    /// not), instructional and conversational (a judge says so), or none alone. Default: empty.
    pub filters: Vec<String>,
    /// Form of the training rows: messages (the default), whose text alone is trained with template vanilla; or
    /// text, all of which is trained.
    pub rows: RowForm,
    /// What becomes of reasoning (`<think>…</think>`) in the texts of a server or a local model: remove (the default),
    /// which counts it; or keep.
    pub reasoning: Reasoning,
    /// Documents in memory at a time, 1 to 1000000; default 1024.
    pub window: usize,
}

impl Default for ContinuationSettings {
    fn default() -> Self {
        let plain = ContinuationConfig::new(0);
        Self {
            corpus: None,
            kind: None,
            text_field: "text".to_owned(),
            id_field: "id".to_owned(),
            preset: None,
            documents: None,
            min_words: plain.min_words,
            max_words: None,
            teacher: None,
            adapter: None,
            judge: None,
            judge_max_new_tokens: 8,
            judge_model: None,
            shown: ShownAs::default(),
            system: None,
            target: plain.target,
            filters: Vec::new(),
            rows: plain.rows,
            reasoning: Reasoning::default(),
            window: plain.window,
        }
    }
}

impl Serialize for ContinuationSettings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for ContinuationSettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let mut given = Map::<String, Value>::deserialize(deserializer)?;
        if let Some(Value::String(name)) = given.get("preset") {
            let values = preset(name).map_err(D::Error::custom)?;
            for (key, value) in values {
                let value = serde_json::to_value(value).map_err(D::Error::custom)?;
                given.entry(key).or_insert(value);
            }
        }
        Self::deserialize(Value::Object(given)).map_err(D::Error::custom)
    }
}

impl ContinuationSettings {
    /// The settings of a preset.
    ///
    /// # Errors
    ///
    /// [`ContinuationError::Setting`] for a name that is none of [`PRESETS`](crate::PRESETS).
    pub fn from_preset(name: &str) -> Result<Self, ContinuationError> {
        let mut values = preset(name)?;
        values.insert("preset".to_owned(), name.into());
        values.try_into().map_err(|error: toml::de::Error| {
            ContinuationError::setting("preset", "a preset", error)
        })
    }

    /// Refuses values that are out of range.
    ///
    /// # Errors
    ///
    /// [`ContinuationError::Setting`] names the first by its key.
    pub fn validate(&self) -> Result<(), ContinuationError> {
        if !(1..=MOST_TOKENS).contains(&self.judge_max_new_tokens) {
            let (expected, found) = (format!("1 to {MOST_TOKENS}"), self.judge_max_new_tokens);
            let name = "judge_max_new_tokens";
            return Err(ContinuationError::setting(name, expected, found));
        }
        self.config(0)?.check()
    }

    /// The corpus that the settings name.
    ///
    /// # Errors
    ///
    /// [`ContinuationError::Setting`] where none is named; [`ContinuationError::Data`] where there is no
    /// document.
    pub fn corpus(&self) -> Result<Corpus, ContinuationError> {
        let expected = "a file or a folder of documents";
        let missing = || ContinuationError::setting("corpus", expected, "nothing");
        Ok(Corpus {
            kind: self.kind,
            text: self.text_field.clone(),
            id: Some(self.id_field.clone()),
            ..Corpus::find(self.corpus.as_deref().ok_or_else(missing)?)?
        })
    }

    /// What the settings say; `seed` chooses the documents, their cuts and the draws.
    ///
    /// # Errors
    ///
    /// [`ContinuationError::Setting`] names the one at fault by its key.
    pub fn config(&self, seed: u64) -> Result<ContinuationConfig, ContinuationError> {
        if let Some(name) = &self.preset {
            preset(name)?;
        }
        let missing = || ContinuationError::setting("documents", "a number", "nothing");
        Ok(ContinuationConfig {
            min_words: self.min_words,
            max_words: self.max_words.unwrap_or(usize::MAX),
            target: self.target,
            shown: self.shown()?,
            filters: Filters::from_names(&self.filters)?,
            rows: self.rows,
            window: self.window,
            seed,
            ..ContinuationConfig::new(self.documents.ok_or_else(missing)?)
        })
    }

    /// How a judge of its own writes: at most 8 tokens, the most probable each time.
    #[must_use]
    pub fn judge_generation(&self, generation: &GenerationSettings) -> GenerationSettings {
        GenerationSettings {
            max_new_tokens: self.judge_max_new_tokens,
            generation_batch_size: generation.generation_batch_size,
            ..GenerationSettings::default()
        }
    }

    fn shown(&self) -> Result<Shown, ContinuationError> {
        match (self.shown, &self.system) {
            (ShownAs::Chat, system) => Ok(Shown::Chat {
                system: system.clone(),
            }),
            (ShownAs::Raw, None) => Ok(Shown::Raw),
            (ShownAs::Raw, Some(_)) => {
                let expected = "none where the half is shown raw";
                Err(ContinuationError::setting(
                    "system",
                    expected,
                    "a system prompt",
                ))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::PAPER_SYSTEM;

    fn given(value: Value) -> ContinuationSettings {
        serde_json::from_value(value).unwrap()
    }

    fn told(value: Value) -> String {
        given(value).validate().unwrap_err().to_string()
    }

    #[test]
    fn a_preset_stands_beneath_what_is_given() {
        let claude = given(json!({"preset": "nift-2409/claude"}));
        assert_eq!(
            claude,
            ContinuationSettings::from_preset("nift-2409/claude").unwrap()
        );
        assert_eq!(claude.system.as_deref(), Some(PAPER_SYSTEM));
        assert_eq!(claude.documents, Some(10_000));
        let fewer = given(json!({"preset": "nift-2409/original", "documents": 5}));
        assert_eq!((fewer.documents, fewer.target), (Some(5), Target::Original));
        let written = serde_json::to_value(&fewer).unwrap();
        assert_eq!(given(written), fewer);
        assert!(serde_json::from_value::<ContinuationSettings>(json!({"preset": "nift"})).is_err());
    }

    /// As a command has them: flat, beside the settings of the sampler, which a preset has too.
    #[derive(Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
    #[serde(default)]
    struct Flat {
        #[serde(flatten)]
        continuation: ContinuationSettings,
        #[serde(flatten)]
        generation: GenerationSettings,
    }

    #[test]
    fn settings_are_a_part_of_a_flat_file() {
        use idiolect_data::settings::{Layer, resolve, to_toml};
        let file = "preset = \"nift-2409/claude\"\ntop_p = 0.5\nshown = \"raw\"\nsystem = \"\"";
        let layers = [Layer::parse("run.toml", file).unwrap()];
        let flat: Flat = resolve(&layers).unwrap();
        assert_eq!(flat.continuation.documents, Some(10_000));
        assert_eq!(flat.continuation.shown, ShownAs::Raw);
        assert!((flat.generation.top_p - 0.5).abs() < 1e-12);
        let written = Layer::parse("run.toml", &to_toml(&flat).unwrap()).unwrap();
        assert_eq!(resolve::<Flat>(&[written]).unwrap(), flat);
    }

    #[test]
    fn the_schema_has_the_keys_of_the_file() {
        let schema = schemars::schema_for!(ContinuationSettings).to_value();
        let written = serde_json::to_value(ContinuationSettings::default()).unwrap();
        let keys = |value: &Value| {
            value
                .as_object()
                .unwrap()
                .keys()
                .cloned()
                .collect::<Vec<_>>()
        };
        assert_eq!(keys(&schema["properties"]), keys(&written));
    }

    #[test]
    fn bad_settings_are_named_by_their_key() {
        assert_eq!(
            told(json!({})),
            "documents: expected a number, found nothing"
        );
        assert_eq!(
            told(json!({"documents": 0})),
            "documents: expected at least 1, found 0"
        );
        for (key, value) in [
            ("documents", json!({"documents": 1_000_000_001})),
            ("window", json!({"documents": 1, "window": 1_000_001})),
        ] {
            assert!(told(value).starts_with(&format!("{key}: expected at most ")));
        }
        let raw = told(json!({"documents": 1, "shown": "raw", "system": "Go on"}));
        assert!(raw.starts_with("system: expected none"), "{raw}");
        let filters = told(json!({"documents": 1, "filters": ["none", "empty"]}));
        assert!(
            filters.starts_with("filters: expected empty, ") && filters.ends_with("found none")
        );
        let corpus = given(json!({})).corpus().unwrap_err().to_string();
        assert_eq!(
            corpus,
            "corpus: expected a file or a folder of documents, found nothing"
        );
    }

    #[test]
    fn names_of_values_are_those_of_the_file() {
        let settings = given(json!({
            "documents": 3, "kind": "lines", "shown": "raw", "target": "original", "rows": "text",
            "filters": ["capital", "conversational"], "teacher": "local:models/a",
        }));
        let config = settings.config(7).unwrap();
        assert_eq!(settings.kind, Some(CorpusKind::TextLines));
        assert_eq!(
            (config.shown, config.rows, config.seed),
            (Shown::Raw, RowForm::Text, 7)
        );
        assert!(config.filters.capital && config.filters.conversational && !config.filters.empty);
        assert_eq!(
            settings.teacher,
            Some(WriterAddress::Local("models/a".into()))
        );
    }
}
