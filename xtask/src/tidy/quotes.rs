//! Text of data sets whose licence does not let them be carried, in any file of the repository.
//!
//! The data lie beside the repository (`shared/data`); without them nothing is compared.

use std::collections::HashMap;

use super::files::{all_files, read, shown};
use crate::shell::{Outcome, shared};

/// Data sets that may not be carried: non-commercial, gated, or written by a model under a licence of its own.
const FORBIDDEN: [&str; 4] = [
    "alpaca_train.json",
    "distilled_alpaca.json",
    "alpaca_eval.json",
    "lima_train.json",
];
/// Files with texts of their own licence that such a data set took over: `AlpacaEval` has the questions of Vicuna
/// bench, and one of Dolly's.
const TAKEN_OVER: [&str; 2] = [
    "crates/idiolect-forgetting/prompts/",
    "examples/data/dolly/",
];
/// So many bytes of a line that two texts share are no chance.
const LENGTH: usize = 48;

/// Files that quote a line of the data.
pub(super) fn check() -> Outcome<Vec<String>> {
    let Some(shared) = shared() else {
        return Ok(Vec::new());
    };
    let mut lines: HashMap<Vec<u8>, &str> = HashMap::new();
    for name in FORBIDDEN {
        let text = read(&shared.join("data/sdft").join(name))?;
        lines.extend(beginnings(&text).map(|line| (line.to_vec(), name)));
    }
    let mut breaches = Vec::new();
    for path in all_files()? {
        let name = shown(&path);
        if TAKEN_OVER.iter().any(|folder| name.starts_with(folder)) {
            continue;
        }
        // What is no text quotes none.
        let Ok(text) = std::fs::read(&path) else {
            continue;
        };
        let quoted = text.windows(LENGTH).find_map(|window| lines.get(window));
        breaches
            .extend(quoted.map(|set| format!("{name}: quotes {set}, which may not be carried")));
    }
    Ok(breaches)
}

/// The first bytes of every long line of every text of a JSON file, as far as nothing in them is escaped there.
fn beginnings(json: &str) -> impl Iterator<Item = &[u8]> {
    let lines = json.split('"').flat_map(|text| text.split("\\n"));
    let starts = lines.filter_map(|line| line.trim().as_bytes().get(..LENGTH));
    starts.filter(|start| !start.contains(&b'\\'))
}

#[cfg(test)]
mod tests {
    use super::beginnings;

    #[test]
    fn long_lines_of_texts_begin() {
        let line = "It is a long line, longer than any two texts share by chance.";
        let json = format!(r#"[{{"output": "short\n{line}\nwith \"a\" quote"}}]"#);
        let found: Vec<&[u8]> = beginnings(&json).collect();
        assert_eq!(found, [&line.as_bytes()[..48]]);
    }
}
