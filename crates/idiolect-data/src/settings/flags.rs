//! What a flag means that a command does not have: an option under another name, or one of another command.

use super::renamed::renamed;
use super::synonyms::{Synonym, synonym_of, without_counterpart};

/// Commands that are named as those which have an option, at most.
const FEW: usize = 3;

/// The options of a command.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommandOptions {
    /// The command.
    pub command: String,
    /// Its options as they are typed, without the hyphens before them; hidden ones are none.
    pub options: Vec<String>,
}

impl CommandOptions {
    fn has(&self, option: &str) -> bool {
        self.options.iter().any(|own| own == option)
    }
}

/// One line on a flag that `command` does not have; nothing for one that nobody is known to use.
///
/// It names options that `command` has, or says which of `all` commands have one.
///
/// ```
/// # use idiolect_data::settings::{CommandOptions, flag_hint};
/// let all = [("train", "rank"), ("export", "stored")];
/// let all = all.map(|(command, option)| CommandOptions {
///     command: command.into(),
///     options: vec![option.into()],
/// });
/// let hint = |flag, command| flag_hint(flag, command, &all).unwrap();
/// assert_eq!(hint("--lora-r", "train"), "--lora-r is called --rank here");
/// assert_eq!(
///     hint("--lora-r", "export"),
///     "--lora-r is --rank of idiolect train; idiolect export has no such option"
/// );
/// ```
#[must_use]
pub fn flag_hint(flag: &str, command: &str, all: &[CommandOptions]) -> Option<String> {
    let name = flag.trim_start_matches('-').replace('-', "_");
    let own = all.iter().find(|one| one.command == command)?;
    if let Some(why) = without_counterpart(&name) {
        return Some(format!("{flag} has no counterpart here: {why}"));
    }
    if let Some(renamed) = renamed(&name) {
        let (new, since) = (typed(renamed.new), renamed.since);
        let here = format!("{flag} is called --{new} since version {since}");
        return if own.has(&new) {
            Some(here)
        } else {
            elsewhere(flag, own, &new, all).or_else(|| elsewhere(flag, own, &typed(&name), all))
        };
    }
    match synonym_of(command, &name) {
        Some(found) => {
            called(flag, own, found).or_else(|| elsewhere(flag, own, &typed(found.key), all))
        }
        None => elsewhere(flag, own, &typed(&name), all),
    }
}

/// A key of a settings file as it is typed.
fn typed(key: &str) -> String {
    key.replace('_', "-")
}

/// What a name of another program is called, where the command has an option for it.
fn called(flag: &str, own: &CommandOptions, found: Synonym) -> Option<String> {
    let (key, value) = (typed(found.key), found.value);
    if !own.has(&key) {
        // A training reads an adapter and writes one.
        let trains = key == "adapter" && own.has("init-adapter");
        return trains.then(|| {
            format!(
                "{flag} is called --out here, where an adapter is written, or --init-adapter, where one is trained further"
            )
        });
    }
    Some(match value {
        "" => format!("{flag} is called --{key} here"),
        value if value.contains(' ') => format!("{flag} is called --{key} here: {value}"),
        value => format!("{flag} is called --{key} {value} here"),
    })
}

/// Which other commands have an option; nothing where none has.
fn elsewhere(
    flag: &str,
    own: &CommandOptions,
    option: &str,
    all: &[CommandOptions],
) -> Option<String> {
    let others = all
        .iter()
        .filter(|other| !own.has(option) && other.has(option));
    let others: Vec<&str> = others.map(|other| other.command.as_str()).collect();
    let named = match others.as_slice() {
        [] => return None,
        [one] => (*one).to_owned(),
        [first @ .., last] if others.len() <= FEW => format!("{} and {last}", first.join(", ")),
        many => format!("{} and others", many[..FEW].join(", ")),
    };
    let what = match flag.trim_start_matches('-') {
        same if same == option => "an option".to_owned(),
        _ => format!("--{option}"),
    };
    let command = &own.command;
    Some(format!(
        "{flag} is {what} of idiolect {named}; idiolect {command} has no such option"
    ))
}

