//! What a writer is shown.

use std::fmt;

use idiolect_data::{Message, Role, text_hash};
use idiolect_prompt::Rendered;

use crate::given::GivenResponse;

/// What a writer is shown.
#[derive(Debug, Clone, PartialEq)]
pub enum Prompt {
    /// Text to continue, with no markup around it: `/v1/completions`, or a local model's plain text.
    Text(String),
    /// Turns to answer, the last one the user's: `/v1/chat/completions`, or a model's chat template.
    Chat(Vec<Message>),
    /// A prompt that a template has rendered already, special tokens marked.
    Rendered(Rendered),
    /// A response that is to be scored and not written anew; the completion is the response itself, with the
    /// distributions at its tokens.
    Given(GivenResponse),
}

impl Prompt {
    /// A chat of one turn of the user.
    #[must_use]
    pub fn user(content: impl Into<String>) -> Self {
        Self::Chat(vec![Message::new(Role::User, content)])
    }

    /// The prompt's SHA-256 in hexadecimal, as journals hold it.
    ///
    /// Of a rendered prompt its text is hashed, special tokens spelt out; of a given response the ids of prompt and
    /// response; of the others the text or every turn with its role and length, so that no two prompts give the same.
    #[must_use]
    pub fn sha256(&self) -> String {
        text_hash(&match self {
            Self::Text(text) => format!("text\n{text}"),
            Self::Chat(turns) => format!("chat{}", turns.iter().map(turn).collect::<String>()),
            Self::Rendered(rendered) => rendered.to_string(),
            Self::Given(given) => format!("given {:?} {:?}", given.prompt, given.scored()),
        })
    }
}

impl fmt::Display for Prompt {
    /// The text, special tokens spelt out; of a chat each turn below its role; of a given response its text alone.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Chat(turns) => turns
                .iter()
                .try_for_each(|turn| writeln!(f, "{}:\n{}\n", turn.role_name(), turn.content)),
            Self::Rendered(rendered) => rendered.fmt(f),
            Self::Given(given) => f.write_str(&given.text),
        }
    }
}

fn turn(message: &Message) -> String {
    let (role, content) = (message.role_name(), &message.content);
    let more = message.fields.as_ref().map_or_else(String::new, |own| {
        let fields = serde_json::Value::Object((**own).clone());
        format!("\nfields {fields}")
    });
    format!("\n{role} {}\n{content}{more}", content.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_of_the_same_letters_have_hashes_of_their_own() {
        let chat = |contents: &[&str]| {
            let turn = |content: &&str| Message::new(Role::User, (*content).to_owned());
            Prompt::Chat(contents.iter().map(turn).collect()).sha256()
        };
        let hashes = [
            Prompt::Text("a".into()).sha256(),
            chat(&["a"]),
            chat(&["a", ""]),
            chat(&["", "a"]),
            chat(&["a\nuser 0\n"]),
        ];
        for (at, hash) in hashes.iter().enumerate() {
            assert_eq!(hash.len(), 64);
            assert!(!hashes[..at].contains(hash), "{at}");
        }
    }

    /// Journals hold these: `printf 'chat\nuser 2\nHi' | sha256sum`.
    #[test]
    fn the_hashes_are_those_of_earlier_journals() {
        assert_eq!(Prompt::user("Hi").sha256(), text_hash("chat\nuser 2\nHi"));
    }
}
