//! What the rows of a file are, written out as settings: the format by its name, and the columns that hold question and
//! answer where they have other names than usual.
//!
//! Nothing guesses by what a column contains; a file whose columns have none of the names here is refused.

use super::settings::DataSettings;
use crate::formats::{FIRST_ROWS, detect, named, pair};
use crate::rows::{RawRow, first_rows};
use crate::{DataError, FileFormat, Format, FormatSetting, RowFormat};

impl DataSettings {
    /// These settings with the format and the columns of their one file, as far as the file's own names tell them.
    ///
    /// # Errors
    ///
    /// [`DataError::Setting`] for no file or several; [`DataError::Field`] names the columns that are there, where none
    /// is known; those of reading the file.
    pub fn recognised(&self) -> Result<Self, DataError> {
        let raw = first_rows(self.only()?, FIRST_ROWS)?;
        let refused = match detect(&raw, &self.columns()) {
            Ok(FileFormat::Tokens) => return Ok(self.with_format(FormatSetting::Tokens)),
            Ok(FileFormat::Examples(found)) if !is_pair(&found, &raw.rows) => {
                let own = Format::ALL
                    .into_iter()
                    .find(|own| own.with(&self.columns()) == found);
                // Fields of other names are found by `auto` alone.
                let format = own.map_or(FormatSetting::Auto, FormatSetting::from);
                return Ok(self.with_format(format));
            }
            Ok(_) => None,
            Err(error) => Some(error),
        };
        match (pair(&raw.rows), refused) {
            // A column of this name is found by `auto` alone.
            (Some(columns), _) if columns.input != self.columns().input => {
                Ok(self.with_format(FormatSetting::Auto))
            }
            (Some(columns), _) => Ok(Self {
                instruction_column: columns.instruction,
                response_column: columns.response,
                ..self.with_format(Format::Alpaca.into())
            }),
            (None, Some(error)) => Err(error),
            (None, None) => Ok(self.with_format(Format::Alpaca.into())),
        }
    }

    fn with_format(&self, format: FormatSetting) -> Self {
        Self {
            format,
            ..self.clone()
        }
    }
}

/// Whether rows are pairs of question and answer with names of their own: those of which the format knows the question
/// alone.
fn is_pair(found: &RowFormat, rows: &[RawRow]) -> bool {
    let is = |format: Format| found.name == format.name();
    let completed = ["completion", "response"];
    is(Format::Alpaca) || (is(Format::Completion) && named(rows, &completed).is_none())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn of(text: &str) -> Result<DataSettings, DataError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.jsonl");
        fs::write(&path, text).unwrap();
        let settings = DataSettings {
            data: vec![path],
            ..DataSettings::default()
        };
        settings.recognised()
    }

    #[test]
    fn columns_are_known_by_their_names() {
        for (row, question, answer) in [
            (r#"{"question": "a", "answer": "b"}"#, "question", "answer"),
            (
                r#"{"Query": "a", "Response": "b", "n": 1}"#,
                "Query",
                "Response",
            ),
            (
                r#"{"instruction": "a", "output": "b"}"#,
                "instruction",
                "output",
            ),
            (
                r#"{"instruction": "a", "answer": "b"}"#,
                "instruction",
                "answer",
            ),
            (
                r#"{"problem": "a", "solution": "b"}"#,
                "problem",
                "solution",
            ),
            (r#"{"input": "a", "output": "b"}"#, "input", "output"),
            (r#"{"prompt": "a", "answer": "b"}"#, "prompt", "answer"),
        ] {
            let found = of(row).unwrap();
            assert_eq!(
                found.format,
                FormatSetting::BuiltIn(Format::Alpaca),
                "{row}"
            );
            let columns = (
                found.instruction_column.as_str(),
                found.response_column.as_str(),
            );
            assert_eq!(columns, (question, answer), "{row}");
            // And as they are written they are read.
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("rows.jsonl");
            fs::write(&path, row).unwrap();
            let set = found.read(&path).unwrap();
            assert_eq!(set.rows[0].example.messages.len(), 2, "{row}");
        }
    }

    #[test]
    fn what_a_question_is_about_is_read_once() {
        let asked = |row: &str| {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("rows.jsonl");
            fs::write(&path, row).unwrap();
            let settings = DataSettings {
                data: vec![path.clone()],
                ..DataSettings::default()
            };
            let read = [settings.clone(), settings.recognised().unwrap()].map(|settings| {
                let example = settings.read(&path).unwrap().rows.remove(0).example;
                let text = |turn: &crate::Message| turn.content.clone();
                example.messages.iter().map(text).collect::<Vec<_>>()
            });
            assert_eq!(read[0], read[1], "{row}");
            read[0].join("|")
        };
        assert_eq!(asked(r#"{"input": "q", "output": "a"}"#), "q|a");
        assert_eq!(asked(r#"{"input": "q", "target": "a"}"#), "q|a");
        // Dolly's columns, and SQuAD's.
        let dolly = r#"{"instruction": "q", "context": "c", "response": "a"}"#;
        assert_eq!(asked(dolly), "q\nc|a");
        assert_eq!(
            asked(r#"{"question": "q", "context": "c", "answer": "a"}"#),
            "q\nc|a"
        );
        assert_eq!(asked(r#"{"instruction": "q", "response": "a"}"#), "q|a");
        assert_eq!(
            asked(r#"{"instruction": "q", "input": "c", "output": "a"}"#),
            "q\nc|a"
        );
    }

    #[test]
    fn a_question_without_an_answer_says_which_columns_are_looked_for() {
        let error = of(r#"{"question": "a b"}"#).unwrap_err().to_string();
        assert!(
            error.contains("question: expected an answer beside it, in a column output, answer, "),
            "{error}"
        );
    }

    #[test]
    fn pairs_of_usual_names_are_read_without_a_setting() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.jsonl");
        fs::write(&path, r#"{"question": "a", "answer": "b"}"#).unwrap();
        let set = DataSettings::default().read(&path).unwrap();
        assert_eq!(set.rows[0].example.messages[1].content, "b");
        // A column that the user named is looked for, and no other.
        let named = DataSettings {
            instruction_column: "task".into(),
            ..DataSettings::default()
        };
        let error = named.read(&path).unwrap_err().to_string();
        assert!(error.contains("found question, answer"), "{error}");
    }

    #[test]
    fn formats_are_written_by_their_names_where_those_say_all() {
        let turns = r#"[{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]"#;
        for (row, format) in [
            (
                r#"{"prompt": "a", "completion": "b"}"#.to_owned(),
                "prompt-completion",
            ),
            (format!("{{\"messages\": {turns}}}"), "messages"),
            (r#"{"text": "a"}"#.to_owned(), "text"),
            (
                r#"{"input_ids": [1, 2], "labels": [-100, 2]}"#.to_owned(),
                "tokens",
            ),
            // The field has the other format's name.
            (format!("{{\"conversations\": {turns}}}"), "auto"),
            (r#"{"prompt": "a", "response": "b"}"#.to_owned(), "auto"),
        ] {
            assert_eq!(of(&row).unwrap().format.to_string(), format, "{row}");
        }
    }

    #[test]
    fn unknown_columns_are_named() {
        let error = of(r#"{"first": "a", "second": "b"}"#)
            .unwrap_err()
            .to_string();
        assert!(error.contains("first, second"), "{error}");
    }
}
