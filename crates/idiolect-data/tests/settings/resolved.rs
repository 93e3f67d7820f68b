//! Layers that make one command, and settings that come back as they were written.

use std::path::PathBuf;

use idiolect_data::settings::{self, Layer, keys, read_file, resolve, schema, to_toml};
use serde::Serialize;

use crate::command::{Command, Data, Schedule, Train, from};

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
fn every_value_is_written_and_reads_back_equal() {
    assert_eq!(
        to_toml(&Command::default()).unwrap(),
        "learning_rate = 0.0002\nepochs = 1\nseed = 42\nschedule = \"cosine\"\n\
         truncation = \"error\"\nshuffle = true\n"
    );
    let settings = Command {
        data: Data {
            data: vec!["a b.jsonl".into(), "ä".into()],
            weights: vec![0.1, 2.0],
        },
        train: Train {
            learning_rate: 1e-300,
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
    assert!(
        error.contains("none.toml: expected a file of settings, as TOML, found no such file"),
        "{error}"
    );
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
    // A flag that is no number is given, and not left out.
    let error = resolve::<Command>(&[file.clone(), flags.clone()]);
    assert_eq!(
        error.unwrap_err().to_string(),
        "command line: learning_rate: expected a finite number, found NaN"
    );
    let mut flags = flags;
    flags.values.insert("learning_rate".into(), 0.5.into());
    let got: Command = resolve(&[file, flags]).unwrap();
    assert_eq!((got.train.epochs, got.out), (3, Some("o".into())));
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
