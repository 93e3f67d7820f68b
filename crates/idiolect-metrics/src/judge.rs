//! The verdict in a judge model's answer, read as its benchmark reads it: a rating, a preference, or a ranking.
//!
//! Sources: lm-sys/FastChat 0.2.36 `llm_judge/common.py` (ratings); lmarena/arena-hard-auto v0.1, its pattern and
//! the weights of `show_result_bt.py` (preferences); `alpaca_eval` 0.6.6 `ranking_parser` (rankings).
//! Text without a judgement gives none, which callers count; nothing is guessed.

use std::sync::LazyLock;

use regex::Regex;

/// Whose answer is better, and how much that counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Preference {
    /// Share of the win that is the first answer's: 1, 0.5 or 0.
    pub first: f64,
    /// How many games it counts as: 3 where one answer is much better, else 1.
    pub weight: f64,
}

impl Preference {
    /// The preference with the two answers exchanged.
    #[must_use]
    pub fn swapped(self) -> Self {
        Self {
            first: 1.0 - self.first,
            ..self
        }
    }
}

fn pattern(text: &str) -> Option<Regex> {
    Regex::new(text).ok()
}

static RATING: LazyLock<[Option<Regex>; 2]> =
    LazyLock::new(|| [r"\[\[(\d+\.?\d*)\]\]", r"\[(\d+\.?\d*)\]"].map(pattern));
static LABEL: LazyLock<Option<Regex>> = LazyLock::new(|| pattern(r"\[\[([AB<>=]+)\]\]"));

/// The first number in double brackets, or else in single ones: `[[7]]`, `[7.5]`.
///
/// A number outside 1 to 10 is none; `FastChat` would average it in.
#[must_use]
pub fn rating(text: &str) -> Option<f64> {
    let found = RATING.iter().flatten().find_map(|form| form.captures(text));
    let number: f64 = found?.get(1)?.as_str().parse().ok()?;
    (1.0..=10.0).contains(&number).then_some(number)
}

/// The label in double brackets: `[[A>>B]]`, `[[A>B]]`, `[[A=B]]`, `[[B>A]]`, `[[B>>A]]`, or the same with `<`.
///
/// None where there are several different labels, as in version 0.1 of the benchmark.
#[must_use]
pub fn preference(text: &str) -> Option<Preference> {
    let mut labels = LABEL
        .as_ref()?
        .captures_iter(text)
        .filter_map(|one| one.get(1));
    let label = labels.next()?.as_str();
    if labels.any(|other| other.as_str() != label) {
        return None;
    }
    let (first, weight) = match label {
        "A>>B" | "B<<A" => (1.0, 3.0),
        "A>B" | "B<A" => (1.0, 1.0),
        "A=B" | "B=A" => (0.5, 1.0),
        "B>A" | "A<B" => (0.0, 1.0),
        "B>>A" | "A<<B" => (0.0, 3.0),
        _ => return None,
    };
    Some(Preference { first, weight })
}

/// A ranking such as `[{'model': 'model_1', 'rank': 2}, {'model': 'model_2', 'rank': 1}]`.
///
/// The whole text must be such a literal of Python; the rank of `model_1`, 1 or 2, alone counts.
#[must_use]
pub fn ranking(text: &str) -> Option<Preference> {
    let mut reader = Reader {
        rest: text.trim(),
        depth: DEPTH,
    };
    let Literal::List(models) = reader.value()? else {
        return None;
    };
    if !reader.rest.is_empty() {
        return None;
    }
    let mut first = None;
    for model in &models {
        // As in the original, an entry without a name is an error and one behind it is not read.
        if model.field("model")? == &Literal::Text("model_1".into()) {
            first.get_or_insert(model);
        }
    }
    let first = match first?.field("rank")? {
        Literal::Number(1.0) => 1.0,
        Literal::Number(2.0) => 0.0,
        _ => return None,
    };
    Some(Preference { first, weight: 1.0 })
}

/// A value as Python writes it.
#[derive(Debug, PartialEq)]
enum Literal {
    Text(String),
    Number(f64),
    List(Vec<Literal>),
    Pairs(Vec<(Literal, Literal)>),
}

impl Literal {
    fn field(&self, name: &str) -> Option<&Literal> {
        let Self::Pairs(pairs) = self else {
            return None;
        };
        // The last of several wins, as in a dictionary.
        let found = pairs
            .iter()
            .rev()
            .find(|(key, _)| *key == Self::Text(name.into()));
        found.map(|(_, value)| value)
    }
}

/// How deep lists may be nested, as in Python's own reader (`MAXLEVEL` of its tokenizer): a judge may write
/// any text, and no text may overflow the stack.
const DEPTH: usize = 200;

/// A literal that is being read.
struct Reader<'a> {
    /// What is left to read, white space before it cut off.
    rest: &'a str,
    /// How many more lists may be opened inside each other.
    depth: usize,
}

