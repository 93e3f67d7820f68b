//! What the program reads from files, each with a good one, and what comes of it as a text that can be compared.

mod evaluations;
mod hub;
mod models;
mod rows;
mod runs;
mod settings;
mod teachers;
mod tokenizers;

use std::collections::BTreeSet;

use crate::reading::Reader;

/// All of them, or those whose file contains the text of `IDIOLECT_HOSTILE_FILES`.
pub(crate) fn chosen() -> impl Iterator<Item = &'static Reader> {
    let part = std::env::var("IDIOLECT_HOSTILE_FILES").unwrap_or_default();
    let all: [&[Reader]; 8] = [
        &teachers::READERS,
        &hub::READERS,
        &models::READERS,
        &tokenizers::READERS,
        &rows::READERS,
        &settings::READERS,
        &evaluations::READERS,
        &runs::READERS,
    ];
    all.into_iter()
        .flatten()
        .filter(move |reader| reader.file.contains(&part))
}

/// The kinds of files.
pub(crate) fn kinds() -> BTreeSet<&'static str> {
    chosen().map(|reader| reader.kind).collect()
}
