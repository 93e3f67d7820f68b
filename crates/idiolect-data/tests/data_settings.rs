//! The settings of data sets: what they read, mix and draw, and what they refuse.
#![allow(clippy::unwrap_used, reason = "a test's own files")]

use std::path::PathBuf;

use idiolect_data::settings::{Layer, keys, resolve, to_toml};
use idiolect_data::{
    Columns, DataSettings, Dataset, FileFormat, Format, FormatSetting, mix, sample,
};
use tempfile::TempDir;

fn from(text: &str) -> Result<DataSettings, String> {
    let layer = Layer::parse("run.toml", text).unwrap();
    resolve(&[layer]).map_err(|error| error.to_string())
}

/// Two files of five and of three rows.
fn files() -> (TempDir, [PathBuf; 2]) {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, count: usize| {
        let path = folder.path().join(name);
        let row = |at| format!("{{\"question\": \"{name} {at}\", \"output\": \"a\"}}\n");
        std::fs::write(&path, (0..count).map(row).collect::<String>()).unwrap();
        path
    };
    let paths = [write("five.jsonl", 5), write("three.jsonl", 3)];
    (folder, paths)
}

fn settings(data: &[PathBuf]) -> DataSettings {
    DataSettings {
        data: data.to_vec(),
        instruction_column: "question".into(),
        ..DataSettings::default()
    }
}

fn read(settings: &DataSettings) -> Vec<(String, String)> {
    let rows = settings.read_all(42).unwrap();
    let told = rows.into_iter().map(|row| row.example);
    told.map(|one| (one.id.to_string(), one.instruction().to_owned()))
        .collect()
}

#[test]
fn keys_and_defaults() {
    let expected = [
        "data",
        "weights",
        "format",
        "bad_rows",
        "instruction_column",
        "response_column",
        "sample",
    ];
    assert_eq!(keys::<DataSettings>(), expected);
    assert_eq!(
        to_toml(&DataSettings::default()).unwrap(),
        "format = \"auto\"\nbad_rows = \"error\"\ninstruction_column = \"instruction\"\n\
         response_column = \"output\"\n"
    );
}

#[test]
fn one_file_or_many() {
    assert_eq!(from("data = \"a\"").unwrap().data, [PathBuf::from("a")]);
    assert_eq!(from("data = [\"a\", \"b\"]").unwrap().data.len(), 2);
    assert_eq!(
        from("data = 1").unwrap_err(),
        "run.toml: data: expected text or a list, found 1"
    );
    let error = from("data = [1]").unwrap_err();
    assert_eq!(
        error,
        "run.toml: data: expected a path or a list of paths, found [1]"
    );
    assert_eq!(
        from("format = \"auto\"").unwrap().format,
        FormatSetting::Auto
    );
    assert_eq!(
        from("format = \"alpca\"").unwrap_err(),
        "run.toml: format: expected one of: alpaca, sharegpt, messages, prompt-completion, text, tokens, auto, or a .toml file that \
         describes one, found \"alpca\""
    );
}

#[test]
fn one_file_keeps_its_ids_and_a_sample_is_of_the_seed() {
    let (_folder, [five, _]) = files();
    let mut settings = settings(std::slice::from_ref(&five));
    let all = read(&settings);
    assert_eq!(all[4], ("4".into(), "five.jsonl 4".into()));
    settings.sample = Some(2);
    let some: Vec<_> = sample(5, 2, 42)
        .into_iter()
        .map(|at| all[at].clone())
        .collect();
    assert_eq!(read(&settings), some);
    assert_eq!(settings.only().unwrap(), five);
}

#[test]
fn several_files_are_mixed_by_their_weights_under_ids_of_their_own() {
    let (_folder, paths) = files();
    let settings = DataSettings {
        weights: vec![1.0, 2.0],
        ..settings(&paths)
    };
    let names = ["five.jsonl", "three.jsonl"];
    let order = mix(&[5, 3], &[1.0, 2.0], 42).unwrap();
    let order = order.into_iter().enumerate();
    let expected = order.map(|(place, (set, row))| {
        (
            format!("\"{set}:{row}:{place}\""),
            format!("{} {row}", names[set]),
        )
    });
    assert_eq!(read(&settings), expected.collect::<Vec<_>>());
}

#[test]
fn what_is_out_of_range_is_refused() {
    let (_folder, paths) = files();
    let refused = |change: &dyn Fn(&mut DataSettings)| {
        let mut settings = settings(&paths);
        change(&mut settings);
        let error = settings.check().unwrap_err().to_string();
        assert_eq!(settings.read_all(1).unwrap_err().to_string(), error);
        error
    };
    assert_eq!(
        refused(&|s| s.data.clear()),
        "data: expected a data set, found nothing"
    );
    assert_eq!(
        refused(&|s| s.weights = vec![1.0]),
        "weights: expected one weight for each of 2 data sets, found 1"
    );
    for (weight, shown) in [(f64::NAN, "NaN"), (f64::INFINITY, "inf"), (-0.5, "-0.5")] {
        assert_eq!(
            refused(&|s| s.weights = vec![1.0, weight]),
            format!("weights: expected numbers of at least 0, found {shown}")
        );
    }
    assert_eq!(
        refused(&|s| s.sample = Some(0)),
        "sample: expected at least 1, found 0"
    );
    let settings_of = |weight| DataSettings {
        weights: vec![1.0, weight],
        ..settings(&paths)
    };
    let error = settings_of(1e9).read_all(1).unwrap_err().to_string();
    assert_eq!(
        error,
        "weights: expected at most 100000000 rows together, found 3000000005"
    );
    let error = mix(&[5], &[-1.0], 1).unwrap_err().to_string();
    assert_eq!(error, "weights: expected numbers of at least 0, found -1");
    let error = settings(&paths).only().unwrap_err().to_string();
    assert_eq!(error, "data: expected one data set, found 2 of them");
}

#[test]
fn every_way_to_name_a_format() {
    let (folder, [five, _]) = files();
    let own = folder.path().join("own.toml");
    std::fs::write(
        &own,
        "name = \"own\"\nkind = \"text\"\ntext = \"question\"\n",
    )
    .unwrap();
    let mut settings = settings(&[]);
    let columns = Columns {
        instruction: "question".into(),
        ..Columns::default()
    };
    let alpaca = FileFormat::Examples(Format::Alpaca.with(&columns));
    assert_eq!(settings.file_format(&five).unwrap(), alpaca);
    settings.format = FormatSetting::Auto;
    assert_eq!(settings.file_format(&five).unwrap(), alpaca);
    assert_eq!(
        settings.read(&five).unwrap(),
        Dataset::read(&five, Format::Alpaca, &columns).unwrap()
    );
    settings.format = FormatSetting::File(own);
    let rows = settings.read(&five).unwrap().rows;
    assert_eq!(rows[1].example.response(), Some("five.jsonl 1"));
    settings.format = FormatSetting::Tokens;
    assert_eq!(settings.file_format(&five).unwrap(), FileFormat::Tokens);
    let error = settings.read(&five).unwrap_err().to_string();
    assert_eq!(error, "format: expected a format with text, found tokens");
}
