//! What the program reads from files, each with a good one, and what comes of it as a text that can be compared.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::path::Path;

use idiolect::completion::{CompletionRequest, Prompt};
use idiolect::data::settings::{read_file, resolve};
use idiolect::data::{Example, Message, Role, RowFormat};
use idiolect::finetune::plan;
use idiolect::lm::{MergeOptions, ModelPrompt, ScoreRow, WeightedAdapter, rows};
use idiolect::teacher::{Teacher, TeacherConfig};
use idiolect::tokens::TokenRow;
use idiolect::{BoxError, Dataset, LanguageModel, Quiet, TrainSettings};

use crate::good::{answer, tune};
use crate::server::serve;

/// A file of the good folder and the reader of it. The folder that holds the damaged file is `root`.
#[derive(Clone, Copy)]
pub(crate) struct Reader {
    pub(crate) kind: &'static str,
    pub(crate) file: &'static str,
    pub(crate) read: fn(root: &Path, file: &str) -> Result<String, BoxError>,
}

/// All of them, or those whose file contains the text of `IDIOLECT_HOSTILE_FILES`.
pub(crate) fn chosen() -> impl Iterator<Item = &'static Reader> {
    let part = std::env::var("IDIOLECT_HOSTILE_FILES").unwrap_or_default();
    READERS
        .iter()
        .filter(move |reader| reader.file.contains(&part))
}

/// The kinds of files.
pub(crate) fn kinds() -> BTreeSet<&'static str> {
    chosen().map(|reader| reader.kind).collect()
}

const READERS: [Reader; 29] = [
    Reader {
        kind: "server",
        file: "reply.json",
        read: reply,
    },
    Reader {
        kind: "config",
        file: "model/config.json",
        read: score,
    },
    Reader {
        kind: "config",
        file: "model/generation_config.json",
        read: score,
    },
    Reader {
        kind: "tokenizer",
        file: "model/tokenizer.json",
        read: score,
    },
    Reader {
        kind: "config",
        file: "model/tokenizer_config.json",
        read: score,
    },
    Reader {
        kind: "template",
        file: "model/chat_template.jinja",
        read: score,
    },
    Reader {
        kind: "weights",
        file: "model/model.safetensors",
        read: score,
    },
    Reader {
        kind: "weights",
        file: "sharded/model.safetensors.index.json",
        read: score_sharded,
    },
    Reader {
        kind: "weights",
        file: "sharded/model-00001-of-00002.safetensors",
        read: score_sharded,
    },
    Reader {
        kind: "gguf",
        file: "model.gguf",
        read: gguf,
    },
    Reader {
        kind: "adapter",
        file: "run/adapter/adapter_config.json",
        read: merged,
    },
    Reader {
        kind: "adapter",
        file: "run/adapter/adapter_model.safetensors",
        read: merged,
    },
    Reader {
        kind: "template",
        file: "run/adapter/template.json",
        read: merged,
    },
    Reader {
        kind: "rows",
        file: "rows.json",
        read: examples,
    },
    Reader {
        kind: "rows",
        file: "rows.jsonl",
        read: examples,
    },
    Reader {
        kind: "rows",
        file: "rows.csv",
        read: examples,
    },
    Reader {
        kind: "rows",
        file: "messages.jsonl",
        read: examples,
    },
    Reader {
        kind: "rows",
        file: "sharegpt.jsonl",
        read: examples,
    },
    Reader {
        kind: "rows",
        file: "messages.jsonl",
        read: scored,
    },
    Reader {
        kind: "rows",
        file: "tokens.jsonl",
        read: tokens,
    },
    Reader {
        kind: "settings",
        file: "train.toml",
        read: settings,
    },
    Reader {
        kind: "template",
        file: "template.toml",
        read: template,
    },
    Reader {
        kind: "settings",
        file: "format.toml",
        read: format,
    },
    Reader {
        kind: "journal",
        file: "answers.jsonl",
        read: journal,
    },
    Reader {
        kind: "checkpoint",
        file: "run/metrics.jsonl",
        read: resumed,
    },
    Reader {
        kind: "checkpoint",
        file: "run/checkpoints/step-4/state.json",
        read: resumed,
    },
    Reader {
        kind: "checkpoint",
        file: "run/checkpoints/step-4/parameters.safetensors",
        read: resumed,
    },
    Reader {
        kind: "checkpoint",
        file: "run/checkpoints/step-4/optimizer.safetensors",
        read: resumed,
    },
    Reader {
        kind: "checkpoint",
        file: "run/metrics.jsonl",
        read: page,
    },
];

fn score(root: &Path, _: &str) -> Result<String, BoxError> {
    scores(&LanguageModel::open(
        &root.join("model").display().to_string(),
    )?)
}

