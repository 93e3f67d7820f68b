//! Words as the reference's ROUGE-L cuts them.
//!
//! Source: jieba 0.42.1 in its accurate mode with the hidden Markov model on.
//! Text without Chinese characters follows the few rules below and needs no dictionary.
//! A run with Chinese characters goes to the crate `jieba-rs` when the feature `chinese` is on;
//! without it each Chinese character is a word, which is *not* what jieba gives.

use std::sync::LazyLock;

use regex::Regex;

/// The only words of jieba's dictionary that are ASCII alone.
const ASCII_WORDS: [&str; 5] = ["AT&T", "c#", "C#", "c++", "C++"];

static NUMBER_OR_WORD: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"[a-zA-Z0-9]+(?:\.[0-9]+)?%?").ok());

/// Cuts `text` into words; every character of it is in exactly one word, white space included.
pub(crate) fn cut(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let run = rest.find(|c| !in_run(c)).unwrap_or(rest.len());
        let end = match run {
            0 if rest.starts_with("\r\n") => 2,
            0 => first.len_utf8(),
            run => run,
        };
        let (piece, after) = rest.split_at(end);
        if run == 0 {
            words.push(piece);
        } else if piece.contains(is_chinese) {
            cut_chinese(piece, &mut words);
        } else {
            cut_ascii(piece, &mut words);
        }
        rest = after;
    }
    words
}

fn is_chinese(c: char) -> bool {
    ('\u{4e00}'..='\u{9fd5}').contains(&c)
}

fn in_run(c: char) -> bool {
    is_chinese(c) || c.is_ascii_alphanumeric() || "+#&._%-".contains(c)
}

/// A run without Chinese characters: dictionary words, and the text between them.
fn cut_ascii<'a>(run: &'a str, words: &mut Vec<&'a str>) {
    let (mut start, mut at) = (0, 0);
    while at < run.len() {
        match ASCII_WORDS
            .iter()
            .find(|word| run[at..].starts_with(**word))
        {
            Some(word) => {
                cut_between(&run[start..at], words);
                words.push(&run[at..at + word.len()]);
                at += word.len();
                start = at;
            }
            None => at += 1,
        }
    }
    cut_between(&run[start..], words);
}

/// A stretch without dictionary words: numbers and words, and the stretches between them whole.
fn cut_between<'a>(stretch: &'a str, words: &mut Vec<&'a str>) {
    let mut start = 0;
    for found in NUMBER_OR_WORD
        .iter()
        .flat_map(|rule| rule.find_iter(stretch))
    {
        words.extend(Some(&stretch[start..found.start()]).filter(|gap| !gap.is_empty()));
        words.push(found.as_str());
        start = found.end();
    }
    words.extend(Some(&stretch[start..]).filter(|gap| !gap.is_empty()));
}

#[cfg(feature = "chinese")]
fn cut_chinese<'a>(run: &'a str, words: &mut Vec<&'a str>) {
    static JIEBA: LazyLock<jieba_rs::Jieba> = LazyLock::new(jieba_rs::Jieba::new);
    // jieba-rs keeps "Llama-2-7b" whole, jieba does not: what it leaves between words with Chinese
    // characters is cut by the rules above.
    let (mut start, mut end) = (0, 0);
    for word in JIEBA.cut(run, true).into_iter().map(|token| token.word) {
        if word.contains(is_chinese) {
            cut_ascii(&run[start..end], words);
            words.push(word);
            start = end + word.len();
        }
        end += word.len();
    }
    cut_ascii(&run[start..end], words);
}

#[cfg(not(feature = "chinese"))]
fn cut_chinese<'a>(run: &'a str, words: &mut Vec<&'a str>) {
    let mut rest = run;
    while let Some(first) = rest.chars().next() {
        let end = if is_chinese(first) {
            first.len_utf8()
        } else {
            rest.find(is_chinese).unwrap_or(rest.len())
        };
        let (piece, after) = rest.split_at(end);
        if is_chinese(first) {
            words.push(piece);
        } else {
            cut_ascii(piece, words);
        }
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn punctuation_inside_words_cuts_them() {
        for (text, expected) in [
            ("don't", "don|'|t"),
            ("state-of-the-art", "state|-|of|-|the|-|art"),
            ("3.14 10.5% v1.2", "3.14| |10.5%| |v1.2"),
            ("1,000", "1|,|000"),
            ("abc++", "ab|c++"),
            ("AT&T's C#", "AT&T|'|s| |C#"),
            ("np.array", "np|.|array"),
            ("......", "......"),
            ("x_1", "x|_|1"),
            ("a\r\n\nb", "a|\r\n|\n|b"),
        ] {
            assert_eq!(cut(text).join("|"), expected);
        }
    }

    #[cfg(feature = "chinese")]
    #[test]
    fn ascii_beside_chinese_is_cut_as_elsewhere() {
        assert_eq!(
            cut("我们用Llama-2微调C++模型").join("|"),
            "我们|用|Llama|-|2|微调|C++|模型"
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn no_character_is_lost(text in "[a-cC+#&T.%0-9 \r\n\u{4e00}-\u{4e05}é-]{0,60}") {
            prop_assert_eq!(cut(&text).concat(), text);
        }
    }
}
