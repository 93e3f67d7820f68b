//! Rows of a distillation that cannot be used: left out of the set, listed and told of.

use std::path::Path;

use idiolect_completion::Progress;
use idiolect_data::{Dataset, RunDir, SkippedRow};
use idiolect_distill::DistillSettings;
use idiolect_input::counted;
use idiolect_lm::LanguageModel;

use crate::Error;

/// Takes rows out of a set that the template does not take, or that cannot be asked for; lists them, with those that
/// were left out before, in a folder, and tells of them.
pub(crate) fn skip_bad_rows(
    model: &LanguageModel,
    settings: &DistillSettings,
    set: &mut Dataset,
    out: &Path,
    progress: &dyn Progress,
) -> Result<(), Error> {
    leave_out(model, settings, set);
    list_skipped(&set.skipped, out, progress)
}

/// Takes rows out of a set that the template does not take, or that cannot be asked for.
fn leave_out(model: &LanguageModel, settings: &DistillSettings, set: &mut Dataset) {
    let Ok(config) = settings.config(model.template(), 0) else {
        // The run itself says what is wrong with the settings.
        return;
    };
    let skipped = &mut set.skipped;
    set.rows.retain(|row| {
        let example = &row.example;
        let asked = config
            .prompt(example)
            .map(drop)
            .map_err(|error| error.to_string());
        let trained = || {
            let row = model.example_row(example.id.clone(), example);
            row.map(drop).map_err(|error| error.of_row())
        };
        let is_unaided = config.is_unaided();
        let found = asked.and_then(|()| if is_unaided { Ok(()) } else { trained() });
        if let Err(problem) = &found {
            skipped.push(SkippedRow {
                line: Some(row.line),
                ..SkippedRow::new(example.id.clone(), problem)
            });
        }
        found.is_ok()
    });
}

/// Lists the rows that were left out in a folder, and tells of them.
fn list_skipped(rows: &[SkippedRow], out: &Path, progress: &dyn Progress) -> Result<(), Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let list = RunDir::new(out).skipped();
    std::fs::create_dir_all(out).map_err(Error::io(out))?;
    SkippedRow::write(rows, &list)?;
    let (one, many) = ("row cannot be used and is", "rows cannot be used and are");
    let rows = counted(rows.len(), one, many);
    progress.note(&format!("{rows} skipped: see {}", list.display()));
    Ok(())
}
