//! The last loss of a run.

use idiolect_data::RunDir;
use idiolect_input::{limits, read_text};
use serde_json::Value;

/// The training loss of the last step that a run directory's `metrics.jsonl` has; none where there is no such file, or no
/// step in it.
#[must_use]
pub fn last_loss(run: &RunDir) -> Option<f64> {
    let text = read_text(&run.metrics(), &limits::RUN_FILE_BYTES).ok()?;
    let lines = text.lines().rev();
    let mut rows = lines.filter_map(|line| serde_json::from_str(line).ok());
    rows.find_map(|row: Value| row["loss"].as_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_with_a_loss_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunDir::new(folder.path());
        assert_eq!(last_loss(&run), None);
        let lines = "{\"loss\": 2.0}\n{\"loss\": 1.5}\n{\"eval_loss\": 1.0}\n{\"lo";
        std::fs::write(run.metrics(), lines).unwrap();
        assert_eq!(last_loss(&run), Some(1.5));
    }
}
