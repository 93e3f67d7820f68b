//! A folder of a test's own, a tiny model, and small data.

use std::path::{Path, PathBuf};

use idiolect_data::Dataset;
use idiolect_finetune::{FineTune, FineTuned};
use idiolect_lm::LanguageModel;
use idiolect_lora::LoraAdapter;
use idiolect_train::TrainConfig;
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) struct Place {
    pub(crate) folder: TempDir,
    pub(crate) tiny: PathBuf,
}

impl Place {
    /// None, with a word on standard error, where the shared oracles are absent.
    pub(crate) fn new() -> Option<Self> {
        let tiny = idiolect_testkit::shared()?.join("oracles/tiny");
        let folder = tempfile::tempdir().unwrap();
        Some(Self { folder, tiny })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub(crate) fn model_path(&self, name: &str) -> String {
        self.tiny.join(name).display().to_string()
    }

    pub(crate) fn model(&self) -> LanguageModel {
        LanguageModel::open(&self.model_path("tiny-llama3")).unwrap()
    }

    /// Rows as a JSON Lines file.
    pub(crate) fn lines(&self, name: &str, rows: &[Value]) -> PathBuf {
        let lines: Vec<String> = rows.iter().map(Value::to_string).collect();
        std::fs::write(self.path(name), lines.join("\n") + "\n").unwrap();
        self.path(name)
    }

    /// Twelve small instructions in the alpaca format.
    pub(crate) fn data(&self) -> Dataset {
        let mut path = self.path("alpaca.jsonl");
        // Written once: runs at the same time read it.
        if !path.exists() {
            path = self.lines("alpaca.jsonl", &examples());
        }
        Dataset::open(&path).unwrap()
    }

    /// A short run that writes nothing.
    pub(crate) fn run<'a>(&self, data: &'a Dataset) -> FineTune<'a> {
        FineTune::new(&self.model(), data).config(config())
    }

    /// The same in a folder of that name.
    pub(crate) fn in_folder(&self, name: &str) -> FineTuned {
        let data = self.data();
        self.run(&data).run_dir(self.path(name)).start().unwrap()
    }
}

pub(crate) fn examples() -> Vec<Value> {
    let words = [
        "red", "blue", "green", "one", "two", "three", "cat", "dog", "sun", "sea", "day", "hat",
    ];
    let row = |word: &str| json!({"instruction": format!("Say {word}."), "input": "", "output": format!("{word} it is")});
    words.map(row).to_vec()
}

/// Twelve steps.
pub(crate) fn config() -> TrainConfig {
    TrainConfig {
        epochs: 4,
        batch_size: 2,
        accumulation: 2,
        learning_rate: 2e-3,
        checkpoint_every: 4,
        ..TrainConfig::default()
    }
}

/// Every number of an adapter's factors, bit by bit.
pub(crate) fn bits(adapter: &LoraAdapter) -> Vec<u32> {
    let parts = adapter
        .factors
        .iter()
        .flat_map(|factors| [&factors.a, &factors.b]);
    let values = parts.flat_map(|part| {
        let data = part.val().without_autodiff().into_data();
        data.iter::<f32>().map(f32::to_bits).collect::<Vec<_>>()
    });
    values.collect()
}

pub(crate) fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The rows of a metrics file that have this field, and their values.
pub(crate) fn numbers(path: &Path, field: &str) -> Vec<f64> {
    let text = read(path);
    let rows = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    rows.filter_map(|row| row[field].as_f64()).collect()
}
