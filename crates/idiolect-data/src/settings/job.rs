//! Whose settings a file holds: that of a run has every setting of its command, so that its keys tell them apart.

use std::path::Path;

use schemars::JsonSchema;

use super::keys::keys;
use super::layer::Layer;
use crate::DataError;

/// Commands, each with keys that no command above it has all of. A run's file always has them, and what somebody
/// writes by hand hardly ever has them all.
const COMMANDS: [(&str, [&str; 3]); 6] = [
    ("sdft", ["mix_ratio", "least_percent", "adam_epsilon"]),
    ("distill", ["mix_ratio", "least_percent", "likelihood"]),
    ("continue", ["text_field", "min_words", "shown"]),
    (
        "distill-online",
        ["rollouts", "updates_per_batch", "adam_epsilon"],
    ),
    ("eval", ["shots", "python", "forgetting_tokens"]),
    (
        "train",
        ["adam_epsilon", "accumulation", "checkpoint_every"],
    ),
];

/// The command whose settings have these keys; nothing where they are of none, or too few to tell.
///
/// ```
/// # use idiolect_data::settings::command_of;
/// let keys = ["mix_ratio", "least_percent", "likelihood", "seed"];
/// assert_eq!(command_of(&keys.map(String::from)), Some("distill"));
/// assert_eq!(command_of(&["mix_ratio".into()]), None);
/// ```
#[must_use]
pub fn command_of(keys: &[String]) -> Option<&'static str> {
    let has = |mark: &&str| keys.iter().any(|key| key == mark);
    let found = COMMANDS.iter().find(|(_, marks)| marks.iter().all(has));
    found.map(|(command, _)| *command)
}

/// The error for a file of settings that is another command's than that of `T`; nothing where it is not known to be.
pub(super) fn another_job<T: JsonSchema>(layer: &Layer) -> Option<DataError> {
    let own = command_of(&keys::<T>())?;
    let of_file: Vec<String> = layer.values.keys().cloned().collect();
    let other = command_of(&of_file).filter(|other| *other != own)?;
    let file = &layer.name;
    Some(DataError::AnotherJob {
        path: Path::new(file).to_owned(),
        expected: format!("settings of idiolect {own}"),
        found: format!(
            "those of idiolect {other}, which takes them: idiolect {other} --config {file}"
        ),
    })
}
