//! A model, or an adapter for it, as one GGUF file, which llama.cpp and what is built on it read.

mod summary;

pub use summary::{ExportContent, ExportSummary};

use std::path::{Path, PathBuf};

use idiolect_completion::Progress;
use idiolect_data::write_atomically;
use idiolect_lora::{
    check_gguf, gguf_adapter, load_adapter, load_without_model, read_adapter_config,
};
use idiolect_model::gguf::{Destination, GgufContents, GgufType};
use idiolect_model::read_config;
use idiolect_prompt::Template;

use crate::text::{Text, gguf_vocabulary};
use crate::{LanguageModel, LmError, ModelSettings, adapter_folder, hub, on_threads};

/// The version of quantised blocks that files name (`GGML_QUANT_VERSION`).
const BLOCKS: u32 = 2;

/// What is to be written as a GGUF file, and how.
#[derive(Debug, Clone, Default)]
pub struct Export {
    /// The model.
    pub model: ModelSettings,
    /// PEFT folder: by itself it is what is written, and the model says only what it is for.
    pub adapter: Option<PathBuf>,
    /// Whether the adapter is folded into the model, and the model is written.
    pub merge: bool,
    /// Type of the matrices; f32 for an adapter, and the type of the model's files for a model, by default.
    pub stored: Option<GgufType>,
    /// Whether a file that is there is overwritten; refused by default.
    pub overwrite: bool,
}

/// Writes a model or an adapter as a GGUF file.
///
/// An adapter is read without the weights of its model, unless it is the residual of `pissa` or `olora`.
/// A model takes the memory of its weights and of the file, whichever is more, and of some copies of its largest
/// tensor.
///
/// # Errors
///
/// [`LmError::Setting`] for a file that is there, and for a merge without an adapter; [`LmError::Lora`],
/// [`LmError::Model`] and [`LmError::Tokens`] name what a GGUF file cannot hold, or llama.cpp would compute otherwise;
/// [`LmError`] for what cannot be opened or written.
pub fn export(ask: &Export, out: &Path, progress: &dyn Progress) -> Result<ExportSummary, LmError> {
    ask.model.check()?;
    check_out(out, ask.overwrite)?;
    on_threads(ask.model.threads, || match &ask.adapter {
        Some(folder) if !ask.merge => ask.adapter(folder, out, progress),
        None if ask.merge => {
            let expected = "an adapter to merge";
            Err(LmError::setting("adapter", expected, "none"))
        }
        merged => {
            ask.refuse_early(progress)?;
            // No other handle on the weights may live on: each tensor is to go when it is encoded.
            let model = LanguageModel::load(&ask.model, progress)?
                .load_optional_adapter(merged.as_deref())?;
            model.export(out, ask.stored, progress)
        }
    })
}

fn check_out(out: &Path, overwrite: bool) -> Result<(), LmError> {
    let ends = out
        .extension()
        .is_some_and(|end| end.eq_ignore_ascii_case("gguf"));
    if !ends {
        let expected = "the name of a file that ends in .gguf";
        return Err(LmError::setting("out", expected, out.display()));
    }
    if out.exists() && !(overwrite && out.is_file()) {
        let expected = "a file that is not there, or the option overwrite";
        return Err(LmError::setting("out", expected, out.display()));
    }
    Ok(())
}

impl Export {
    /// Refuses by its settings, before its weights are read, a model that cannot be written.
    fn refuse_early(&self, progress: &dyn Progress) -> Result<(), LmError> {
        let path = self.located(progress)?;
        let config = read_config(&path)?;
        let kind = self.stored.unwrap_or_default();
        Destination::of(&config)?.settings(kind)?;
        Ok(())
    }

    fn located(&self, progress: &dyn Progress) -> Result<PathBuf, LmError> {
        hub::locate(&self.model.model, self.model.revision.as_deref(), progress)
    }

    fn adapter(
        &self,
        folder: &Path,
        out: &Path,
        progress: &dyn Progress,
    ) -> Result<ExportSummary, LmError> {
        let folder = &*adapter_folder(folder)?;
        let of_adapter = read_adapter_config(folder)?;
        check_gguf(&of_adapter)?;
        let config = read_config(&self.located(progress)?)?;
        let device = crate::device::device("cpu")?;
        let adapter = if of_adapter.init.is_of_weight() {
            let model = LanguageModel::load(&self.model, progress)?;
            load_adapter(folder, &model.decoder, &model.device())?
        } else {
            load_without_model(folder, &config, &device)?
        };
        let destination = Destination::of(&config)?;
        let contents = gguf_adapter(&adapter, &destination, self.stored.unwrap_or_default())?;
        let contents = named(contents, folder);
        let summary = ExportSummary::of(&contents, ExportContent::Adapter, &destination, out);
        let summary = summary.run_with(&self.model.model);
        write(contents, out)?;
        Ok(summary)
    }
}

/// Gives the file the name of the folder that it was made from.
fn named(mut contents: GgufContents, folder: &Path) -> GgufContents {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let more = [
        ("general.name", name.as_ref().into()),
        ("general.quantization_version", BLOCKS.into()),
    ];
    let more = more.map(|(key, value)| (key.to_owned(), value));
    contents.metadata.extend(more);
    contents
}

impl LanguageModel {
    /// Writes the model as a GGUF file, with the adapter that is on folded in; `stored` is the type of its matrices,
    /// by default that of the model's files.
    ///
    /// The model is taken, so that its weights need not be held beside the file: a clone that lives on holds them.
    /// An older file is overwritten.
    ///
    /// # Errors
    ///
    /// As [`export`].
    pub fn export(
        self,
        out: &Path,
        stored: Option<GgufType>,
        progress: &dyn Progress,
    ) -> Result<ExportSummary, LmError> {
        let kind = stored.unwrap_or_else(|| self.files_dtype().into());
        let name = self.name().to_owned();
        let text = std::sync::Arc::clone(self.text());
        let decoder = self.merged()?;
        let config = decoder.config.clone();
        let destination = Destination::of(&config)?;
        let mut metadata = vec![
            (
                "general.architecture".to_owned(),
                destination.architecture().into(),
            ),
            ("general.type".to_owned(), "model".into()),
            ("general.name".to_owned(), name.as_str().into()),
            ("general.quantization_version".to_owned(), BLOCKS.into()),
        ];
        metadata.extend(destination.settings(kind)?);
        metadata.extend(gguf_vocabulary(&text.tokenizer, &text.config, &config)?.into_metadata());
        for remark in destination.remarks().into_iter().chain(remark_of(&text)) {
            progress.note(&remark);
        }
        let tensors = destination.tensors(decoder, kind)?;
        let contents = GgufContents { metadata, tensors };
        let summary = ExportSummary::of(&contents, ExportContent::Model, &destination, out);
        write(contents, out)?;
        Ok(summary)
    }
}

/// What a user should know of a template that no GGUF file can hold.
fn remark_of(text: &Text) -> Option<String> {
    match &text.template {
        Template::Named(named) => Some(format!(
            "a GGUF file holds chat templates of Jinja alone, and {} is none: give prompts in its form",
            named.name
        )),
        Template::Chat(_) => None,
    }
}

fn write(contents: GgufContents, out: &Path) -> Result<(), LmError> {
    if let Some(folder) = out.parent() {
        std::fs::create_dir_all(folder).map_err(LmError::io(folder))?;
    }
    Ok(write_atomically(out, |out| contents.write(out))?)
}
