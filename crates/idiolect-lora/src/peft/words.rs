//! Embedding and head in PEFT's weight file: whole, as factors, or as rows of some tokens.
//!
//! What changes them in part is put on them in `folding.rs`.
//! Beside them a file has the matrix itself where PEFT's `save_embedding_layers` says so; it then counts, not the
//! decoder's, since the vocabulary may have been resized.

use burn::tensor::Device;
use idiolect_input::counted;

use super::folding::{Changes, Folding, Words};
use super::tensors::Reader;
use crate::LoraError;
use crate::paths::{EMBEDDING, HEAD};
use crate::whole::Chosen;

/// What the matrix may be called below its path where something changes it.
pub(super) const BENEATH: [&str; 2] = ["base_layer.weight", "token_adapter.base_layer.weight"];

/// Reads embedding and head.
pub(super) fn read(
    file: &Reader<'_>,
    chosen: &Chosen,
    changes: &Changes<'_>,
    device: &Device,
) -> Result<Words, LoraError> {
    let embedding = stored(file, EMBEDDING, chosen.embedding)?;
    let head = stored(file, HEAD, chosen.head)?;
    // A resized embedding that does not train is still the head of a model whose head it was.
    let is_whole = chosen.embedding || chosen.head;
    let resized = file.model.tied && !is_whole && embedding.is_some();
    let tied = chosen.tied || resized;
    check(file, (&embedding, &head), tied)?;
    let words = Words {
        embedding,
        head: head.filter(|_| !tied),
        tied,
        folded: Vec::new(),
    };
    if changes.has(EMBEDDING) || changes.has(HEAD) {
        let device = device.clone().without_autodiff();
        return Folding {
            file,
            changes,
            device,
        }
        .fold(words);
    }
    Ok(words)
}

/// The values of embedding or head, of any number of rows; none where the file may do without.
fn stored(file: &Reader<'_>, path: &str, needed: bool) -> Result<Option<Vec<f32>>, LoraError> {
    let width = file.model.hidden_size;
    let names = ["weight"].into_iter().chain(BENEATH);
    let mut names = names.map(|end| Reader::name(path, end));
    match names.find_map(|name| Some((file.view(&name)?.shape().first().copied(), name))) {
        Some((rows, name)) => file.values(&name, &[rows.unwrap_or(0), width]).map(Some),
        None if !needed => Ok(None),
        None => {
            let rows = file.model.vocab_size;
            file.values(&Reader::name(path, "weight"), &[rows, width])
                .map(Some)
        }
    }
}

/// Refuses embedding and head of different vocabularies, and of different values where they are one.
fn check(
    file: &Reader<'_>,
    (embedding, head): (&Option<Vec<f32>>, &Option<Vec<f32>>),
    tied: bool,
) -> Result<(), LoraError> {
    let config = &file.model;
    let rows = |values: &Vec<f32>| values.len() / config.hidden_size.max(1);
    let above = embedding.as_ref().map_or(config.vocab_size, rows);
    let below = head.as_ref().map(rows);
    let below = below.unwrap_or(if tied { above } else { config.vocab_size });
    let name = Reader::name(HEAD, "weight");
    if above != below {
        let [expected, found] = [above, below].map(|rows| counted(rows, "row", "rows"));
        return Err(file.wrong(&name, expected, &found));
    }
    if tied && head.is_some() && head != embedding {
        let expected = "the values of the embedding, which is the head";
        return Err(file.wrong(&name, expected, "others"));
    }
    Ok(())
}
