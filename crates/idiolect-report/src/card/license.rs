//! The licence in the head of a card.

/// The licence that the head of a card names; none where it has no head or the head no licence.
///
/// ```
/// # use idiolect_report::card_license;
/// let card = "---\nlicense: apache-2.0\ntags:\n- chat\n---\n# A model\n";
/// assert_eq!(card_license(card).as_deref(), Some("apache-2.0"));
/// ```
#[must_use]
pub fn card_license(card: &str) -> Option<String> {
    let head = card.trim_start_matches('\u{feff}').strip_prefix("---")?;
    let (head, _) = head.split_once("\n---")?;
    let value = |name: &str| {
        let found = head.lines().find_map(|line| line.strip_prefix(name))?;
        let text = found.trim().trim_matches(['"', '\'']).to_owned();
        (!text.is_empty()).then_some(text)
    };
    // Licences with a text of their own are `other`, and have a name beside it.
    match value("license:") {
        Some(other) if other == "other" => value("license_name:").or(Some(other)),
        license => license,
    }
}
