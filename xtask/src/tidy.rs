//! `cargo xtask tidy`: the rules of the house that neither compiler nor clippy checks.
//!
//! `cargo test` runs the same checks, as the test below.

use crate::shell::Outcome;

mod edges;
mod files;
mod licences;
mod names;

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

/// All exceptions and all breaches, as lines for the terminal.
fn check() -> Outcome<(Vec<String>, Vec<String>)> {
    let (exceptions, mut breaches) = files::check()?;
    for more in [edges::check()?, names::check()?, licences::check()?] {
        breaches.extend(more);
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
