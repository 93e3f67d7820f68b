//! What made a completion, and how a journal's row differs from what this run would write.

use std::fmt;

use idiolect_data::Id;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::writer::WriterIdentity;

/// A row of a journal.
pub trait JournalRow: Serialize + DeserializeOwned {
    /// The row's name for how the writer was asked, where it has one.
    const FORM: &'static str = "form";
    /// The row's name for the hash of the prompt.
    const PROMPT: &'static str = "prompt_sha256";

    /// The request's id.
    fn id(&self) -> &Id;

    /// What made the text, as far as the row holds it.
    fn provenance(&self) -> Provenance<'_>;
}

/// What decides a text; what is `None` is not compared.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Provenance<'a> {
    /// Who wrote.
    pub writer: Option<&'a WriterIdentity>,
    /// How the writer was asked: a template, raw text, which question of a judge.
    pub form: Option<&'a str>,
    /// Seed of the text's sampling.
    pub seed: Option<u64>,
    /// Hash of the prompt.
    pub prompt_sha256: Option<&'a str>,
}

/// Everything that makes one completion, for the journal's row.
#[derive(Debug, Clone, PartialEq)]
pub struct Made {
    /// The request's id.
    pub id: Id,
    /// Who writes.
    pub writer: WriterIdentity,
    /// How the writer is asked.
    pub form: String,
    /// Hash of the prompt, in hexadecimal.
    pub prompt_sha256: String,
    /// Seed of the text's sampling.
    pub seed: u64,
}

impl Made {
    /// All of it, to be compared.
    #[must_use]
    pub fn provenance(&self) -> Provenance<'_> {
        Provenance {
            writer: Some(&self.writer),
            form: Some(&self.form),
            seed: Some(self.seed),
            prompt_sha256: Some(&self.prompt_sha256),
        }
    }
}

/// A field in which a journal and a run that would resume from it differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The row's field, with the place inside it (`sampler.temperature`); `prompt_sha256` means another data set, corpus
    /// or chat template.
    pub field: String,
    /// What the journal says, as JSON.
    pub journal: String,
    /// What the run says.
    pub now: String,
}

/// Fields of a row that are settings under another name: the field, and the setting.
const SETTINGS: [(&str, &str); 7] = [
    ("model", "model"),
    ("adapter", "adapter"),
    ("template", "preset"),
    ("sampler.stops", "stop"),
    ("sampler.batch_size", "generation_batch_size"),
    ("sampler.share_prefixes", "prefix_sharing"),
    ("seed", "seed"),
];
/// Characters of a value.
const SHOWN: usize = 80;

/// In the settings' own names: `the option temperature was 0.0, is 0.5`.
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            field,
            journal,
            now,
        } = self;
        let own = SETTINGS.iter().find(|(other, _)| other == field);
        let own = own.map(|(_, own)| *own).or(field.strip_prefix("sampler."));
        match own {
            // A row has a seed of its own, made of the run's.
            Some("seed") => f.write_str("the option seed is another"),
            Some(own) => {
                let (was, is) = (shown(journal), shown(now));
                write!(f, "the option {own} was {was}, is {is}")
            }
            None if field.ends_with("prompt_sha256") => {
                f.write_str("its prompt is another: other data, or another template")
            }
            None => write!(f, "the {field} was {journal}, is {now}"),
        }
    }
}

/// A value of JSON in few words.
fn shown(json: &str) -> String {
    match json.trim_matches('"') {
        "null" => "none".to_owned(),
        hash if hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            format!("the one with the hash {}", &hash[..12])
        }
        plain => single(plain).unwrap_or_else(|| idiolect_input::shown(plain, SHOWN).into_owned()),
    }
}

/// A number that was made of one in single precision, as that was typed: 0.9 for 0.8999999761581421.
fn single(number: &str) -> Option<String> {
    let (single, double): (f32, f64) = (number.parse().ok()?, number.parse().ok()?);
    let is_single = f64::from(single).to_bits() == double.to_bits();
    (number.contains('.') && is_single).then(|| single.to_string())
}

impl Provenance<'_> {
    /// The first field in which a row `R` differs from what a run would write.
    #[must_use]
    pub fn difference<R: JournalRow>(&self, now: &Provenance<'_>) -> Option<Difference> {
        let mut pairs = self.fields::<R>().into_iter().zip(now.fields::<R>());
        pairs.find_map(|((field, journal), (_, now))| {
            let (journal, now) = (journal?, now?);
            let same = journal == now || journal == read_back(&now);
            (!same).then(|| Difference::of(field, &journal, &now))
        })
    }

    fn fields<R: JournalRow>(&self) -> [(&'static str, Option<Value>); 6] {
        let writer = self.writer;
        [
            ("model", writer.map(|writer| json!(writer.model))),
            ("adapter", writer.map(|writer| json!(writer.adapter))),
            ("sampler", writer.map(|writer| writer.sampler.clone())),
            (R::FORM, self.form.map(Value::from)),
            ("seed", self.seed.map(Value::from)),
            (R::PROMPT, self.prompt_sha256.map(Value::from)),
        ]
    }
}

impl Difference {
    /// Two values of a field that differ; of two objects the first part that does.
    fn of(field: &str, journal: &Value, now: &Value) -> Self {
        if let (Value::Object(before), Value::Object(after)) = (journal, now) {
            let mut names = before.keys().chain(after.keys());
            let part = |name: &String| {
                let pair = [before, after].map(|parts| parts.get(name).unwrap_or(&Value::Null));
                (pair[0] != pair[1] && *pair[0] != read_back(pair[1]))
                    .then_some((name.clone(), pair))
            };
            if let Some((name, [journal, now])) = names.find_map(part) {
                return Self::of(&format!("{field}.{name}"), journal, now);
            }
        }
        Self {
            field: field.to_owned(),
            journal: journal.to_string(),
            now: now.to_string(),
        }
    }
}

/// A value as a journal gives it back: a number may change in its last bit on the way through text.
fn read_back(value: &Value) -> Value {
    serde_json::from_str(&value.to_string()).unwrap_or_default()
}
