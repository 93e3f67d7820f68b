//! From files to a model: where they are, what they hold, and on which device the weights come to lie.

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use burn::tensor::{DType, Device};
use idiolect_completion::{Progress, Quiet};
use idiolect_model::{Decoder, LoadReport, load, load_as_stored, load_quantized, read_config};
use tracing::{info, info_span};

use super::{LanguageModel, Source};
use crate::adapters::Adapters;
use crate::text::{TemplateChoice, Text, TextFiles, named_template, plain_remark};
use crate::{Dtype, LmError, ModelSettings, device, hub};

impl LanguageModel {
    /// Opens a Hugging Face folder, a `.gguf` file, or a model of the Hub by its name (`owner/name` or
    /// `owner/name@revision`; feature `hub`): on the CPU, in f32 beside what a GGUF file stores in four to eight bits, with
    /// the checkpoint's own chat template.
    ///
    /// # Errors
    ///
    /// [`LmError`] of whatever cannot be read or does not fit the rest.
    pub fn open(place: &str) -> Result<Self, LmError> {
        Self::from_settings(&ModelSettings::of(place))
    }

    /// Opens a model as settings say. `threads` is set for the whole program.
    ///
    /// # Errors
    ///
    /// [`LmError::Setting`] for a setting that is out of range; [`LmError`] of whatever cannot be read or does
    /// not fit the rest.
    pub fn from_settings(settings: &ModelSettings) -> Result<Self, LmError> {
        Self::load(settings, &Quiet)
    }

    /// [`LanguageModel::from_settings`] that tells how far a download is, in bytes.
    ///
    /// # Errors
    ///
    /// As [`LanguageModel::from_settings`].
    pub fn load(settings: &ModelSettings, progress: &dyn Progress) -> Result<Self, LmError> {
        let _span = info_span!("load", model = settings.model, device = settings.device).entered();
        settings.check()?;
        if let Some(threads) = settings.threads {
            device::set_threads(threads)?;
        }
        let name = settings.model.as_str();
        let device = device::device(&settings.device)?;
        let bits = settings.quantize.map(device::bits).transpose()?;
        let choice = TemplateChoice::parse(settings.template.as_deref())?;
        let path = hub::locate(name, settings.revision.as_deref(), progress)?;
        let asked = asked_dtype(settings, &path, &device)?;
        let dtype = device::dtype(asked, &device)?;
        let source = Source {
            name: shown_name(name, &path),
            revision: hub::revision(name, settings.revision.as_deref()),
            path,
            dtype,
            bits,
            as_stored: settings.dtype.is_none(),
            report: LoadReport::default(),
            files: asked,
            trained: false,
            hash: OnceLock::new(),
        };
        // The tokenizer first: what is wrong with it is told before gigabytes are read.
        let config = read_config(&source.path)?;
        let mut files = TextFiles::read(&source.path)?;
        files.date = settings.date.or(files.date);
        files.tokenizer.check_embedding(config.vocab_size)?;
        let own = match choice {
            TemplateChoice::Automatic => named_template(&source.path)?,
            _ => None,
        };
        if let (TemplateChoice::Automatic, None) = (&choice, &own)
            && let Some(remark) = plain_remark(&source.name, &files.config)
        {
            progress.note(&remark);
        }
        let text = Text::new(files, &config.eos, own.as_ref().unwrap_or(&choice))?;
        for remark in text.remarks(&choice) {
            progress.note(&remark);
        }
        tell_what_is_slow(asked, &device, progress);
        let (decoder, report) = source.weights(&device)?;
        let files = Dtype::of_files(&report, dtype.into());
        let source = Source {
            report,
            files,
            ..source
        };
        Ok(Self {
            source: Arc::new(source),
            settings: settings.clone(),
            decoder,
            text: Arc::new(text),
            words: Vec::new(),
            choice,
            adapters: Adapters::None,
        })
    }

    /// The same model with another template: a name, `chat` for the checkpoint's own, or the path of a
    /// `.toml` file or of a `.jinja` file, which is saved with the tokenizer from then on.
    ///
    /// # Errors
    ///
    /// [`LmError::Prompt`] for a name that is none or a chat template that does not parse; [`LmError::Io`] for
    /// a file that cannot be read; [`LmError::Setting`] for `chat` where the checkpoint has none.
    pub fn with_template(&self, template: &str) -> Result<Self, LmError> {
        let choice = TemplateChoice::parse(Some(template))?;
        let eos = &self.decoder.config.eos;
        let again = |text: &Arc<Text>| Text::new(text.files(), eos, &choice).map(Arc::new);
        let (text, adapters) = (again(&self.text)?, self.adapters.with_text(again)?);
        let settings = ModelSettings {
            template: Some(template.into()),
            ..self.settings.clone()
        };
        Ok(Self {
            settings,
            text,
            choice,
            adapters,
            ..self.clone()
        })
    }
}

/// The type that is asked for, else the usual one of the checkpoint and the device.
fn asked_dtype(settings: &ModelSettings, path: &Path, device: &Device) -> Result<Dtype, LmError> {
    match settings.dtype {
        Some(dtype) => Ok(dtype),
        None => device::usual_dtype(path, device),
    }
}

/// What a half type costs on the CPU, and a driver in the place of a card.
fn tell_what_is_slow(dtype: Dtype, device: &Device, progress: &dyn Progress) {
    if device::is_cpu(device) {
        if dtype != Dtype::F32 {
            progress.note(&format!(
                "{dtype} on the CPU takes half the memory of f32 for the weights, and several times its time"
            ));
        }
    } else if !device::is_card(device) {
        progress.note(
            "this device is no card: its driver computes on the CPU, many times slower than device cpu",
        );
    }
}

impl Source {
    /// Refuses a model whose largest tensor cannot be sent to another machine's device, before anything is.
    fn check_message(&self, device: &Device) -> Result<(), LmError> {
        if !device::is_elsewhere(device) {
            return Ok(());
        }
        let config = read_config(&self.path)?;
        let rows = config.vocab_size.max(config.intermediate_size);
        let bytes = rows * config.hidden_size * DType::from(self.dtype).size();
        if bytes <= MOST_BYTES {
            return Ok(());
        }
        let expected =
            "a type in which no tensor has more than 1023 MiB, to send it to another machine";
        let found = format!("{} MiB in {}", bytes >> 20, Dtype::from(self.dtype));
        Err(LmError::setting("dtype", expected, found))
    }

    /// Reads the weights onto a device.
    pub(super) fn weights(&self, device: &Device) -> Result<(Decoder, LoadReport), LmError> {
        self.check_message(device)?;
        let began = Instant::now();
        let (decoder, report) = match self.bits {
            Some(bits) => load_quantized(&self.path, device, self.dtype, bits)?,
            None if self.as_stored => load_as_stored(&self.path, device, self.dtype)?,
            None => load(&self.path, device, self.dtype)?,
        };
        let (bytes, seconds) = (decoder.weight_bytes(), began.elapsed().as_secs_f64());
        info!(dtype = ?self.dtype, bytes, seconds, "weights are loaded");
        Ok((decoder, report))
    }
}

/// Bytes that a tensor may have on its way to another machine's device: Burn's frames end at 1 GiB, and have more in them.
const MOST_BYTES: usize = (1 << 30) - (1 << 20);

/// The last part of a path; a Hub name without its revision, since its path ends in a commit.
fn shown_name(name: &str, path: &Path) -> String {
    let last = Path::new(name).exists().then(|| path.file_name()).flatten();
    last.map_or_else(
        || hub::plain_name(name).into(),
        |last| last.display().to_string(),
    )
}
