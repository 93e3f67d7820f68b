//! A time in words.

/// A time in the two largest units that it fills, of hours, minutes and seconds.
///
/// ```
/// # use idiolect_input::seconds_text;
/// let texts = [59, 540, 7384].map(seconds_text);
/// assert_eq!(texts, ["59 s", "9 min 0 s", "2 h 3 min"]);
/// ```
#[must_use]
pub fn seconds_text(seconds: u64) -> String {
    match (seconds / 3600, seconds / 60 % 60) {
        (0, 0) => format!("{seconds} s"),
        (0, minutes) => format!("{minutes} min {} s", seconds % 60),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}
