//! Numbers by regular expression as files hold them: a list of `PATTERN=NUMBER`, the number behind the last
//! sign.

use std::fmt::Display;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serializer, de::Error};

pub(crate) fn serialize<S: Serializer, T: Display>(
    patterns: &[(String, T)],
    to: S,
) -> Result<S::Ok, S::Error> {
    to.collect_seq(
        patterns
            .iter()
            .map(|(key, number)| format!("{key}={number}")),
    )
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>, T: FromStr>(
    from: D,
) -> Result<Vec<(String, T)>, D::Error> {
    let texts = Vec::<String>::deserialize(from)?;
    texts
        .iter()
        .map(|text| one(text).map_err(D::Error::custom))
        .collect()
}

fn one<T: FromStr>(text: &str) -> Result<(String, T), String> {
    let pair = text.rsplit_once('=');
    let pair = pair.and_then(|(key, number)| Some((key.to_owned(), number.parse().ok()?)));
    pair.ok_or_else(|| format!("expected a pattern, =, and a number, found {text:?}"))
}
