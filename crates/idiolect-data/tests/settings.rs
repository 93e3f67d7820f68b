//! Settings files: what they refuse and how, and that resolved settings come back as they were.
#![allow(clippy::unwrap_used, reason = "a test's own files")]

use std::path::PathBuf;

use idiolect_data::settings::{self, Layer, duplicates, keys, read_file, resolve, schema, to_toml};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Schedule {
    #[default]
    Cosine,
    NotAtAll,
}

/// An enum whose variants are documented has another schema than one without.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Truncation {
    /// Refuses long rows.
    #[default]
    Error,
    /// Leaves them out.
    Drop,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Train {
    /// The step size.
    learning_rate: f64,
    epochs: usize,
    seed: u64,
    schedule: Schedule,
    truncation: Truncation,
    shuffle: bool,
    bits: Option<u8>,
}

impl Default for Train {
    fn default() -> Self {
        Self {
            learning_rate: 2e-4,
            epochs: 1,
            seed: 42,
            schedule: Schedule::Cosine,
            truncation: Truncation::Error,
            shuffle: true,
            bits: None,
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Data {
    data: Vec<PathBuf>,
    weights: Vec<f32>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Command {
    #[serde(flatten)]
    data: Data,
    #[serde(flatten)]
    train: Train,
    out: Option<PathBuf>,
}

fn from(texts: &[&str]) -> Result<Command, String> {
    let layers = texts.iter().enumerate();
    let layers = layers.map(|(at, text)| Layer::parse(&format!("{at}.toml"), text));
    let layers: Vec<Layer> = layers
        .collect::<Result<_, _>>()
        .map_err(|error| error.to_string())?;
    resolve(&layers).map_err(|error| error.to_string())
}

#[track_caller]
fn refused(text: &str, expected: &str) {
    assert_eq!(from(&[text]).unwrap_err(), expected);
}

#[test]
fn later_layers_win_and_the_rest_is_the_default() {
    let got = from(&[
        "epochs = 2\nlearning_rate = 1e-3\ndata = [\"a\"]",
        "epochs = 5",
    ])
    .unwrap();
    let expected = Command {
        data: Data {
            data: vec!["a".into()],
            weights: Vec::new(),
        },
        train: Train {
            epochs: 5,
            learning_rate: 1e-3,
            ..Train::default()
        },
        out: None,
    };
    assert_eq!(got, expected);
    assert_eq!(from(&[]).unwrap(), Command::default());
}

#[test]
fn an_unknown_key_is_refused_with_the_nearest() {
    refused(
        "learnig_rate = 1e-3",
        "0.toml: key: expected a known key; the nearest is learning_rate, found learnig_rate",
    );
    refused(
        "x = 1",
        "0.toml: key: expected one of data, weights, learning_rate, epochs, seed, schedule, truncation, shuffle, \
         bits, out, found x",
    );
    // A name of a part is no key.
    assert!(from(&["train = {}"]).unwrap_err().contains("found train"));
}

#[test]
fn a_renamed_key_is_answered_with_the_new_one() {
    refused(
        "overlong = \"cut\"",
        "0.toml: overlong is called truncation since version 0.2",
    );
    refused(
        "no_shuffle = true",
        "0.toml: no_shuffle is called shuffle since version 0.2 and means the opposite: true is now false",
    );
    // Where the new name is none of the command's either, the key is an unknown one.
    let error = from(&["no_prefix_sharing = true"]).unwrap_err();
    assert!(error.starts_with("0.toml: key: expected"), "{error}");
}

#[test]
fn a_value_of_the_wrong_kind_names_layer_and_key() {
    refused(
        "epochs = \"two\"",
        "0.toml: epochs: expected a whole number of at least 0, found \"two\"",
    );
    refused(
        "epochs = -1",
        "0.toml: epochs: expected a whole number of at least 0, found -1",
    );
    refused(
        "bits = 256",
        "0.toml: bits: expected a whole number from 0 to 255, found 256",
    );
    refused(
        "learning_rate = true",
        "0.toml: learning_rate: expected a number, found true",
    );
    refused(
        "shuffle = 1",
        "0.toml: shuffle: expected true or false, found 1",
    );
    refused("data = \"a\"", "0.toml: data: expected a list, found \"a\"");
    refused(
        "schedule = \"cosin\"",
        "0.toml: schedule: expected one of cosine, not-at-all, found \"cosin\"",
    );
    refused(
        "truncation = \"cut\"",
        "0.toml: truncation: expected one of error, drop, found \"cut\"",
    );
    // The layer that is overruled may say what it likes.
    let error = from(&["epochs = \"two\"", "epochs = false"]).unwrap_err();
    assert_eq!(
        error,
        "1.toml: epochs: expected a whole number of at least 0, found false"
    );
    assert!(from(&["epochs = \"two\"", "epochs = 3"]).is_ok());
    // Inside a list the schema says no more than that it is one.
    let error = from(&["data = [1]"]).unwrap_err();
    assert!(
        error.starts_with("0.toml: data: expected") && error.ends_with("found [1]"),
        "{error}"
    );
}

#[test]
fn numbers_that_are_none_arrive_as_they_are() {
    let rate = |text| from(&[text]).unwrap().train.learning_rate;
    assert!(rate("learning_rate = nan").is_nan());
    assert_eq!(
        rate("learning_rate = inf").to_bits(),
        f64::INFINITY.to_bits()
    );
    assert_eq!(
        rate("learning_rate = -inf").to_bits(),
        f64::NEG_INFINITY.to_bits()
    );
    // A whole number is a number.
    assert_eq!(rate("learning_rate = 1").to_bits(), 1.0_f64.to_bits());
}

#[test]
fn toml_that_is_none_names_its_line() {
    let error = from(&["epochs = 2\nepochs == 3\n"]).unwrap_err();
    assert!(
        error.starts_with("0.toml: line 2: not valid TOML: "),
        "{error}"
    );
    let error = from(&["epochs = 2\nepochs = 3\n"]).unwrap_err();
    assert!(
        error.starts_with("0.toml: line 2: not valid TOML: duplicate key"),
        "{error}"
    );
}

#[test]
fn every_value_is_written_and_reads_back_equal() {
    assert_eq!(
        to_toml(&Command::default()).unwrap(),
        "data = []\nweights = []\nlearning_rate = 0.0002\nepochs = 1\nseed = 42\nschedule = \"cosine\"\n\
         truncation = \"error\"\nshuffle = true\n"
    );
    let settings = Command {
        data: Data {
            data: vec!["a b.jsonl".into(), "ä".into()],
            weights: vec![0.1, 2.0],
        },
        train: Train {
            learning_rate: f64::INFINITY,
            bits: Some(4),
            shuffle: false,
            schedule: Schedule::NotAtAll,
            ..Train::default()
        },
        out: Some("runs/x".into()),
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.toml");
    settings::write(&settings, &path).unwrap();
    assert_eq!(
        resolve::<Command>(&[read_file(&path).unwrap()]).unwrap(),
        settings
    );
    let error = read_file(&folder.path().join("none.toml"))
        .unwrap_err()
        .to_string();
    assert!(error.contains("none.toml: cannot read: "), "{error}");
}

#[test]
fn what_toml_cannot_hold_is_refused() {
    let settings = Train {
        seed: u64::MAX,
        ..Train::default()
    };
    for result in [
        to_toml(&settings).map(drop),
        Layer::of("command line", &settings).map(drop),
    ] {
        assert_eq!(
            result.unwrap_err().to_string(),
            "settings: seed: expected a value that a TOML file can hold, found 18446744073709551615"
        );
    }
}

#[test]
fn flags_that_are_not_given_are_no_values() {
    #[derive(Default, Serialize)]
    struct Part {
        epochs: Option<usize>,
        learning_rate: Option<f64>,
        data: Vec<PathBuf>,
    }
    #[derive(Default, Serialize)]
    struct Flags {
        #[serde(flatten)]
        part: Part,
        out: Option<PathBuf>,
    }
    let part = Part {
        epochs: Some(3),
        learning_rate: Some(f64::NAN),
        ..Part::default()
    };
    let flags = Layer::of("command line", &Flags { part, out: None }).unwrap();
    assert_eq!(
        flags.values.keys().collect::<Vec<_>>(),
        ["epochs", "learning_rate"]
    );
    let file = Layer::parse("run.toml", "epochs = 1\nout = \"o\"").unwrap();
    let got: Command = resolve(&[file, flags]).unwrap();
    assert_eq!((got.train.epochs, got.out), (3, Some("o".into())));
    assert!(got.train.learning_rate.is_nan());
}

#[test]
fn a_key_that_two_parts_claim_is_found() {
    #[derive(Default, Serialize, Deserialize, JsonSchema)]
    #[serde(default)]
    struct Seeds {
        seed: u64,
    }
    #[derive(Default, Serialize, Deserialize, JsonSchema)]
    #[serde(default)]
    struct Both {
        #[serde(flatten)]
        train: Train,
        #[serde(flatten)]
        seeds: Seeds,
    }
    assert_eq!(duplicates::<Both>(), ["seed"]);
    assert!(duplicates::<Command>().is_empty());
    let error = resolve::<Both>(&[]).err().unwrap().to_string();
    assert_eq!(
        error,
        "settings: seed: expected one part that takes it, found two"
    );
}

#[test]
fn the_schema_has_the_keys_of_all_parts_and_no_others() {
    let expected = [
        "data",
        "weights",
        "learning_rate",
        "epochs",
        "seed",
        "schedule",
        "truncation",
        "shuffle",
        "bits",
        "out",
    ];
    assert_eq!(keys::<Command>(), expected);
    let schema = schema::<Command>();
    assert_eq!(schema["additionalProperties"], false);
    assert_eq!(
        schema["properties"]["learning_rate"]["description"],
        "The step size."
    );
    assert_eq!(schema["properties"]["learning_rate"]["default"], 2e-4);
    assert!(schema.get("required").is_none(), "{schema}");
}
