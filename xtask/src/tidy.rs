//! `cargo xtask tidy`: the rules of the house that neither compiler nor clippy checks.
//!
//! `cargo test` runs the same checks, as the test below.

use crate::shell::Outcome;

mod circles;
mod edges;
mod exports;
mod files;
mod licences;
mod method;
mod modules;
mod names;
mod packages;
mod quotes;
mod sizes;
mod source;
mod sources;
mod uses;

/// Runs all checks; prints the granted exceptions, and fails with every breach.
pub(crate) fn run() -> Outcome {
    let (exceptions, breaches) = check()?;
    for exception in exceptions {
        println!("exception: {exception}");
    }
    if breaches.is_empty() {
        Ok(())
    } else {
        Err(breaches.join("\n"))
    }
}

/// A check, which finds breaches.
type Check = fn() -> Outcome<Vec<String>>;

/// All exceptions and all breaches, as lines for the terminal.
fn check() -> Outcome<(Vec<String>, Vec<String>)> {
    let (exceptions, mut breaches) = files::check()?;
    let checks: [(&str, Check); 9] = [
        ("sizes", sizes::check),
        ("circles", circles::check),
        ("exports", exports::check),
        ("edges", edges::check),
        ("names", names::check),
        ("method", method::check),
        ("quotes", quotes::check),
        ("licences", licences::check),
        ("sources", sources::check),
    ];
    for (name, check) in checks {
        match check() {
            Ok(more) => breaches.extend(more),
            // What can be checked is, for all that is wrong should be seen at once.
            Err(error) => breaches.push(format!("{name}: cannot be checked: {error}")),
        }
    }
    Ok((exceptions, breaches))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_workspace_keeps_its_architecture() {
        let (_, breaches) = super::check().unwrap();
        assert!(breaches.is_empty(), "{}", breaches.join("\n"));
    }
}
