//! Whether an answer to a programming task has the form that self-distillation keeps.
//!
//! Source: sail-sg/sdft@bfb6c255 `eval/eval_magicoder.py`.
//! The program is not run, and not compared with any label.

use crate::python;

const OPENINGS: [&str; 3] = ["I have", "Here is", "I implemented"];

/// Whether `prediction` opens with one of three phrases and holds a fence that begins
/// ```` ```python ````, case-sensitive, after stripping white space.
#[must_use]
pub fn accepts(prediction: &str) -> bool {
    let prediction = python::strip(prediction);
    prediction.contains("```python") && OPENINGS.iter().any(|phrase| prediction.starts_with(phrase))
}
