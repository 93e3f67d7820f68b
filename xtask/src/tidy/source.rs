//! Rust source as words, without comments, without what stands in quotation marks, and without tests.

/// The words of a source: names, `::`, and single signs.
///
/// Items behind `#[cfg(test)]` are left out.
pub(super) fn words(text: &str) -> Vec<String> {
    without_tests(&all_words(text))
}

fn all_words(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let mut words = Vec::new();
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        let rest = &chars[at..];
        if c.is_whitespace() {
            at += 1;
        } else if let Some(length) = comment(rest).or_else(|| quoted(rest)) {
            at += length;
        } else if is_name(c) {
            let length = rest.iter().take_while(|c| is_name(**c)).count();
            words.push(rest[..length].iter().collect());
            at += length;
        } else {
            let length = if rest.starts_with(&[':', ':']) { 2 } else { 1 };
            words.push(rest[..length].iter().collect());
            at += length;
        }
    }
    words
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Length of a comment that begins here.
fn comment(rest: &[char]) -> Option<usize> {
    if rest.starts_with(&['/', '/']) {
        return Some(rest.iter().take_while(|c| **c != '\n').count());
    }
    if !rest.starts_with(&['/', '*']) {
        return None;
    }
    let (mut depth, mut at) = (1, 2);
    while depth > 0 && at < rest.len() {
        match rest[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
    }
    Some(at)
}

/// Length of a string or a character that begins here; a lifetime is none.
fn quoted(rest: &[char]) -> Option<usize> {
    let prefix = match rest {
        ['b' | 'c', 'r', '"' | '#', ..] => 2,
        ['r' | 'b' | 'c', '"', ..] | ['r', '#', '"' | '#', ..] | ['b', '\'', ..] => 1,
        _ => 0,
    };
    let is_raw = rest[..prefix].contains(&'r');
    let body = &rest[prefix..];
    let hashes = body.iter().take_while(|c| **c == '#').count();
    match body.get(hashes)? {
        '"' if is_raw => raw_end(body, hashes).map(|end| prefix + end),
        '"' if hashes == 0 => Some(prefix + closed(body, '"')),
        '\'' if hashes == 0 && is_character(body) => Some(prefix + closed(body, '\'')),
        _ => None,
    }
}

fn raw_end(body: &[char], hashes: usize) -> Option<usize> {
    let mut closing = vec!['"'];
    closing.extend(vec!['#'; hashes]);
    let inside = body.get(hashes + 1..)?;
    let end = inside
        .windows(closing.len())
        .position(|part| part == closing)?;
    Some(hashes + 1 + end + closing.len())
}

/// Up to and with the mark that closes what the first mark opens.
fn closed(body: &[char], mark: char) -> usize {
    let mut at = 1;
    while at < body.len() && body[at] != mark {
        at += if body[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

fn is_character(body: &[char]) -> bool {
    matches!(body, ['\'', '\\', ..] | ['\'', _, '\'', ..])
}

/// Leaves out each item behind `#[cfg(test)]`, to its semicolon or its closing brace.
fn without_tests(words: &[String]) -> Vec<String> {
    let mut kept = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let attribute = attribute(&words[at..]);
        let is_test = attribute.starts_with(&["#".into(), "[".into(), "cfg".into()])
            && attribute.iter().any(|word| word == "test");
        if is_test {
            at += attribute.len();
            at += item(&words[at..]);
        } else {
            let length = attribute.len().max(1);
            kept.extend_from_slice(&words[at..at + length]);
            at += length;
        }
    }
    kept
}

/// The words of an attribute that begins here, nothing where none does.
fn attribute(words: &[String]) -> &[String] {
    if words.len() < 2 || words[0] != "#" || words[1] != "[" {
        return &[];
    }
    &words[..=group(&words[1..])]
}

/// Length of an item: on to a closing brace, or to the semicolon or comma of an item that ends in one.
fn item(words: &[String]) -> usize {
    let mut at = 0;
    let mut has_body = true;
    while at < words.len() {
        match words[at].as_str() {
            ";" | "," => return at + 1,
            "{" if has_body => return at + group(&words[at..]),
            "{" | "(" | "[" => at += group(&words[at..]),
            word => {
                has_body &= !["use", "const", "static", "type", "let"].contains(&word);
                // `const fn`
                has_body |= word == "fn";
                at += 1;
            }
        }
    }
    at
}

/// Length of a group in brackets of any kind that begins here.
pub(super) fn group(words: &[String]) -> usize {
    let mut depth = 0_usize;
    for (at, word) in words.iter().enumerate() {
        match word.as_str() {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    words.len()
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn comments_and_quotes_are_no_words() {
        let text =
            "/* a /* b */ c */ d::e // f\n \"g\\\" h\" r#\"i \" j\"# b'k' '\\'' 'l fn<'m>('n')";
        assert_eq!(words(text).join(" "), "d :: e ' l fn < ' m > ( )");
    }

    #[test]
    fn tests_are_left_out() {
        let text = "use a; #[cfg(test)] mod tests { use b; fn c() {} } #[derive(D)] struct E; \
                    #[cfg(all(test, unix))] #[allow(x)] use f::{g, h}; #[cfg(feature = \"i\")] use j;";
        assert_eq!(
            words(text).join(" "),
            "use a ; # [ derive ( D ) ] struct E ; # [ cfg ( feature = ) ] use j ;"
        );
    }
}
