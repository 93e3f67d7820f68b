//! What a teacher is shown that its student is not: the same question in a context of a demonstration.
//!
//! It is for on-policy self-distillation (arXiv 2601.19897 and relatives), where one model is both. The off-line
//! method's question for a rewrite is next door ([`crate::DistillTemplate`]).

use idiolect_data::{Example, Message, Role};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::PromptError;
use crate::distill::text;
use crate::named::{CONTENT, REFERENCE};

/// A context as data: one that is [built in](Self::by_name), read [from a file](Self::from_file), or written as a value.
///
/// `{{content}}` stands for the last question of a row, and `{{resp}}` for its demonstration: the response that the
/// data set has. The chat template of the model is around it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ContextTemplate {
    /// Its name in settings and journals. Must be given.
    pub name: String,
    /// A system turn in front; a row's own stands behind it in the same turn. Default: none.
    pub system: String,
    /// The last question; must hold `{{content}}`.
    pub user: String,
}

impl ContextTemplate {
    /// Whether it shows the demonstration, so that each row must have one.
    #[must_use]
    pub fn shows_demonstration(&self) -> bool {
        self.system.contains(REFERENCE) || self.user.contains(REFERENCE)
    }

    /// Holds the fields against the rules of their documentation.
    ///
    /// # Errors
    ///
    /// [`PromptError::Field`] names the first field that breaks one; also where nothing is shown beside the question.
    pub fn check(&self) -> Result<(), PromptError> {
        if self.name.is_empty() {
            return Err(self.breach("name", "a name", "none"));
        }
        if !self.user.contains(CONTENT) {
            return Err(self.breach("user", &format!("a text with {CONTENT}"), &self.user));
        }
        if self.system.trim().is_empty() && self.user.trim() == CONTENT {
            let expected = "something beside the question, here or in system";
            return Err(self.breach("user", expected, CONTENT));
        }
        Ok(())
    }

    pub(crate) fn breach(&self, field: &'static str, expected: &str, found: &str) -> PromptError {
        PromptError::Field {
            template: self.name.clone(),
            field,
            expected: expected.to_owned(),
            found: found.to_owned(),
        }
    }

    /// The prompt of a row as the teacher is shown it, with this text as the demonstration.
    ///
    /// # Errors
    ///
    /// [`PromptError::Turns`] for a row whose last turn before the response is not the user's.
    pub fn messages(
        &self,
        example: &Example,
        demonstration: &str,
    ) -> Result<Vec<Message>, PromptError> {
        let mut messages = example.prompt().to_vec();
        let last = messages.len().saturating_sub(1);
        let found = messages
            .last()
            .map_or("none", Message::role_name)
            .to_owned();
        let Some(asked) = messages.last_mut().filter(|turn| turn.role == Role::User) else {
            return Err(PromptError::Turns {
                template: self.name.clone(),
                message: last,
                expected: "a turn of user before the answer".to_owned(),
                found,
            });
        };
        *asked = Message::new(Role::User, text(&self.user, &asked.content, demonstration));
        if self.system.is_empty() {
            return Ok(messages);
        }
        let system = text(&self.system, example.instruction(), demonstration);
        match messages.first_mut() {
            Some(own) if own.role == Role::System => {
                own.content = format!("{system}\n\n{}", own.content);
            }
            _ => messages.insert(0, Message::new(Role::System, system)),
        }
        Ok(messages)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example(turns: &[(Role, &str)]) -> Example {
        let turns = turns.iter().map(|&(role, text)| Message::new(role, text));
        Example::new(0.into(), turns.collect())
    }

    #[test]
    fn the_context_of_2601_19897_is_the_papers() {
        let template = ContextTemplate::by_name("sdft-2601").unwrap();
        let row = example(&[(Role::User, "What is 2+3?"), (Role::Assistant, "5")]);
        let shown = template.messages(&row, row.response().unwrap()).unwrap();
        let expected = "What is 2+3?\n\nThis is an example for a response to the question:\n5\n\nNow answer with a \
                        response of your own, including the thinking process.";
        assert_eq!(shown, [Message::new(Role::User, expected)]);
        assert!(template.shows_demonstration());
    }

    #[test]
    fn earlier_turns_stay_and_a_system_turn_goes_in_front_of_the_rows_own() {
        let template = ContextTemplate::by_name("opcd-2602").unwrap();
        let turns = [
            (Role::System, "Be brief."),
            (Role::User, "a {{resp}}"),
            (Role::Assistant, "b"),
            (Role::User, "c"),
        ];
        let shown = template
            .messages(&example(&turns), "Rule: {{content}}")
            .unwrap();
        let texts: Vec<&str> = shown.iter().map(|turn| turn.content.as_str()).collect();
        // What stands in a row is never looked into for marks.
        assert_eq!(
            texts,
            ["Rule: {{content}}\n\nBe brief.", "a {{resp}}", "b", "c"]
        );
        let alone = template
            .messages(&example(&[(Role::User, "c")]), "Rule")
            .unwrap();
        assert_eq!(alone[0], Message::new(Role::System, "Rule"));
    }

    #[test]
    fn a_context_that_shows_nothing_more_and_a_row_without_a_question_are_refused() {
        let template = |system: &str, user: &str| ContextTemplate {
            name: "own".into(),
            system: system.into(),
            user: user.into(),
        };
        let told = |template: ContextTemplate| template.check().unwrap_err().to_string();
        assert!(told(template("", "{{content}} ")).contains("something beside the question"));
        assert!(
            told(template("Be kind.", "{{resp}}")).contains("expected a text with {{content}}")
        );
        assert!(told(ContextTemplate::default()).contains("name: expected a name"));
        assert!(template("Be kind.", "{{content}}").check().is_ok());
        for name in ContextTemplate::names() {
            assert!(
                ContextTemplate::by_name(&name).unwrap().check().is_ok(),
                "{name}"
            );
        }
        let known = ContextTemplate::by_name("sdft").unwrap_err().to_string();
        assert!(known.contains("opsd-2601"), "{known}");
        let row = example(&[(Role::System, "s")]);
        let error = template("Be kind.", "{{content}}")
            .messages(&row, "")
            .unwrap_err();
        assert!(error.to_string().ends_with("found system"), "{error}");
    }

    #[test]
    fn a_file_is_read_by_its_keys_and_may_not_take_a_built_in_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("own.toml");
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            ContextTemplate::from_file(&path)
        };
        let own = read("name = \"own\"\nuser = \"{{content}} Hint: {{resp}}\"\n").unwrap();
        assert_eq!(own.user, "{{content}} Hint: {{resp}}");
        let taken = read("name = \"sdft-2601\"\nuser = \"{{content}} Hint: {{resp}}\"\n");
        assert!(taken.unwrap_err().to_string().contains("own.toml, name"));
        let unknown = read("name = \"own\"\nusers = \"{{content}}\"\n");
        assert!(unknown.unwrap_err().to_string().contains("users"));
    }
}
