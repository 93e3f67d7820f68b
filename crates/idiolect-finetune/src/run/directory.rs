//! The settings of a run in its directory: written once they are accepted, and held against those of a run that
//! resumes.

use std::path::Path;

use idiolect_data::RunDir;
use idiolect_data::settings::{self, Settings, read_file, resolve, to_toml};

use crate::FineTuneError;

/// Makes a run directory that of these settings: `run.toml` is written, and refused where the directory was
/// begun with others. A file of an earlier version is read with today's defaults for what it leaves out.
///
/// # Errors
///
/// [`FineTuneError::Setting`] names the file and the first setting that differs; [`FineTuneError::Lm`] for a
/// file that is no settings; [`FineTuneError::Io`].
pub fn claim<T: Settings>(run: &Path, settings: &T) -> Result<(), FineTuneError> {
    let run = RunDir::from(run);
    std::fs::create_dir_all(&run.root).map_err(FineTuneError::io(&run.root))?;
    let path = run.run_toml();
    if path.is_file() {
        let before: T = resolve(&[read_file(&path)?])?;
        refuse_difference(&path, &before, settings)?;
    }
    Ok(settings::write(settings, &path)?)
}

fn refuse_difference<T: Settings>(path: &Path, before: &T, now: &T) -> Result<(), FineTuneError> {
    let (before, now) = (to_toml(before)?, to_toml(now)?);
    if before == now {
        return Ok(());
    }
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let (before, now) = (lines(&before), lines(&now));
    // One line a setting, in one order; what is none has no line.
    let gone = before.iter().find(|line| !now.contains(line));
    let new = now.iter().find(|line| !before.contains(line));
    let shown = |line: Option<&String>| line.map_or("nothing".to_owned(), Clone::clone);
    let expected = format!(
        "the settings it was begun with ({}), or another run directory",
        shown(gone)
    );
    let place = path.display().to_string();
    Err(FineTuneError::setting(place, expected, shown(new)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FineTuneSettings;

    #[test]
    fn a_directory_belongs_to_the_settings_it_was_begun_with() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("run");
        let plain = FineTuneSettings::default();
        claim(&run, &plain).unwrap();
        claim(&run, &plain).unwrap();
        let other = FineTuneSettings {
            max_length: Some(64),
            validation_share: 0.5,
            ..plain.clone()
        };
        let before = std::fs::read_to_string(run.join("run.toml")).unwrap();
        let error = claim(&run, &other).unwrap_err().to_string();
        assert!(
            error.contains("run.toml: expected the settings it was begun with"),
            "{error}"
        );
        assert!(error.ends_with("found max_length = 64"), "{error}");
        assert_eq!(
            std::fs::read_to_string(run.join("run.toml")).unwrap(),
            before
        );
    }

    #[test]
    fn a_directory_of_an_earlier_version_goes_on_where_it_left_out_defaults() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.toml");
        std::fs::write(&path, "max_length = 64\n").unwrap();
        let same = FineTuneSettings {
            max_length: Some(64),
            ..FineTuneSettings::default()
        };
        claim(folder.path(), &same).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains("truncation = \"error\""), "{text}");
        std::fs::write(&path, "max_length = 64\noverlong = \"cut\"\n").unwrap();
        let error = claim(folder.path(), &same).unwrap_err().to_string();
        assert!(error.contains("truncation"), "{error}");
    }
}
