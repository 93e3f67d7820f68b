//! How the page writes numbers: with as many digits as their interval carries.

use idiolect_input::seconds_text;
use idiolect_metrics::interval::shown_p;
use minijinja::{Environment, Value};

/// Digits of a number whose interval has no width.
const EXACT: usize = 4;
/// More digits are never shown.
const MOST: f64 = 6.0;

/// Gives the templates their filters.
pub(crate) fn add_to(environment: &mut Environment<'_>) {
    environment.add_filter("fixed", fixed);
    environment.add_filter("digits", digits);
    environment.add_filter("p", |p: &Value| shown(p, shown_p));
    environment.add_filter("duration", |seconds: &Value| shown(seconds, duration));
}

/// A number as text, a dash where there is none.
fn shown(value: &Value, text: impl FnOnce(f64) -> String) -> String {
    f64::try_from(value.clone()).map_or_else(|_| "–".into(), text)
}

/// A number with so many digits behind the point.
fn fixed(value: &Value, digits: usize) -> String {
    shown(value, |number| format!("{number:.digits$}"))
}

/// Digits behind the point that a mean with an interval carries: two of half the interval's width.
fn digits(found: &Value) -> usize {
    let end = |name| {
        found
            .get_attr(name)
            .ok()
            .and_then(|end| f64::try_from(end).ok())
    };
    let half = match (end("low"), end("high")) {
        (Some(low), Some(high)) => (high - low) / 2.0,
        _ => 0.0,
    };
    of_half(half)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a small number that is not below 0"
)]
fn of_half(half: f64) -> usize {
    if half.is_finite() && 0.0 < half {
        (1.0 - half.log10().floor()).clamp(0.0, MOST) as usize
    } else {
        EXACT
    }
}

/// Seconds in the two largest units that they fill.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "what is too large ends at the largest number"
)]
fn duration(seconds: f64) -> String {
    seconds_text(seconds.round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_digits_of_half_an_interval_are_carried() {
        for (half, digits) in [
            (0.0123, 3),
            (0.1, 2),
            (0.099, 3),
            (3.0, 1),
            (250.0, 0),
            (1e-9, 6),
            (0.0, 4),
            (f64::NAN, 4),
        ] {
            assert_eq!(of_half(half), digits, "{half}");
        }
    }

    #[test]
    fn durations_have_two_units() {
        let shown = [0.4, 59.6, 540.0, 7384.0].map(duration);
        assert_eq!(shown, ["0 s", "1 min 0 s", "9 min 0 s", "2 h 3 min"]);
    }
}