impl Reader<'_> {
    fn take(&mut self, mark: char) -> Option<()> {
        self.rest = self.rest.strip_prefix(mark)?.trim_start();
        Some(())
    }

    fn value(&mut self) -> Option<Literal> {
        match self.rest.chars().next()? {
            '[' => self.items('[', ']', Self::value).map(Literal::List),
            '(' => self.items('(', ')', Self::value).map(Literal::List),
            '{' => self.items('{', '}', Self::pair).map(Literal::Pairs),
            quote @ ('\'' | '"') => self.text(quote).map(Literal::Text),
            _ => self.number().map(Literal::Number),
        }
    }

    fn items<T>(
        &mut self,
        open: char,
        close: char,
        item: fn(&mut Self) -> Option<T>,
    ) -> Option<Vec<T>> {
        self.take(open)?;
        self.depth = self.depth.checked_sub(1)?;
        let mut items = Vec::new();
        while self.take(close).is_none() {
            items.push(item(self)?);
            if self.take(',').is_none() {
                self.take(close)?;
                break;
            }
        }
        self.depth += 1;
        Some(items)
    }

    fn pair(&mut self) -> Option<(Literal, Literal)> {
        let key = self.value()?;
        self.take(':')?;
        Some((key, self.value()?))
    }

    /// Names hold no escaped quotes, and other escapes are left as they are.
    fn text(&mut self, quote: char) -> Option<String> {
        let (text, rest) = self.rest.strip_prefix(quote)?.split_once(quote)?;
        if text.contains(['\n', '\\']) {
            return None;
        }
        self.rest = rest.trim_start();
        Some(text.to_owned())
    }

    fn number(&mut self) -> Option<f64> {
        let end = self
            .rest
            .find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '-'));
        let (number, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest.trim_start();
        number.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratings_are_read_as_fastchat_reads_them() {
        for (text, expected) in [
            ("Good.\n\nRating: [[7]]", Some(7.0)),
            ("[[6.5]] and then [[9]]", Some(6.5)),
            ("Rating: [8]", Some(8.0)),
            ("see [1], rating [[10]]", Some(10.0)),
            ("[[8.]]", Some(8.0)),
            ("Rating: 7", None),
            ("[[rating]]", None),
            ("[[70]]", None),
            ("[[0]]", None),
            ("", None),
        ] {
            assert_eq!(rating(text), expected, "{text}");
        }
    }

    #[test]
    fn preferences_are_those_of_one_label() {
        for (text, first, weight) in [
            ("My final verdict is: [[A>>B]].", 1.0, 3.0),
            ("[[A>B]] as I said, [[A>B]]", 1.0, 1.0),
            ("[[A=B]]", 0.5, 1.0),
            ("[[B>A]]", 0.0, 1.0),
            ("[[B>>A]]", 0.0, 3.0),
            ("[[A<<B]]", 0.0, 3.0),
        ] {
            assert_eq!(
                preference(text),
                Some(Preference { first, weight }),
                "{text}"
            );
        }
        for text in ["A>B", "[[A>B]] or [[B>A]]", "[[AB]]", "[[C]]", ""] {
            assert_eq!(preference(text), None, "{text}");
        }
        let swapped = preference("[[A>>B]]").unwrap().swapped();
        assert_eq!(Some(swapped), preference("[[B>>A]]"));
    }

    #[test]
    fn rankings_are_literals_of_python() {
        let first = |text| ranking(text).map(|found| found.first);
        for (text, expected) in [
            (
                "[{'model': 'model_1', 'rank': 1}, {'model': 'model_2', 'rank': 2}]",
                Some(1.0),
            ),
            (
                "[{'model': 'model_1', 'rank': 2}, {'model': 'model_2', 'rank': 1}]",
                Some(0.0),
            ),
            (
                " [\n {\"model\": \"model_2\", \"rank\": 1},\n {\"model\": \"model_1\", \"rank\": 2,},\n]\n",
                Some(0.0),
            ),
            (
                "[{'model': 'model_1', 'rank': 3}, {'model': 'model_2', 'rank': 1}]",
                None,
            ),
            ("[{'model': 'model_1', 'rank': '1'}]", None),
            ("```python\n[{'model': 'model_1', 'rank': 1}]\n```", None),
            ("[{'model': 'model_1', 'rank': 1}] is my ranking", None),
            ("[{'model': 'model_2', 'rank': 1}]", None),
            ("[{'rank': 1}]", None),
            ("model_1", None),
            ("", None),
        ] {
            assert_eq!(first(text), expected, "{text}");
        }
    }

    #[test]
    fn lists_in_lists_without_end_are_no_ranking() {
        for open in ["[", "(", "{", "[{'a': "] {
            assert_eq!(ranking(&open.repeat(1 << 20)), None, "{open}");
        }
        let many = "{'model': 'model_2', 'rank': 2}, ".repeat(2 * DEPTH);
        let one = format!("[{many}{{'model': 'model_1', 'rank': 1}}]");
        assert_eq!(ranking(&one).map(|found| found.first), Some(1.0));
    }
}
