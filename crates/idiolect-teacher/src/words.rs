//! A server's own words, as errors may show them.

use idiolect_input::shown;
use serde_json::Value;

/// What a server says about an error: its message where it has one, all of `text` where not, and whether asking
/// again is of no use.
pub(crate) fn message(reply: Option<&Value>, text: &str) -> (String, bool) {
    let error = reply.and_then(|reply| reply.get("error"));
    let own = error.and_then(|error| error.get("message").unwrap_or(error).as_str());
    let code = error
        .and_then(|error| error.get("code"))
        .and_then(Value::as_str);
    let hopeless = code == Some("insufficient_quota");
    (own.unwrap_or(text).to_owned(), hopeless)
}

/// At most 300 characters, on one line, with nothing that a terminal acts on.
pub(crate) fn shortened(text: &str) -> String {
    let line = text.trim().replace(['\n', '\r'], " ");
    shown(&line, 300).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_server() {
        let message = |text: &str| {
            let reply = serde_json::from_str(text).ok();
            let (message, hopeless) = message(reply.as_ref(), text);
            (shortened(&message), hopeless)
        };
        let quota = r#"{"error": {"message": "pay", "code": "insufficient_quota"}}"#;
        assert_eq!(message(quota), ("pay".into(), true));
        assert_eq!(
            message(r#"{"error": "slow down"}"#),
            ("slow down".into(), false)
        );
        assert_eq!(message("<html>\n502"), ("<html> 502".into(), false));
        let long = message(&"x".repeat(400)).0;
        assert_eq!(long, "x".repeat(300) + " ... (100 more bytes)");
        assert_eq!(message("a\u{1b}b").0, "a\\u{1b}b");
    }
}