/// A text that begins with settings and a colon, with their names, and those of others in it, as they are typed:
/// `top_p: expected ...` as `--top-p: expected ...`. Another text stays as it is.
///
/// `is_option` says whether there is an option of that name, without the hyphens before it.
#[must_use]
pub fn with_typed_names(text: &str, is_option: &dyn Fn(&str) -> bool) -> String {
    let Some((keys, rest)) = text.split_once(':') else {
        return text.to_owned();
    };
    let keys: Vec<String> = keys.split(", ").map(typed).collect();
    if !keys.iter().all(|key| is_option(key)) {
        return text.to_owned();
    }
    let other = |word: &str| {
        let name = word.trim_end_matches([',', ';', ')']);
        let key = typed(name);
        if word.contains('_') && is_option(&key) {
            format!("--{key}{}", &word[name.len()..])
        } else {
            word.to_owned()
        }
    };
    let keys: Vec<String> = keys.iter().map(|key| format!("--{key}")).collect();
    let rest: Vec<String> = rest.split(' ').map(other).collect();
    format!("{}:{}", keys.join(", "), rest.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hint(flag: &str, command: &str) -> Option<String> {
        let all: [(&str, &[&str]); 6] = [
            (
                "train",
                &[
                    "rank",
                    "adam-beta1",
                    "init-adapter",
                    "truncation",
                    "quantize",
                ],
            ),
            ("sdft", &["rank", "init-adapter"]),
            ("generate", &["adapter", "quantize", "max-new-tokens"]),
            ("export", &["adapter", "stored", "quantize"]),
            ("chat", &["max-new-tokens", "rank"]),
            ("eval", &["rank"]),
        ];
        let all = all.map(|(command, options)| CommandOptions {
            command: command.into(),
            options: options.iter().map(ToString::to_string).collect(),
        });
        flag_hint(flag, command, &all)
    }

    #[test]
    fn settings_are_named_as_they_are_typed() {
        let is_option = |name: &str| ["top-p", "max-length", "data"].contains(&name);
        let shown = |text| with_typed_names(text, &is_option);
        assert_eq!(
            shown("top_p, data: expected one (max_length), as max_others say"),
            "--top-p, --data: expected one (max_length), as max_others say"
        );
        assert_eq!(
            shown("top_p: expected max_length; found 2"),
            "--top-p: expected --max-length; found 2"
        );
        for other in ["top_p, q: expected", "a text", "a.toml: top_p"] {
            assert_eq!(shown(other), other);
        }
    }

    #[test]
    fn a_hint_names_options_of_the_command_alone() {
        for (flag, command, expected) in [
            ("--lora-r", "train", "--lora-r is called --rank here"),
            (
                "--lora-r",
                "generate",
                "--lora-r is --rank of idiolect train, sdft, chat and others; idiolect generate has no such option",
            ),
            (
                "--max-tokens",
                "train",
                "--max-tokens is --max-new-tokens of idiolect generate and chat; idiolect train has no such option",
            ),
            (
                "--stored",
                "chat",
                "--stored is an option of idiolect export; idiolect chat has no such option",
            ),
            (
                "--overlong",
                "chat",
                "--overlong is --truncation of idiolect train; idiolect chat has no such option",
            ),
            (
                "--overlong",
                "train",
                "--overlong is called --truncation since version 0.2",
            ),
            (
                "--adapter-path",
                "generate",
                "--adapter-path is called --adapter here",
            ),
            (
                "--adapter-path",
                "train",
                "--adapter-path is called --out here, where an adapter is written, or --init-adapter, where one is \
                 trained further",
            ),
            (
                "--quantization",
                "train",
                "--quantization is called --quantize here: 8 or 4 bits",
            ),
            (
                "--quantization",
                "export",
                "--quantization is called --stored here: the type of the file's matrices, as q8_0",
            ),
            (
                "--optim",
                "train",
                "--optim has no counterpart here: the optimiser is AdamW",
            ),
        ] {
            assert_eq!(hint(flag, command).as_deref(), Some(expected));
        }
        assert_eq!(hint("--nobody-knows", "train"), None);
        // No command of this program has what it means.
        assert_eq!(hint("--save-steps", "train"), None);
    }
}
