//! The 25 instructions, under the names of the data set.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::MetricsError;

/// Which side of a number a count must be on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Relation {
    /// Below it.
    #[serde(rename = "less than")]
    LessThan,
    /// It, or above.
    #[serde(rename = "at least")]
    AtLeast,
}

/// One of the 25 instructions with its arguments, under the names of the data set.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "id", content = "arguments")]
#[allow(missing_docs, reason = "the arguments carry the names of the data set")]
#[non_exhaustive]
pub enum Instruction {
    /// Every keyword occurs; each is a regular expression, case is ignored.
    #[serde(rename = "keywords:existence")]
    Keywords { keywords: Vec<String> },
    /// How often a keyword occurs.
    #[serde(rename = "keywords:frequency")]
    KeywordFrequency {
        relation: Relation,
        keyword: String,
        frequency: usize,
    },
    /// None of the words occurs as a whole word.
    #[serde(rename = "keywords:forbidden_words")]
    ForbiddenWords { forbidden_words: Vec<String> },
    /// How often a letter, or another character, occurs, case ignored.
    ///
    /// For anything but a to z the reference counts a letter drawn at random instead, so that its
    /// verdict has no value to repeat.
    #[serde(rename = "keywords:letter_frequency")]
    LetterFrequency {
        let_relation: Relation,
        letter: String,
        let_frequency: usize,
    },
    /// The response is in one language, an ISO 639-1 code.
    #[serde(rename = "language:response_language")]
    Language { language: String },
    /// How many sentences there are, by Punkt's English model.
    #[serde(rename = "length_constraints:number_sentences")]
    Sentences {
        relation: Relation,
        num_sentences: usize,
    },
    /// Exactly so many paragraphs between lines of `***`.
    #[serde(rename = "length_constraints:number_paragraphs")]
    Paragraphs { num_paragraphs: usize },
    /// How many words there are.
    #[serde(rename = "length_constraints:number_words")]
    Words {
        relation: Relation,
        num_words: usize,
    },
    /// Exactly so many paragraphs between blank lines, one of which (from 1) begins with a word.
    #[serde(rename = "length_constraints:nth_paragraph_first_word")]
    ParagraphFirstWord {
        first_word: String,
        num_paragraphs: usize,
        nth_paragraph: usize,
    },
    /// At least so many placeholders in square brackets.
    #[serde(rename = "detectable_content:number_placeholders")]
    Placeholders { num_placeholders: usize },
    /// A postscript behind its marker.
    #[serde(rename = "detectable_content:postscript")]
    Postscript { postscript_marker: String },
    /// Exactly so many bullet points.
    #[serde(rename = "detectable_format:number_bullet_lists")]
    Bullets { num_bullets: usize },
    /// One of three answers that the prompt allows.
    #[serde(rename = "detectable_format:constrained_response")]
    ConstrainedResponse {},
    /// At least so many sections between asterisks.
    #[serde(rename = "detectable_format:number_highlighted_sections")]
    Highlights { num_highlights: usize },
    /// At least so many sections behind a numbered heading.
    #[serde(rename = "detectable_format:multiple_sections")]
    Sections {
        section_spliter: String,
        num_sections: usize,
    },
    /// JSON, as Python reads it, and nothing else.
    #[serde(rename = "detectable_format:json_format")]
    Json {},
    /// A title in double angular brackets.
    #[serde(rename = "detectable_format:title")]
    Title {},
    /// Two different responses apart by six asterisks.
    #[serde(rename = "combination:two_responses")]
    TwoResponses {},
    /// The prompt comes first, word for word.
    #[serde(rename = "combination:repeat_prompt")]
    RepeatPrompt { prompt_to_repeat: String },
    /// The response ends in a phrase.
    #[serde(rename = "startend:end_checker")]
    End { end_phrase: String },
    /// The response is in double quotes.
    #[serde(rename = "startend:quotation")]
    Quotation {},
    /// How many words are in capitals, by NLTK's tokenizer.
    #[serde(rename = "change_case:capital_word_frequency")]
    CapitalWords {
        capital_relation: Relation,
        capital_frequency: usize,
    },
    /// English in capitals alone.
    #[serde(rename = "change_case:english_capital")]
    EnglishCapital {},
    /// English in small letters alone.
    #[serde(rename = "change_case:english_lowercase")]
    EnglishLowercase {},
    /// No comma.
    #[serde(rename = "punctuation:no_comma")]
    NoComma {},
}

impl Instruction {
    /// Reads an instruction's name, as `keywords:existence`, and its arguments, an object.
    ///
    /// Arguments of other instructions and nulls beside its own are passed over.
    ///
    /// # Errors
    ///
    /// [`MetricsError::Instruction`] where the name is none of the 25 or an argument is missing.
    pub fn new(id: &str, arguments: &Value) -> Result<Self, MetricsError> {
        let arguments = if arguments.is_null() {
            &json!({})
        } else {
            arguments
        };
        let named = json!({"id": id, "arguments": arguments});
        serde_json::from_value(named).map_err(|error| MetricsError::Instruction {
            id: id.to_owned(),
            reason: error.to_string(),
        })
    }

    /// Whether the verdict depends on the language of the response, and so on `whatlang`.
    #[must_use]
    pub fn asks_for_language(&self) -> bool {
        matches!(
            self,
            Self::Language { .. } | Self::EnglishCapital {} | Self::EnglishLowercase {}
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_name_and_a_missing_argument_are_errors() {
        for (id, arguments) in [
            ("punctuation:commas", json!({})),
            ("keywords:existence", json!({})),
        ] {
            let error = Instruction::new(id, &arguments).unwrap_err();
            assert!(
                error
                    .to_string()
                    .starts_with(&format!("instruction {id:?} cannot")),
                "{error}"
            );
        }
        let spare = json!({"num_words": null, "keywords": null});
        assert_eq!(
            Instruction::new("punctuation:no_comma", &spare),
            Ok(Instruction::NoComma {})
        );
    }
}
