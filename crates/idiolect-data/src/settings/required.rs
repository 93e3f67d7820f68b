//! Settings that a job cannot do without, named all at once.

use crate::DataError;

/// Refuses a job in which two settings or more have no value; a single one is named by who needs it, with what it
/// expects.
///
/// # Errors
///
/// [`DataError::Setting`] names all of them.
pub fn require(given: &[(&str, bool)]) -> Result<(), DataError> {
    let missing = given.iter().filter(|(_, is_given)| !is_given);
    let missing: Vec<&str> = missing.map(|(name, _)| *name).collect();
    if missing.len() < 2 {
        return Ok(());
    }
    Err(DataError::Setting {
        place: String::new(),
        key: missing.join(", "),
        expected: "a value for each".to_owned(),
        found: "nothing".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_missing_is_named() {
        let error = require(&[("model", false), ("data", true), ("out", false)]);
        let error = error.unwrap_err().to_string();
        assert_eq!(
            error,
            "model, out: expected a value for each, found nothing"
        );
        assert!(require(&[("model", false), ("data", true)]).is_ok());
    }
}
