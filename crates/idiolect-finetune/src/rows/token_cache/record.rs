//! A record of the cache as bytes: number, size and CRC-32C, then the tokens of a row.
//!
//! Where records lie is the cache's business.

use idiolect_tokens::TokenRow;

/// Bytes of a record before its tokens.
pub(super) const HEAD: usize = 12;

/// Number, bytes and checksum of a record.
pub(super) fn numbers(head: &[u8; HEAD]) -> [u32; 3] {
    let (words, _) = head.as_chunks();
    [0, 1, 2].map(|at| u32::from_le_bytes(words[at]))
}

pub(super) fn checksum(number: u32, body: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&number.to_le_bytes()), body)
}

/// A record; none for a row that it has no room for.
pub(super) fn record(number: u32, tokens: Option<&TokenRow>) -> Option<Vec<u8>> {
    let body = tokens.map_or(Some(Vec::new()), body)?;
    let bytes = u32::try_from(body.len()).ok()?;
    let head = [number, bytes, checksum(number, &body)];
    let head = head.iter().flat_map(|number| number.to_le_bytes());
    Some(head.chain(body.iter().copied()).collect())
}

/// The number of ids, the ids, the labels, and the id of the row as JSON.
fn body(row: &TokenRow) -> Option<Vec<u8>> {
    let count = u32::try_from(row.input_ids.len()).ok()?;
    let labels: Vec<i32> = row
        .labels
        .iter()
        .map(|label| i32::try_from(*label).ok())
        .collect::<Option<_>>()?;
    if labels.len() != row.input_ids.len() {
        return None;
    }
    let ids = [&count].into_iter().chain(&row.input_ids);
    let mut body: Vec<u8> = ids.flat_map(|id| id.to_le_bytes()).collect();
    body.extend(labels.iter().flat_map(|label| label.to_le_bytes()));
    body.extend(serde_json::to_vec(&row.id).ok()?);
    Some(body)
}

/// The tokens of a record; none where its parts do not fit.
pub(super) fn tokens(body: &[u8]) -> Option<TokenRow> {
    let (count, rest) = body.split_first_chunk()?;
    let bytes = (u32::from_le_bytes(*count) as usize).checked_mul(4)?;
    let (ids, rest) = rest.split_at_checked(bytes)?;
    let (labels, id) = rest.split_at_checked(bytes)?;
    let labels = labels.as_chunks().0.iter();
    Some(TokenRow {
        id: serde_json::from_slice(id).ok()?,
        input_ids: ids
            .as_chunks()
            .0
            .iter()
            .map(|id| u32::from_le_bytes(*id))
            .collect(),
        labels: labels
            .map(|label| i64::from(i32::from_le_bytes(*label)))
            .collect(),
        teacher: Vec::new(),
    })
}
