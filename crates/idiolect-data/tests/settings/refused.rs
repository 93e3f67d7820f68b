//! What a settings file may not hold, and what is said of it.

use idiolect_data::settings::{Layer, duplicates, resolve, to_toml};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::command::{Command, Train, from, refused};

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
    assert!(from(&["train = {}"]).unwrap_err().contains("found [train]"));
}

#[test]
fn a_table_is_refused_with_the_names_of_its_settings() {
    refused(
        "[lora]\nnum_train_epochs = 2\nother = 1\n[lora.optimizer]\nlr = 1e-4\n",
        "0.toml: key: expected settings at the top level, outside of tables: epochs for num_train_epochs, learning_rate \
         for lr, found [lora]",
    );
    refused(
        "epochs = 2\n[training]\nseed = 1\n",
        "0.toml: key: expected settings at the top level, outside of tables: seed, found [training]",
    );
    // A setting that is none of a table's kind, and dotted keys, which are one.
    refused(
        "data.path = \"a\"",
        "0.toml: key: expected settings at the top level, outside of tables, found [data]",
    );
}

#[test]
fn a_setting_that_there_is_none_for_is_answered_with_the_reason() {
    refused(
        "optim = \"adamw_8bit\"",
        "0.toml: key: expected no such key, for the optimiser is AdamW, found optim",
    );
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
fn numbers_that_are_none_are_refused_by_their_key() {
    for (text, shown) in [
        ("nan", "NaN"),
        ("-nan", "NaN"),
        ("inf", "inf"),
        ("-inf", "-inf"),
    ] {
        let found = |key: &str| format!("0.toml: {key}: expected a finite number, found {shown}");
        refused(&format!("learning_rate = {text}"), &found("learning_rate"));
        refused(&format!("weights = [1.0, {text}]"), &found("weights"));
    }
    // The layer is the one whose value counts.
    let error = from(&["epochs = 2", "learning_rate = inf"]).unwrap_err();
    assert!(error.starts_with("1.toml: learning_rate: "), "{error}");
    assert!(from(&["learning_rate = nan", "learning_rate = 0.5"]).is_ok());
    // A whole number is a number.
    let rate = from(&["learning_rate = 1"]).unwrap().train.learning_rate;
    assert_eq!(rate.to_bits(), 1.0_f64.to_bits());
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
    // A file of another trainer.
    let error = Layer::parse("a/b.yaml", "epochs: 2\n")
        .unwrap_err()
        .to_string();
    assert!(error.ends_with("(settings are TOML: `key = \"text\"` in the place of `key: text`)"));
    let other = Layer::parse("a.toml", "# mine\nepochs: 2\n")
        .unwrap_err()
        .to_string();
    assert!(other.ends_with("in the place of `key: text`)"), "{other}");
    let error = Layer::parse("a.json", "{\"epochs\": 2}")
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("a.json: line 1: not valid TOML: ") && error.contains("in the place of")
    );
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
