//! Which checkpoint a run resumes from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::checkpoint::{self, Checkpoint};
use super::difference::{difference, other_fixed};
use crate::{TrainConfig, TrainError};

/// The newest checkpoint. Where it cannot be read, the error says so and offers the last one that can.
pub(super) fn resumed(
    newest_first: &[PathBuf],
    read: &dyn Fn(&Path) -> Result<Checkpoint, TrainError>,
) -> Result<Option<Checkpoint>, TrainError> {
    let [newest, others @ ..] = newest_first else {
        return Ok(None);
    };
    let error = match read(newest) {
        Ok(checkpoint) => return Ok(Some(checkpoint)),
        Err(error) => error,
    };
    if checkpoint::read(newest).is_ok() {
        // It is whole, and of another run.
        return Err(error);
    }
    Err(TrainError::Damaged {
        damage: Box::new(error),
        newest: newest.clone(),
        good: others.iter().find(|path| read(path).is_ok()).cloned(),
    })
}

/// What to do instead, where a run is to be longer.
fn way_on(setting: &str) -> &'static str {
    let is_length = ["epochs ", "max_steps "]
        .iter()
        .any(|name| setting.starts_with(name));
    if is_length {
        "; a run in another folder begins with its adapter (init_adapter)"
    } else {
        "; what it was begun with resumes it, or another folder begins a new one"
    }
}

/// Reads a checkpoint and refuses it where it is of a run with other settings or rows.
pub(super) fn found(
    path: &Path,
    config: &TrainConfig,
    rows: &str,
    fixed: &BTreeMap<String, String>,
) -> Result<Checkpoint, TrainError> {
    let checkpoint = checkpoint::read(path)?;
    let state = &checkpoint.state;
    let differing = difference(config, &state.config.0).or_else(|| {
        let rows_of = |rows: &str| format!("training rows {rows}");
        (rows != state.rows).then(|| (rows_of(rows), rows_of(&state.rows)))
    });
    let other = || other_fixed(fixed, state.fixed.as_ref()?);
    let differing = differing.or_else(other);
    match differing {
        None => Ok(checkpoint),
        Some((expected, found)) => Err(TrainError::Checkpoint {
            path: path.to_owned(),
            found: format!("one with {found}{}", way_on(&expected)),
            expected: format!("a run with {expected}, as asked"),
        }),
    }
}
