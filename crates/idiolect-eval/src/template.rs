//! Text with named places: filled in one pass, so that no value is looked into.

/// A template with each `{name}` replaced that `values` knows; other braces stay.
pub(crate) fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let known = values
            .iter()
            .find_map(|(name, value)| Some((value, after.strip_prefix(name)?.strip_prefix('}')?)));
        if let Some((value, behind)) = known {
            out.push_str(value);
            rest = behind;
        } else {
            out.push('{');
            rest = after;
        }
    }
    out + rest
}

/// A piece of a template in which every brace counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// Text as it stands.
    Text(&'a str),
    /// The value of this name.
    Name(&'a str),
}

/// The pieces of a template with `{name}` for values, and `{{` and `}}` for braces; what is wrong with any other
/// brace.
pub(crate) fn pieces(template: &str) -> Result<Vec<Piece<'_>>, &'static str> {
    let mut pieces = Vec::new();
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        let (text, braces) = rest.split_at(at);
        pieces.push(Piece::Text(text));
        if braces.starts_with("{{") || braces.starts_with("}}") {
            pieces.push(Piece::Text(&braces[..1]));
            rest = &braces[2..];
            continue;
        }
        let inner = braces.strip_prefix('{');
        let inner = inner.ok_or("a } without its {; a brace that is text is written twice")?;
        let named = inner
            .split_once('}')
            .filter(|(name, _)| !name.trim().is_empty());
        let (name, behind) = named.ok_or("a { without a name and its }")?;
        pieces.push(Piece::Name(name));
        rest = behind;
    }
    pieces.push(Piece::Text(rest));
    Ok(pieces)
}

/// A text as a template that gives just it.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('{', "{{").replace('}', "}}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_not_looked_into() {
        let filled = fill("{a} {x} {b}{", &[("a", "{b}"), ("b", "{a}")]);
        assert_eq!(filled, "{b} {x} {a}{");
    }

    #[test]
    fn every_brace_counts() {
        let found = pieces("a {b c} {{x}}").unwrap();
        let shown: String = found
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => (*text).to_owned(),
                Piece::Name(name) => format!("<{name}>"),
            })
            .collect();
        assert_eq!(shown, "a <b c> {x}");
        for wrong in ["a }", "a {", "{}", "{ }", "{a"] {
            assert!(pieces(wrong).is_err(), "{wrong}");
        }
        assert_eq!(pieces(&escaped("{a}")).unwrap().len(), 5);
    }
}
