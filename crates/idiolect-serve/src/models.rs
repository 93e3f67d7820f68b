//! The models that are served: one base model, and adapters on it, each by its name.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use idiolect_completion::Progress;
use idiolect_lm::{LanguageModel, ModelSettings, adapter_folder};

use crate::ServeError;
use crate::refusal::Refusal;

/// An adapter under the name that requests ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedAdapter {
    /// The name.
    pub name: String,
    /// PEFT folder, or the directory of a training run.
    pub folder: PathBuf,
}

impl FromStr for NamedAdapter {
    type Err = ServeError;

    /// `NAME=FOLDER`, or `FOLDER`, whose own name it then has; `adapter` in a run directory has the run's.
    fn from_str(text: &str) -> Result<Self, ServeError> {
        let (name, folder) = match text.split_once('=') {
            Some((name, folder)) if !Path::new(text).is_dir() => (name.to_owned(), folder),
            _ => (own_name(Path::new(text)), text),
        };
        if name.is_empty() || folder.is_empty() {
            let expected = "NAME=FOLDER, or FOLDER";
            return Err(ServeError::setting(
                "adapter",
                expected,
                format!("{text:?}"),
            ));
        }
        let folder = folder.into();
        Ok(Self { name, folder })
    }
}

/// The name of a folder; of `adapter` that of the folder around it.
fn own_name(folder: &Path) -> String {
    let run = folder.parent().filter(|_| folder.ends_with("adapter"));
    let name = run.and_then(Path::file_name).or_else(|| folder.file_name());
    name.unwrap_or_default().to_string_lossy().into_owned()
}

/// The models, the base model first.
pub(crate) struct Models(Vec<(String, LanguageModel)>);

impl Models {
    /// Opens the base model once, and puts each adapter on it.
    pub(crate) fn open(
        settings: &ModelSettings,
        adapters: &[NamedAdapter],
        progress: &dyn Progress,
    ) -> Result<Self, ServeError> {
        for adapter in adapters {
            adapter_folder(&adapter.folder)?;
        }
        let base = LanguageModel::load(settings, progress)?;
        if let Some(same) = adapters.iter().find(|adapter| adapter.name == base.name()) {
            let expected = "another name than the base model's";
            return Err(ServeError::setting("adapter", expected, &same.name));
        }
        let mut models = vec![(base.name().to_owned(), base.clone())];
        for NamedAdapter { name, folder } in adapters {
            models.push((name.clone(), base.load_adapter(folder)?));
        }
        Ok(Self(models))
    }

    /// The names, the base model's first.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// The base model's name.
    pub(crate) fn base(&self) -> &str {
        self.names().next().unwrap_or_default()
    }

    /// The longest sequence, in tokens; the same of all.
    pub(crate) fn positions(&self) -> usize {
        self.0.first().map_or(0, |(_, model)| model.max_positions())
    }

    /// The model of that name; the base model where none is asked for.
    pub(crate) fn find(&self, name: Option<&str>) -> Result<(&str, &LanguageModel), Refusal> {
        let name = name.unwrap_or(self.base());
        match self.0.iter().find(|(own, _)| own == name) {
            Some((name, model)) => Ok((name, model)),
            None => Err(Refusal::no_model(name, &self.names().collect::<Vec<_>>())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_adapter_has_a_name_and_a_folder() {
        let adapter: NamedAdapter = "plain=runs/a=b".parse().unwrap();
        assert_eq!(
            (adapter.name.as_str(), adapter.folder),
            ("plain", "runs/a=b".into())
        );
        for (folder, name) in [
            ("runs/plain", "plain"),
            ("runs/plain/", "plain"),
            ("runs/plain/adapter", "plain"),
            ("adapter", "adapter"),
        ] {
            let adapter: NamedAdapter = folder.parse().unwrap();
            assert_eq!(
                (adapter.name.as_str(), adapter.folder),
                (name, folder.into())
            );
        }
        for wrong in ["=x", "x=", ""] {
            let error = wrong.parse::<NamedAdapter>().unwrap_err().to_string();
            assert!(
                error.starts_with("adapter: expected NAME=FOLDER"),
                "{error}"
            );
        }
    }
}
