//! What a word means that a command does not take: an option under another name, one of another command, or a value
//! whose option is missing.

use std::path::Path;

use super::renamed::renamed;
use super::synonyms::Synonym;
use super::unlike::{letter, synonym_by_value, synonym_of, without_counterpart};
use super::usage::as_typed;
use crate::files::FolderKind;

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

/// One line on a word that the command of a call does not take; nothing for one that nobody is known to use.
///
/// `typed` are all words of the call, behind the program's name. The line names options that the command has, or says
/// which of `all` commands have one.
///
/// ```
/// # use idiolect_data::settings::{CommandOptions, flag_hint};
/// let all = [("train", "rank"), ("export", "stored")];
/// let all = all.map(|(command, option)| CommandOptions {
///     command: command.into(),
///     options: vec![option.into()],
/// });
/// let hint = |typed: [&str; 2]| flag_hint(typed[1], &typed.map(String::from), &all).unwrap();
/// assert_eq!(hint(["train", "--lora-r"]), "--lora-r is called --rank here");
/// assert_eq!(
///     hint(["export", "--lora-r"]),
///     "--lora-r is --rank of idiolect train; idiolect export has no such option"
/// );
/// ```
#[must_use]
pub fn flag_hint(flag: &str, typed: &[String], all: &[CommandOptions]) -> Option<String> {
    let command = |word: &String| all.iter().find(|one| one.command == *word);
    let Some(own) = typed.iter().find_map(command) else {
        return without_command(flag, all).filter(|_| flag.starts_with('-'));
    };
    if !flag.starts_with('-') {
        return word_hint(flag, own, typed);
    }
    if let Some(hint) = number_hint(flag, typed) {
        return Some(hint);
    }
    if let Some(found) = letter(flag) {
        return called(flag, own, found)
            .or_else(|| elsewhere(flag, own, &as_typed(found.key), all));
    }
    let name = flag.trim_start_matches('-').replace('-', "_");
    let by_value =
        value_of(flag, typed).and_then(|value| Some((value, synonym_by_value(&name, value)?)));
    if let Some((value, found)) = by_value {
        return Some(match found.key {
            "" => format!(
                "{flag} {value} needs no option here: it is what {} does",
                own.command
            ),
            key => format!("{flag} {value} is called --{} here", as_typed(key)),
        });
    }
    if let Some(why) = without_counterpart(&name) {
        return Some(format!("{flag} has no counterpart here: {why}"));
    }
    if let Some(renamed) = renamed(&name) {
        let (new, since) = (as_typed(renamed.new), renamed.since);
        let here = format!("{flag} is called --{new} since version {since}");
        return if own.has(&new) {
            Some(here)
        } else {
            elsewhere(flag, own, &new, all).or_else(|| elsewhere(flag, own, &as_typed(&name), all))
        };
    }
    match synonym_of(&own.command, &name) {
        Some(found) => {
            called(flag, own, found).or_else(|| elsewhere(flag, own, &as_typed(found.key), all))
        }
        None => elsewhere(flag, own, &as_typed(&name), all),
    }
}

/// How a negative number with an exponent is written, which parsers take for letters: `flag` is what they name of it.
fn number_hint(flag: &str, typed: &[String]) -> Option<String> {
    let is_number = |word: &&String| word.starts_with(flag) && word.parse::<f64>().is_ok();
    let at = typed.iter().position(|word| is_number(&word))?;
    let (option, number) = (typed.get(at.checked_sub(1)?)?, &typed[at]);
    option
        .starts_with("--")
        .then(|| format!("{option} {number} is written {option}={number}"))
}

/// The value that was typed behind an option, or in one word with it.
fn value_of<'a>(flag: &str, typed: &'a [String]) -> Option<&'a str> {
    let at = typed
        .iter()
        .position(|word| word.split('=').next() == Some(flag))?;
    let beside = typed[at].split_once('=').map(|(_, value)| value);
    beside.or_else(|| typed.get(at + 1).map(String::as_str))
}

