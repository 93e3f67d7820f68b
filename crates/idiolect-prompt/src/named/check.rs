//! Rules of a template's fields.
//!
//! A template that breaks them would lose messages in silence, show a model its own answer while it
//! trains, or teach it never to stop.

use super::slots::{CONTENT, Slot};
use crate::{NamedTemplate, PromptError};

impl NamedTemplate {
    /// Holds the fields against the rules of their documentation.
    ///
    /// # Errors
    ///
    /// [`PromptError::Field`] names the first field that breaks one.
    pub fn check(&self) -> Result<(), PromptError> {
        self.check_with_marks(&[CONTENT])
    }

    /// The same, with the marks that user turns may hold.
    pub(crate) fn check_with_marks(&self, of_user: &[&str]) -> Result<(), PromptError> {
        if self.name.trim().is_empty() {
            return Err(self.breach("name", "a name", "none"));
        }
        let fields: [(&'static str, &[Slot], &[&str]); 5] = [
            ("start", &self.start, &[]),
            ("system", &self.system, &[CONTENT]),
            ("user", &self.user, of_user),
            ("assistant", &self.assistant, &[CONTENT]),
            ("separator", &self.separator, &[]),
        ];
        for (field, slots, marks) in fields {
            self.check_slots(field, slots, marks)?;
        }
        self.check_system()?;
        self.check_end_of_turn()?;
        self.check_stops("stops", &self.stops)?;
        self.check_stops("stop_texts", &self.stop_texts)
    }

    /// Refuses other marks than these in the slots, and slots without `{{content}}` where it is one of these.
    fn check_slots(
        &self,
        field: &'static str,
        slots: &[Slot],
        marks: &[&str],
    ) -> Result<(), PromptError> {
        let texts = || slots.iter().filter_map(Slot::pattern);
        if let Some(mark) = texts()
            .flat_map(marks_in)
            .find(|mark| !marks.contains(mark))
        {
            let expected = match marks {
                [] => "text without marks".to_owned(),
                marks => format!("no mark but {}", marks.join(" and ")),
            };
            return Err(self.breach(field, expected, mark));
        }
        if marks.contains(&CONTENT) && !texts().any(|text| text.contains(CONTENT)) {
            return Err(self.breach(field, format!("a text with {CONTENT}"), "none"));
        }
        if slots
            .iter()
            .any(|slot| matches!(slot, Slot::Token(token) if token.is_empty()))
        {
            return Err(self.breach(field, "the spelling of a token", "an empty text"));
        }
        Ok(())
    }

    /// Refuses slots of the system turn that would not be written: inside a user turn only its texts are.
    fn check_system(&self) -> Result<(), PromptError> {
        let other = self.system.iter().find(|slot| slot.pattern().is_none());
        match other.filter(|_| self.system_in_user) {
            Some(slot) => Err(self.breach(
                "system",
                "text alone, as system_in_user is set",
                format!("{slot:?}"),
            )),
            None => Ok(()),
        }
    }

    /// Refuses a response that is not followed by something that ends generation.
    fn check_end_of_turn(&self) -> Result<(), PromptError> {
        let holds = |slot: &Slot| slot.pattern().is_some_and(|text| text.contains(CONTENT));
        let last = self.assistant.iter().rposition(holds).unwrap_or(0);
        let ends_in = |text: &str| {
            let behind = text.rsplit(CONTENT).next().unwrap_or(text);
            let mut stops = self.stops.iter().chain(&self.stop_texts);
            stops.any(|stop| behind.contains(stop.as_str()))
        };
        let ends = |slot: &Slot| match slot {
            Slot::Eos => true,
            Slot::Token(token) => self.stops.contains(token),
            Slot::Text(text) => ends_in(text),
            Slot::Bos => false,
        };
        if self.assistant[last..].iter().any(ends) {
            return Ok(());
        }
        let expected = format!("\"eos\", or one of stops or stop_texts, behind {CONTENT}");
        Err(self.breach("assistant", expected, "neither"))
    }

    fn check_stops(&self, field: &'static str, stops: &[String]) -> Result<(), PromptError> {
        if stops.iter().any(String::is_empty) {
            return Err(self.breach(field, "texts that are not empty", "an empty text"));
        }
        Ok(())
    }

    pub(crate) fn breach(
        &self,
        field: &'static str,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> PromptError {
        PromptError::Field {
            template: format!("{:?}", self.name),
            field,
            expected: expected.into(),
            found: found.into(),
        }
    }
}

/// Every `{{word}}` of a text, known marks and misspelt ones.
fn marks_in(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("{{").filter_map(|(start, _)| {
        let length = text[start..].find("}}")? + 2;
        let mark = &text[start..start + length];
        let word = mark.trim_matches(['{', '}', ' ']);
        word.chars()
            .all(|char| char.is_alphanumeric() || char == '_')
            .then_some(mark)
    })
}
