//! That every row of a data set has a response, where a job needs one.

use idiolect_input::shown;
use serde_json::{Map, Value};

use super::set::Dataset;
use crate::DataError;
use crate::formats::{Example, Place, Role, RowShape};
use crate::rows::RawRow;

/// Characters of a row's field names in an error.
const LONGEST: usize = 200;

impl Dataset {
    /// Refuses rows without a response; empty text is one.
    ///
    /// # Errors
    ///
    /// [`DataError::Field`] for the first such row.
    pub fn require_responses(&self) -> Result<(), DataError> {
        self.require(|example| example.response().is_some())
    }

    /// Refuses rows of which nothing can be trained: no turn is the assistant's.
    ///
    /// # Errors
    ///
    /// [`DataError::Field`] for the first such row.
    pub fn require_answers(&self) -> Result<(), DataError> {
        self.require(|example| {
            let mut turns = example.messages.iter();
            turns.any(|turn| turn.role == Role::Assistant)
        })
    }

    fn require(&self, is_fit: impl Fn(&Example) -> bool) -> Result<(), DataError> {
        let mut rows = self.rows.iter();
        let Some(number) = rows.position(|row| !is_fit(&row.example)) else {
            return Ok(());
        };
        let row = RawRow {
            line: self.rows[number].line,
            fields: Map::new(),
        };
        let place = Place {
            path: &self.path,
            number,
            row: &row,
        };
        Err(match &self.format.shape {
            RowShape::Pair(fields) => place.error(
                &fields.response,
                "a response",
                self.found(number, &fields.response),
            ),
            RowShape::Completion(fields) => place.error(
                &fields.completion,
                "a response",
                self.found(number, &fields.completion),
            ),
            RowShape::Text(fields) => place.error(&fields.text, "a text", "none"),
            RowShape::Turns(fields) => {
                let role = fields.roles.written(Role::Assistant);
                place.error(&fields.turns, format!("a last turn of {role}"), "none")
            }
        })
    }

    /// What stands in the place of a text: null, or no such field among those of the row.
    fn found(&self, number: usize, field: &str) -> String {
        if self.rows[number].raw.get(field).is_some_and(Value::is_null) {
            return "null".into();
        }
        let names: Vec<&str> = self.rows[number].raw.keys().map(String::as_str).collect();
        format!("none among {}", shown(&names.join(", "), LONGEST))
    }
}
