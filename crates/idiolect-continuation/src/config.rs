//! What halving and continuing is asked to do, ready to run.

use idiolect_completion::Prompt;
use idiolect_data::{Message, Role};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::ContinuationError;
use crate::filter::Filters;

/// The system prompt that the paper gives to teachers which would otherwise answer instead of
/// continuing (its Claude teachers); the others get none.
pub const PAPER_SYSTEM: &str =
    "Please continue directly from the end of the given sentence without repeating it";

/// Documents whose numbers are held in memory.
const MOST_DOCUMENTS: usize = 1_000_000_000;
/// Documents whose texts are held in memory.
const MOST_WINDOW: usize = 1_000_000;

/// What a row's response is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// What the teacher wrote.
    #[default]
    Teacher,
    /// The document's own second part: the paper's control run; no teacher is asked.
    Original,
    /// The whole document, not cut: a set as it is, for what a judge says of it (Table 8), or to be trained on as plain
    /// text; no teacher is asked.
    Whole,
}

/// How the first part is put to the teacher.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shown {
    /// As it is, to be continued.
    Raw,
    /// As a user's turn, alone or after a system prompt such as [`PAPER_SYSTEM`]; what the paper does.
    Chat {
        /// The system prompt.
        system: Option<String>,
    },
}

impl Default for Shown {
    /// A user's turn without a system prompt.
    fn default() -> Self {
        Self::Chat { system: None }
    }
}

/// The form of the training rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RowForm {
    /// The first part as the user's turn, the text as the assistant's: only the text is trained.
    /// For data format `messages` with template `vanilla`, as in the paper.
    #[default]
    Messages,
    /// One text of both: all of it is trained. For data format `text`.
    Text,
}

/// One run of halving and continuing.
#[derive(Debug, Clone, PartialEq)]
pub struct ContinuationConfig {
    /// Documents sampled from the corpus, uniformly, 1 to 1000000000; all of a smaller corpus.
    /// The paper takes 80,000, and 10,000 for its Claude teachers.
    pub documents: usize,
    /// Fewest words of a document that may be sampled, at least 2; default 8, so that the shorter
    /// part has two.
    pub min_words: usize,
    /// Most words of a document that may be sampled; no bound by default.
    pub max_words: usize,
    /// What a row's response is.
    pub target: Target,
    /// How the first part is put to the teacher.
    pub shown: Shown,
    /// Which texts make no row.
    pub filters: Filters,
    /// The form of the training rows.
    pub rows: RowForm,
    /// The most requests that a writer is given at once, and so the most documents in memory, 1 to
    /// 1000000; default 1,024.
    pub window: usize,
    /// Chooses the documents and their cuts, and gives each text its own seed.
    pub seed: u64,
}

impl ContinuationConfig {
    /// The paper's defaults for a number of documents.
    #[must_use]
    pub fn new(documents: usize) -> Self {
        Self {
            documents,
            min_words: 8,
            max_words: usize::MAX,
            target: Target::default(),
            shown: Shown::default(),
            filters: Filters::default(),
            rows: RowForm::default(),
            window: 1024,
            seed: 42,
        }
    }

    /// What the teacher is shown of a first part.
    #[must_use]
    pub fn prompt(&self, first: &str) -> Prompt {
        let message = |role, content: &str| Message::new(role, content);
        let turn = message(Role::User, first);
        match &self.shown {
            Shown::Raw => Prompt::Text(first.to_owned()),
            Shown::Chat { system: None } => Prompt::Chat(vec![turn]),
            Shown::Chat {
                system: Some(system),
            } => Prompt::Chat(vec![message(Role::System, system), turn]),
        }
    }

    /// How the teacher is asked, in words for the journal.
    pub(crate) fn form(&self) -> String {
        match &self.shown {
            Shown::Raw => "raw".to_owned(),
            Shown::Chat { system: None } => "chat".to_owned(),
            Shown::Chat {
                system: Some(system),
            } => format!("chat with system prompt {system:?}"),
        }
    }

    pub(crate) fn check(&self) -> Result<(), ContinuationError> {
        let refuse = |setting, expected: &str, found: String| {
            Err(ContinuationError::setting(setting, expected, found))
        };
        if self.documents == 0 {
            return refuse("documents", "at least 1", "0".to_owned());
        }
        if self.min_words < 2 {
            return refuse("min_words", "at least 2", self.min_words.to_string());
        }
        if self.max_words < self.min_words {
            let least = format!("at least min_words, {}", self.min_words);
            return refuse("max_words", &least, self.max_words.to_string());
        }
        if self.window == 0 {
            return refuse("window", "at least 1", "0".to_owned());
        }
        for (name, number, most) in [
            ("documents", self.documents, MOST_DOCUMENTS),
            ("window", self.window, MOST_WINDOW),
        ] {
            if most < number {
                return refuse(name, &format!("at most {most}"), number.to_string());
            }
        }
        Ok(())
    }
}