/// Where an option stands before any command.
fn without_command(flag: &str, all: &[CommandOptions]) -> Option<String> {
    let option = flag.trim_start_matches('-');
    let mut having = all.iter().filter(|one| one.has(option));
    let talks = |one: &&CommandOptions| one.command == "chat";
    let command = having.clone().find(talks).or_else(|| having.next())?;
    let command = &command.command;
    Some(format!(
        "{flag} stands behind a command, for example idiolect {command} {flag} ...; idiolect help lists them all"
    ))
}

/// Endings of files, and the option that takes them.
const FILES: [(&str, &str); 8] = [
    ("toml", "config"),
    ("yaml", "config"),
    ("yml", "config"),
    ("jsonl", "data"),
    ("csv", "data"),
    ("parquet", "data"),
    ("json", "data"),
    ("gguf", "model"),
];

/// What a word that stands by itself is taken as: by what is at that path, by how its file's name ends, else as a prompt.
fn word_hint(word: &str, own: &CommandOptions, typed: &[String]) -> Option<String> {
    let command = &own.command;
    let before = typed.iter().position(|one| one == word)?.checked_sub(1);
    let before = before.map(|at| typed[at].as_str()).unwrap_or_default();
    if let Some(switch) = before.strip_prefix("--")
        && SWITCHED.contains(&word)
        && own.has(switch)
    {
        return Some(format!(
            "--{switch} takes no value: it is on where it is typed, and off where it is left out"
        ));
    }
    let resumes = before == "--resume" && own.has("out");
    let call = resumes.then(|| format!("--resume --out {word}"));
    let call = call
        .or_else(|| of_folder(word, own))
        .or_else(|| of_file(word, own))
        .or_else(|| own.has("prompt").then(|| "--prompt \"...\"".to_owned()))?;
    Some(format!(
        "{word:?} stands by itself: idiolect {command} takes it as {call}"
    ))
}

/// Values of switches in other programs.
const SWITCHED: [&str; 6] = ["true", "false", "yes", "no", "on", "off"];

/// The option that takes a folder for what is in it, and a name of the Hub.
fn of_folder(word: &str, own: &CommandOptions) -> Option<String> {
    let taking = |option: &str| own.has(option).then(|| format!("--{option} {word}"));
    let beside = |call: String| format!("{call}, beside --model");
    let model = || taking("model");
    match FolderKind::of(Path::new(word)) {
        Some(FolderKind::AdapterRun | FolderKind::ModelRun | FolderKind::Run)
            if own.has("resume") =>
        {
            Some(format!("--resume --out {word}, which resumes that run"))
        }
        Some(FolderKind::Adapter | FolderKind::AdapterRun) => taking("adapter")
            .or_else(|| taking("init-adapter"))
            .map(beside),
        Some(FolderKind::ModelRun) => model().map(|call| format!("{call}/model")),
        Some(FolderKind::Model) => model(),
        Some(FolderKind::Run) => {
            let settings = || format!("--config {word}/run.toml, with the settings of that run");
            own.has("config").then(settings)
        }
        None => model().filter(|_| is_place(word)),
    }
}

/// Whether a word without a space has the form of a path without an ending, or of a name on the Hub.
fn is_place(word: &str) -> bool {
    let is_file = FILES
        .iter()
        .any(|(end, _)| word.ends_with(&format!(".{end}")));
    word.contains('/') && !word.contains(' ') && !is_file
}

/// The option that takes a file for how its name ends.
fn of_file(word: &str, own: &CommandOptions) -> Option<String> {
    let (_, ending) = word.rsplit_once('.')?;
    let (_, option) = FILES.iter().find(|(one, _)| *one == ending)?;
    let form = if *option == "config" { ", as TOML" } else { "" };
    own.has(option).then(|| format!("--{option} {word}{form}"))
}

