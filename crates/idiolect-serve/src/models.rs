//! The models that are served: one base model, and adapters on it, each by its name.

use std::path::PathBuf;
use std::str::FromStr;

use idiolect_completion::Progress;
use idiolect_lm::{LanguageModel, ModelSettings};

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

    /// `NAME=FOLDER`.
    fn from_str(text: &str) -> Result<Self, ServeError> {
        match text.split_once('=') {
            Some((name, folder)) if !name.is_empty() && !folder.is_empty() => Ok(Self {
                name: name.into(),
                folder: folder.into(),
            }),
            _ => Err(ServeError::setting("adapter", "NAME=FOLDER", text)),
        }
    }
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
        for wrong in ["runs/plain", "=x", "x=", ""] {
            let error = wrong.parse::<NamedAdapter>().unwrap_err().to_string();
            assert!(
                error.starts_with("adapter: expected NAME=FOLDER"),
                "{error}"
            );
        }
    }
}
