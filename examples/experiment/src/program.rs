//! The laboratory: where things lie, and calls of the program `idiolect`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use idiolect_data::write_atomically;
use serde_json::{Value, json};

use crate::args::Args;
use crate::error::ExperimentError;
use crate::scale::Scale;

/// Settings of one experiment.
pub(crate) struct Lab {
    /// As called.
    pub(crate) args: Args,
    /// Its sizes.
    pub(crate) scale: Scale,
    /// Folder of this scale.
    pub(crate) out: PathBuf,
}

impl Lab {
    /// Makes the folder of the scale ours; one that was begun with other settings is refused.
    ///
    /// # Errors
    ///
    /// [`ExperimentError::File`] names the setting that differs; [`ExperimentError::Io`].
    pub(crate) fn open(args: &Args, scale: Scale) -> Result<Self, ExperimentError> {
        let out = args.out.join(scale.name);
        std::fs::create_dir_all(&out).map_err(ExperimentError::io(&out))?;
        let path = out.join("settings.json");
        let settings = json!({
            "scale": scale, "model": args.model.file_name().map(|name| name.to_string_lossy()),
            "device": args.device, "embedder": args.embedder.is_some(),
        });
        if path.is_file() {
            let before = read_json(&path)?;
            if before != settings {
                return Err(ExperimentError::file(
                    &path,
                    format!("{settings}, or another --out"),
                ));
            }
        }
        write_json(&path, &settings)?;
        let args = args.clone();
        Ok(Self { args, scale, out })
    }

    /// Calls a command with the model, and returns what it printed on standard output.
    ///
    /// # Errors
    ///
    /// [`ExperimentError::Program`].
    pub(crate) fn call(
        &self,
        words: &[&str],
        paths: &[(&str, &Path)],
    ) -> Result<String, ExperimentError> {
        let mut command = Command::new(&self.args.idiolect);
        command.args(words).args(["--device", &self.args.device]);
        if !paths.iter().any(|(flag, _)| *flag == "--model") {
            command.arg("--model").arg(&self.args.model);
        }
        for (flag, path) in paths {
            command.arg(flag).arg(path);
        }
        let failed = |status: String| ExperimentError::Program {
            command: format!("{} {}", self.args.idiolect.display(), words.join(" ")),
            status,
        };
        let done = command.stderr(Stdio::inherit()).output();
        let done = done.map_err(|error| failed(error.to_string()))?;
        if !done.status.success() {
            return Err(failed(done.status.to_string()));
        }
        Ok(String::from_utf8_lossy(&done.stdout).into_owned())
    }
}

/// A JSON file.
///
/// # Errors
///
/// [`ExperimentError::Io`], [`ExperimentError::File`].
pub(crate) fn read_json(path: &Path) -> Result<Value, ExperimentError> {
    let text = std::fs::read_to_string(path).map_err(ExperimentError::io(path))?;
    serde_json::from_str(&text)
        .map_err(|error| ExperimentError::file(path, format!("JSON ({error})")))
}

/// The rows of a JSON Lines file.
///
/// # Errors
///
/// As [`read_json`].
pub(crate) fn read_lines(path: &Path) -> Result<Vec<Value>, ExperimentError> {
    let text = std::fs::read_to_string(path).map_err(ExperimentError::io(path))?;
    let rows: Result<Vec<Value>, _> = text.lines().map(serde_json::from_str).collect();
    rows.map_err(|error: serde_json::Error| {
        ExperimentError::file(path, format!("JSON Lines ({error})"))
    })
}

/// Writes a JSON file whole or not at all.
///
/// # Errors
///
/// [`ExperimentError::Data`].
pub(crate) fn write_json(path: &Path, value: &Value) -> Result<(), ExperimentError> {
    Ok(write_atomically(path, |to| writeln!(to, "{value:#}"))?)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::scale::named;

    /// A laboratory of the tiny scale in a folder.
    pub(crate) fn lab(out: &Path, device: &str) -> Result<Lab, ExperimentError> {
        let args = Args {
            scale: "tiny".into(),
            budget_minutes: None,
            model: "model.gguf".into(),
            data: "data".into(),
            embedder: None,
            idiolect: "no-such-program".into(),
            device: device.into(),
            out: out.to_owned(),
            results: out.join("RESULTS.md"),
        };
        Lab::open(&args, named("tiny")?)
    }

    #[test]
    fn cells_of_other_settings_are_not_gone_on_with() {
        let folder = tempfile::tempdir().unwrap();
        lab(folder.path(), "flex").unwrap();
        lab(folder.path(), "flex").unwrap();
        let error = lab(folder.path(), "cuda").err().unwrap().to_string();
        assert!(
            error.contains("settings.json") && error.contains("another --out"),
            "{error}"
        );
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = lab(folder.path(), "flex")
            .unwrap()
            .call(&["eval"], &[])
            .unwrap_err();
        assert!(
            error.to_string().starts_with("no-such-program eval: "),
            "{error}"
        );
    }
}