/// What a name of another program is called, where the command has an option for it.
fn called(flag: &str, own: &CommandOptions, found: Synonym) -> Option<String> {
    let (key, value) = (as_typed(found.key), found.value);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn hint(flag: &str, command: &str) -> Option<String> {
        hint_with(flag, "1", command)
    }

    fn hint_with(flag: &str, value: &str, command: &str) -> Option<String> {
        let all: [(&str, &[&str]); 6] = [
            (
                "train",
                &[
                    "rank",
                    "adam-beta1",
                    "init-adapter",
                    "truncation",
                    "quantize",
                    "config",
                ],
            ),
            ("sdft", &["rank", "init-adapter"]),
            (
                "generate",
                &["adapter", "quantize", "max-new-tokens", "prompt"],
            ),
            ("export", &["adapter", "stored", "quantize"]),
            ("chat", &["max-new-tokens", "rank", "model", "adapter"]),
            ("eval", &["rank"]),
        ];
        let all = all.map(|(command, options)| CommandOptions {
            command: command.into(),
            options: options.iter().map(ToString::to_string).collect(),
        });
        let typed: Vec<String> = [command, flag, value].map(str::to_owned).into();
        flag_hint(flag, &typed, &all)
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

    #[test]
    fn a_value_a_letter_and_a_word_by_itself_are_answered_too() {
        for (flag, value, command, expected) in [
            (
                "--fine-tune-type",
                "dora",
                "train",
                "--fine-tune-type dora is called --dora here",
            ),
            (
                "--fine-tune-type",
                "full",
                "train",
                "--fine-tune-type full is called --full here",
            ),
            (
                "--fine-tune-type",
                "lora",
                "train",
                "--fine-tune-type lora needs no option here: it is what train does",
            ),
            ("-c", "a.toml", "train", "-c is called --config here"),
            (
                "a.yaml",
                "",
                "train",
                "\"a.yaml\" stands by itself: idiolect train takes it as --config a.yaml, as TOML",
            ),
            (
                "hello you",
                "",
                "generate",
                "\"hello you\" stands by itself: idiolect generate takes it as --prompt \"...\"",
            ),
            (
                "owner/name",
                "",
                "chat",
                "\"owner/name\" stands by itself: idiolect chat takes it as --model owner/name",
            ),
            (
                "--rank",
                "8",
                "nothing",
                "--rank stands behind a command, for example idiolect chat --rank ...; idiolect help lists them all",
            ),
        ] {
            assert_eq!(hint_with(flag, value, command).as_deref(), Some(expected));
        }
        assert_eq!(hint("hello", "train"), None);
        let typed = ["train", "--learning-rate", "-1e-4"].map(str::to_owned);
        let all = [CommandOptions {
            command: "train".into(),
            options: vec!["learning-rate".into()],
        }];
        assert_eq!(
            flag_hint("-1", &typed, &all).as_deref(),
            Some("--learning-rate -1e-4 is written --learning-rate=-1e-4")
        );
    }

    #[test]
    fn a_folder_by_itself_is_answered_with_the_option_that_takes_it() {
        let place = tempfile::tempdir().unwrap();
        let made = |file: &str| {
            let file = place.path().join(file);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(&file, "").unwrap();
            file.parent().unwrap().display().to_string()
        };
        let (model, run) = (made("m/config.json"), made("r/run.toml"));
        made("r/adapter/x");
        let all = [
            ("train", &["model", "resume", "out"][..]),
            ("chat", &["model", "adapter"]),
        ];
        let all = all.map(|(command, options)| CommandOptions {
            command: command.into(),
            options: options.iter().map(ToString::to_string).collect(),
        });
        let said = |typed: &[&str]| {
            let typed: Vec<String> = typed.iter().map(ToString::to_string).collect();
            flag_hint(&typed[typed.len() - 1], &typed, &all).unwrap()
        };
        let ends = |typed: &[&str], call: &str| {
            let said = said(typed);
            assert!(said.ends_with(&format!("takes it as {call}")), "{said}");
        };
        ends(&["chat", &model], &format!("--model {model}"));
        ends(&["chat", &run], &format!("--adapter {run}, beside --model"));
        ends(&["train", &model], &format!("--model {model}"));
        let resumed = format!("--resume --out {run}");
        ends(
            &["train", &run],
            &format!("{resumed}, which resumes that run"),
        );
        ends(&["train", "--resume", &run], &resumed);
        ends(&["train", "--resume", "new"], "--resume --out new");
        assert_eq!(
            said(&["train", "--resume", "true"]),
            "--resume takes no value: it is on where it is typed, and off where it is left out"
        );
    }
}
