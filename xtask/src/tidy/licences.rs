//! Licences of all dependencies, against the list in deny.toml.
//!
//! `cargo deny` checks the same list and more, where it is installed; it is not needed here.

use super::files::read;
use crate::shell::{Outcome, cargo, output, root};

/// Packages whose licence expression the list does not satisfy.
pub(super) fn check() -> Outcome<Vec<String>> {
    let list = allowed(&read(&root().join("deny.toml"))?);
    let tree = ["tree", "--locked", "--workspace", "--prefix", "none"];
    let packages =
        output(cargo(&tree).args(["--edges", "normal,build,dev", "--format", "{p}|{l}"]))?;
    let mut breaches = Vec::new();
    for line in packages.lines() {
        let Some((package, licence)) = line.trim_end_matches(" (*)").split_once('|') else {
            continue;
        };
        if !satisfied(licence, &list) {
            breaches.push(format!(
                "{package}: licence {licence:?} is not in deny.toml"
            ));
        }
    }
    breaches.sort();
    breaches.dedup();
    Ok(breaches)
}

/// The quoted names of the `allow` list.
fn allowed(deny: &str) -> Vec<String> {
    let list = deny.split_once("allow = [").map_or("", |(_, rest)| rest);
    let list = list.split_once(']').map_or("", |(list, _)| list);
    list.split('"').skip(1).step_by(2).map(Into::into).collect()
}

/// Whether an SPDX expression holds; the old form `MIT/Apache-2.0` means OR.
fn satisfied(expression: &str, allowed: &[String]) -> bool {
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    // A licence and its exception are one name.
    let spaced = spaced.replace(" WITH ", "+");
    let allowed: Vec<String> = allowed
        .iter()
        .map(|name| name.replace(" WITH ", "+"))
        .collect();
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut terms = Terms {
        words: &words,
        allowed: &allowed,
    };
    terms.any() && terms.words.is_empty()
}

/// The rest of an expression; AND binds tighter than OR.
struct Terms<'a> {
    words: &'a [&'a str],
    allowed: &'a [String],
}

impl Terms<'_> {
    fn any(&mut self) -> bool {
        let mut holds = self.all();
        while self.takes("OR") {
            holds |= self.all();
        }
        holds
    }

    fn all(&mut self) -> bool {
        let mut holds = self.one();
        while self.takes("AND") {
            holds &= self.one();
        }
        holds
    }

    fn one(&mut self) -> bool {
        if self.takes("(") {
            let holds = self.any();
            return self.takes(")") && holds;
        }
        let Some((name, rest)) = self.words.split_first() else {
            return false;
        };
        self.words = rest;
        self.allowed.iter().any(|allowed| allowed == name)
    }

    fn takes(&mut self, word: &str) -> bool {
        let found = self.words.first() == Some(&word);
        if found {
            self.words = &self.words[1..];
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::{allowed, satisfied};

    #[test]
    fn expressions_are_read_as_spdx() {
        let list =
            allowed("allow = [\n  \"MIT\", \"Zlib\",\n  \"Apache-2.0 WITH LLVM-exception\",\n]");
        let holds = |expression| satisfied(expression, &list);
        assert!(holds("MIT") && holds("GPL-3.0 OR MIT") && holds("GPL-3.0/MIT"));
        assert!(holds("(GPL-3.0 OR MIT) AND Zlib") && holds("Apache-2.0 WITH LLVM-exception"));
        assert!(
            !holds("GPL-3.0 OR MIT AND ISC")
                && !holds("Apache-2.0")
                && !holds("")
                && !holds("(MIT")
        );
    }
}