fn score_sharded(root: &Path, _: &str) -> Result<String, BoxError> {
    scores(&LanguageModel::open(
        &root.join("sharded").display().to_string(),
    )?)
}

fn gguf(root: &Path, file: &str) -> Result<String, BoxError> {
    let model = LanguageModel::open(&root.join(file).display().to_string())?;
    let row = TokenRow::all_trained(0.into(), vec![1, 3, 4, 3]);
    let scores = model.score(&[row], 1, &Quiet)?;
    Ok(format!("{} {:.5}", model.summary(), scores[0].nll))
}

/// What a model is, and its nats of a conversation.
fn scores(model: &LanguageModel) -> Result<String, BoxError> {
    let message = |role, content: &str| Message::new(role, content);
    let turns = vec![
        message(Role::User, "Say 1."),
        message(Role::Assistant, "1 it is"),
    ];
    let example = Example::new(0.into(), turns);
    let row = model.score_row(ScoreRow::Example(example))?;
    let prompt = model.prompt_ids(&ModelPrompt::user("Say 2."))?;
    let scores = model.score(&[row], 1, &Quiet)?;
    Ok(format!(
        "{} {prompt:?} {:.5}",
        model.summary(),
        scores[0].nll
    ))
}

/// An adapter's nats, what it moves, and the model that it becomes.
fn merged(root: &Path, _: &str) -> Result<String, BoxError> {
    let model = LanguageModel::open(&root.join("model").display().to_string())?;
    let folder = root.join("run/adapter");
    let tuned = model.load_adapter(&folder)?;
    let text = scores(&tuned)?;
    let shift = model.shift_of(&[WeightedAdapter::whole(&folder)])?;
    let merged = tuned.merge(&root.join("merged"), MergeOptions::default())?;
    Ok(format!("{text} {:?} {merged:?}", shift.rows()))
}

fn examples(root: &Path, file: &str) -> Result<String, BoxError> {
    Ok(format!("{:?}", Dataset::open(root.join(file))?.rows))
}

fn scored(root: &Path, file: &str) -> Result<String, BoxError> {
    Ok(format!("{:?}", rows::read_scores(&root.join(file))?))
}

fn tokens(root: &Path, file: &str) -> Result<String, BoxError> {
    let model = LanguageModel::open(&root.join("model").display().to_string())?;
    let rows = rows::read_tokens(&root.join(file))?;
    Ok(format!("{:?}", model.score(&rows, 4, &Quiet)?))
}

/// Settings as `train` takes them, up to its plan of memory.
fn settings(root: &Path, file: &str) -> Result<String, BoxError> {
    let mut settings: TrainSettings = resolve(&[read_file(&root.join(file))?])?;
    settings.check()?;
    let read = format!("{settings:?}");
    settings.model.model = root.join("model").display().to_string();
    settings.data.data = vec![root.join("rows.jsonl")];
    plan(&settings)?;
    Ok(read)
}

fn template(root: &Path, file: &str) -> Result<String, BoxError> {
    let model = LanguageModel::open(&root.join("model").display().to_string())?;
    scores(&model.with_template(&root.join(file).display().to_string())?)
}

fn format(root: &Path, file: &str) -> Result<String, BoxError> {
    let format = RowFormat::read(&root.join(file))?;
    format.check()?;
    Ok(format!("{format:?}"))
}

fn journal(root: &Path, file: &str) -> Result<String, BoxError> {
    Ok(format!("{:?}", answer(&root.join(file))?))
}

/// The adapter of a run that resumes at its last checkpoint.
fn resumed(root: &Path, _: &str) -> Result<String, BoxError> {
    std::fs::remove_dir_all(root.join("run/adapter"))?;
    let run = tune(root, true)?;
    scores(&run.model)
}

fn page(root: &Path, _: &str) -> Result<String, BoxError> {
    let page = idiolect::report::write(&root.join("run"))?;
    Ok(std::fs::read_to_string(page)?)
}

/// A text of a server that answers with the file.
fn reply(root: &Path, file: &str) -> Result<String, BoxError> {
    let body = std::fs::read(root.join(file))?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = format!("http://{}/v1", listener.local_addr()?);
    let server = std::thread::spawn(move || serve(&listener, &body));
    let mut config = TeacherConfig::new(&address);
    config.model = Some("m".into());
    config.retries.attempts = 1;
    let teacher = Teacher::new(config)?;
    let request = CompletionRequest::new(0.into(), Prompt::user("Say 1."), 1);
    let mut text = String::new();
    let done = teacher.complete(&[request], &mut |completion| {
        text = format!("{completion:?}");
        Ok(())
    });
    drop(server.join());
    done?;
    Ok(text)
}
