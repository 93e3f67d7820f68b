//! The folder of an adapter, found in what a user names, or what is there in its place and what to do with that.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use idiolect_data::{Layout, RunDir};
use idiolect_input::{entries, few};

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
    let part = parts.iter().find(|part| part.adapter().is_dir());
    let is_job = run.is_begun() || run.outcome().is_file();
    let below = with_adapter(&run.root);
    if let Some(set) = sets.iter().find(|set| set.is_file()) {
        format!(
            "the run of a distillation, which trains nothing: train on {} (idiolect train), and name that run",
            set.display()
        )
    } else if let Some(part) = part.filter(|_| is_job) {
        format!("the run of a whole job: name {}", part.root.display())
    } else if run.model().is_dir() {
        let model = run.model();
        let model = model.display();
        format!("a run that trained every weight: {model} is a model by itself")
    } else if run.checkpoints().is_dir() {
        format!("a run that has not ended: {}", resumed(run))
    } else if let Some(run) = of_checkpoint(&run.root) {
        let way = if run.adapter().is_dir() {
            format!("name the run, {}", run.root.display())
        } else {
            resumed(&run)
        };
        format!("a checkpoint, which a training resumes from: {way}")
    } else if has("config.json") || has("params.json") {
        "a model, which is given as the model (the option model)".to_owned()
    } else if run.root.is_file() {
        of_file(&run.root)
    } else if !below.is_empty() {
        format!("a folder with {}: name one of them", few(&below))
    } else if run.root.is_dir() {
        "a folder without either".to_owned()
    } else {
        "no such folder".to_owned()
    }
}

fn resumed(run: &RunDir) -> String {
    let out = run.root.display();
    format!("idiolect train --resume --out {out} ends it")
}

/// The folders in a folder that are adapters, or the directories of runs with one.
fn with_adapter(folder: &Path) -> Vec<PathBuf> {
    let below = entries(folder).into_iter();
    below
        .filter(|one| one.join(CONFIG).exists() || RunDir::new(one).adapter().is_dir())
        .collect()
}

/// The run whose checkpoint a folder is, or whose folder of checkpoints.
fn of_checkpoint(folder: &Path) -> Option<RunDir> {
    let above = folder.ancestors().skip(1).take(2).map(RunDir::new);
    let mut runs = above.filter(|run| folder.starts_with(run.checkpoints()));
    runs.find(RunDir::is_begun)
}

/// What a file is that is named as an adapter: most often one of the folder that is meant.
fn of_file(path: &Path) -> String {
    let folder = path.parent().filter(|folder| folder.join(CONFIG).exists());
    let is_gguf = path.extension().is_some_and(|end| end == "gguf");
    match folder {
        Some(folder) => format!("a file of the adapter: name its folder, {}", folder.display()),
        None if is_gguf => "a GGUF file: a model is given as the model (the option model), and of an adapter the PEFT \
                            folder that it was made of"
            .to_owned(),
        None => "a file".to_owned(),
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
        std::fs::create_dir(place.path().join("b")).unwrap();
        std::fs::write(place.path().join("b/run.toml"), "").unwrap();
        check("b/distilled/adapter/x", "the run of a whole job: name ");
        check("c/model/config.json", "a run that trained every weight");
        check("d/checkpoints/step-1/x", "idiolect train --resume --out");
        check("e/config.json", "found a model");
        check("f", "found a file");
        check("g/x", "found a folder without either");
        check("runs/plain/adapter/x", "runs/plain: name one of them");
        check("l.gguf", "found a GGUF file: a model is given");
        for (path, expected) in [
            (
                "d/checkpoints/step-1",
                "found a checkpoint, which a training",
            ),
            ("d/checkpoints", "idiolect train --resume --out"),
        ] {
            let error = adapter_folder(&place.path().join(path)).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        }
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
        let error = adapter_folder(&place.path().join("j/adapter_config.json")).unwrap_err();
        assert!(error.to_string().contains("name its folder, "), "{error}");
    }
}
