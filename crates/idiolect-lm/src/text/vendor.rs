//! The vendor's form that a tokenizer was made for.

use idiolect_tokens::Tokenizer;

/// The named template of the form that a tokenizer was made for; of Mistral's from v3 on, which have marks of their own.
pub(crate) fn vendors_form(tokenizer: &Tokenizer) -> Option<&'static str> {
    let has = |token: &str| tokenizer.id_of(token).is_some();
    let is_tekken = has("\u{120}the") || has("\u{120}a");
    match (has("[INST]"), has("[SYSTEM_PROMPT]"), is_tekken) {
        (false, _, _) => None,
        (true, false, false) => Some("mistral-v3"),
        (true, false, true) => Some("mistral-v3-tekken"),
        (true, true, false) => Some("mistral-v7"),
        (true, true, true) => Some("mistral-v7-tekken"),
    }
}
