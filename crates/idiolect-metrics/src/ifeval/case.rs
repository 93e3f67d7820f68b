//! Texts in capitals and in small letters, as Python tells them.

/// `str.isupper()`: there is a capital letter and no small one.
pub(super) fn is_upper(text: &str) -> bool {
    text.contains(char::is_uppercase) && !text.contains(char::is_lowercase)
}

/// `str.islower()`: there is a small letter and no capital.
pub(super) fn is_lower(text: &str) -> bool {
    text.contains(char::is_lowercase) && !text.contains(char::is_uppercase)
}
