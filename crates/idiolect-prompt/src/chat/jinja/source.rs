//! The source of a template in the words of the engine: `{% generation %}` marks, and line ends behind `{% raw %}`.

use std::ops::Range;

/// Stand where what a template marks as generated begins and ends.
const MARKS: [char; 2] = ['\u{F8E0}', '\u{F8E1}'];

/// `{% generation %}` and its end are blocks of `transformers` that print their body; `shown` prints [`MARKS`]
/// around it too, inside of what the tags do to the white space around them.
pub(super) fn with_generation_marks(source: &str, shown: bool) -> String {
    let mut out = String::with_capacity(source.len());
    let (mut rest, mut is_raw) = (source, false);
    while let Some(start) = rest.find("{%") {
        let Some(length) = rest[start..].find("%}") else {
            break;
        };
        let tag = &rest[start..start + length];
        let inner = tag.trim_start_matches("{%");
        let word = inner.trim_matches(['-', '+', ' ', '\t', '\n', '\r']);
        out.push_str(&rest[..start]);
        let mut put = |mark: char, plain: &str, first: &str, second: &str| {
            if shown {
                let left = if inner.starts_with(['-', '+']) {
                    &inner[..1]
                } else {
                    ""
                };
                let right = if inner.ends_with(['-', '+']) {
                    &inner[inner.len() - 1..]
                } else {
                    ""
                };
                let mark = mark.to_string();
                let parts = [
                    "{%", left, " ", first, " %}{{ '", &mark, "' }}{% ", second, " ", right,
                ];
                out.extend(parts);
            } else {
                out.push_str(&tag.replace(word, plain));
            }
        };
        match word {
            // The engine drops a line end behind the tag, which jinja2 keeps there.
            "raw" if !is_raw => {
                is_raw = true;
                out.push_str(tag);
                if !inner.ends_with(['-', '+']) && rest[start + length..].starts_with("%}\n") {
                    out.push_str("%}\n");
                    rest = &rest[start + length + 2..];
                    continue;
                }
            }
            "endraw" => {
                is_raw = false;
                out.push_str(tag);
            }
            _ if is_raw => out.push_str(tag),
            "generation" => put(MARKS[0], "if true", "if true", "if true"),
            "endgeneration" => put(MARKS[1], "endif", "endif", "endif"),
            _ => out.push_str(tag),
        }
        rest = &rest[start + length..];
    }
    out + rest
}

/// The text without marks, and the ranges between them; none where marks are not in pairs.
pub(crate) fn between_marks(rendered: &str) -> Option<(String, Vec<Range<usize>>)> {
    let (mut text, mut ranges, mut open) = (String::new(), Vec::new(), None);
    for char in rendered.chars() {
        match (MARKS.iter().position(|mark| *mark == char), open) {
            (Some(0), None) => open = Some(text.len()),
            (Some(1), Some(start)) => {
                ranges.push(start..text.len());
                open = None;
            }
            (Some(_), _) => return None,
            (None, _) => text.push(char),
        }
    }
    open.is_none().then_some((text, ranges))
}
