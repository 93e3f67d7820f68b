//! The folder of an adapter, found in what a user names, or what is there in its place and what to do with that.

use std::borrow::Cow;
use std::path::Path;

use idiolect_data::{Layout, RunDir};

use super::WeightedAdapter;
use crate::LmError;

/// What a folder must have to be an adapter.
const CONFIG: &str = "adapter_config.json";

/// The folder of an adapter, also where that of the run is given which trained it.
///
/// # Errors
///
/// [`LmError::Setting`] for a folder without an adapter says what it is, and what to do with it.
pub fn adapter_folder(folder: &Path) -> Result<Cow<'_, Path>, LmError> {
    let run = RunDir::new(folder);
    if folder.join(CONFIG).exists() {
        return Ok(folder.into());
    }
    if run.adapter().is_dir() {
        return Ok(run.adapter().into());
    }
    let expected =
        format!("a folder with {CONFIG}, or the directory of a training run with adapter/ in it");
    let name = format!("adapter {}", folder.display());
    Err(LmError::setting(name, expected, found(&run)))
}

/// Refuses folders without an adapter before a model is read.
pub(crate) fn check_folders(adapters: &[WeightedAdapter]) -> Result<(), LmError> {
    let mut folders = adapters.iter().map(|part| &part.folder);
    folders.try_for_each(|folder| adapter_folder(folder).map(drop))
}

/// What stands where an adapter is looked for.
fn found(run: &RunDir) -> String {
    let has = |name: &str| run.root.join(name).exists();
    let sets = [Layout::Array, Layout::Lines].map(|layout| run.rewritten("", layout));
    let parts = [RunDir::DISTILLED, RunDir::PLAIN].map(|part| run.part(part));
    if let Some(set) = sets.iter().find(|set| set.is_file()) {
        format!(
            "the run of a distillation, which trains nothing: train on {} (idiolect train), and name that run",
            set.display()
        )
    } else if let Some(part) = parts.iter().find(|part| part.adapter().is_dir()) {
        format!("the run of a whole job: name {}", part.root.display())
    } else if run.model().is_dir() {
        let model = run.model();
        let model = model.display();
        format!("a run that trained every weight: {model} is a model by itself")
    } else if run.checkpoints().is_dir() {
        let out = run.root.display();
        format!("a run that has not ended: idiolect train --resume --out {out} ends it")
    } else if has("config.json") || has("params.json") {
        "a model, which is given as the model".to_owned()
    } else if run.root.is_file() {
        "a file".to_owned()
    } else if run.root.is_dir() {
        "a folder without either".to_owned()
    } else {
        "no such folder".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_without_an_adapter_is_told_for_what_it_is() {
        let place = tempfile::tempdir().unwrap();
        let check = |file: &str, expected: &str| {
            let root = place.path().join(file.split('/').next().unwrap());
            let file = place.path().join(file);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, "").unwrap();
            let error = adapter_folder(&root).unwrap_err().to_string();
            assert!(
                error.contains("a folder with adapter_config.json"),
                "{error}"
            );
            assert!(error.contains(expected), "{error}");
        };
        check("a/distilled.jsonl", "found the run of a distillation");
        check("a/distilled.jsonl", "a/distilled.jsonl (idiolect train)");
        check("b/distilled/adapter/x", "b/distilled");
        check("c/model/config.json", "a run that trained every weight");
        check("d/checkpoints/step-1/x", "idiolect train --resume --out");
        check("e/config.json", "found a model");
        check("f", "found a file");
        check("g/x", "found a folder without either");
        let error = adapter_folder(&place.path().join("h")).unwrap_err();
        assert!(
            error.to_string().ends_with("found no such folder"),
            "{error}"
        );
        for file in ["i/adapter/x", "j/adapter_config.json"] {
            let root = place.path().join(file.split('/').next().unwrap());
            let file = place.path().join(file);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(&file, "").unwrap();
            assert_eq!(adapter_folder(&root).unwrap(), file.parent().unwrap());
        }
    }
}
