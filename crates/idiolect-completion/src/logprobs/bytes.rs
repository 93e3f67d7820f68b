//! Entries and the file's first line as bytes.
//!
//! An entry has five: the id in three, little-endian, and the logarithm as a half-precision number.

use std::io::{self, BufRead, Read};

use half::f16;
use serde::{Deserialize, Serialize};

use super::{LogprobHead, LogprobTail, TokenLogprob};

/// Bytes of an entry.
pub(super) const ENTRY: usize = 5;
/// Ids from this on have no room.
pub(super) const IDS: u32 = 1 << 24;
/// The longest first line that is read.
const LONGEST: u64 = 4096;

/// The first line.
#[derive(Serialize, Deserialize)]
struct FirstLine {
    logprobs: u32,
    #[serde(flatten)]
    head: LogprobHead,
}

/// The version of a form: programs that know no drawn token must not read one as a likely one.
fn version(tail: LogprobTail) -> u32 {
    match tail {
        LogprobTail::Lumped => 1,
        LogprobTail::Drawn => 2,
    }
}

/// The first line with its line break.
pub(super) fn first_line(head: &LogprobHead) -> io::Result<String> {
    let line = FirstLine {
        logprobs: version(head.tail),
        head: head.clone(),
    };
    Ok(serde_json::to_string(&line)? + "\n")
}

/// The head of a file, and the bytes of its first line; none where it is no such file.
pub(super) fn read_head(file: &mut impl BufRead) -> io::Result<Option<(LogprobHead, u64)>> {
    let mut line = Vec::new();
    file.take(LONGEST).read_until(b'\n', &mut line)?;
    let read = serde_json::from_slice::<FirstLine>(&line).ok();
    let known = read.filter(|read| read.logprobs == version(read.head.tail) && read.head.count > 0);
    let is_whole = line.ends_with(b"\n");
    Ok(known
        .filter(|_| is_whole)
        .map(|read| (read.head, line.len() as u64)))
}

/// An entry as bytes; none for an id that has no room.
pub(super) fn entry(of: TokenLogprob) -> Option<[u8; ENTRY]> {
    if of.token >= IDS || of.log_probability.is_nan() {
        return None;
    }
    let [a, b, c, _] = of.token.to_le_bytes();
    // What a half cannot hold is as good as impossible.
    let value = f16::from_f32(of.log_probability.clamp(f16::MIN.to_f32(), 0.0));
    let [d, e] = value.to_le_bytes();
    Some([a, b, c, d, e])
}

/// The entry that bytes are.
pub(super) fn parsed([a, b, c, d, e]: [u8; ENTRY]) -> TokenLogprob {
    TokenLogprob {
        token: u32::from_le_bytes([a, b, c, 0]),
        log_probability: f16::from_le_bytes([d, e]).to_f32(),
    }
}

/// The checksum of a text's bytes.
pub(super) fn checksum(bytes: &[u8]) -> String {
    format!("{:08x}", crc32c::crc32c(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_half_is_off_by_the_2048th_part_at_most() {
        for at in 0_u16..20_000 {
            let log_probability = -f32::from(at) * 0.0007 - 1e-4;
            let of = TokenLogprob {
                token: u32::from(at) * 800,
                log_probability,
            };
            let back = parsed(entry(of).unwrap());
            assert_eq!(back.token, of.token);
            let off = (back.log_probability - log_probability).abs();
            // Below 2^-14 a half has steps of 2^-24.
            let bound = (-log_probability / 2048.0).max(2f32.powi(-25));
            assert!(off <= bound * 1.000_01, "{log_probability}: {off}");
        }
    }

    #[test]
    fn numbers_that_have_no_room_are_bounded_or_refused() {
        let of = |token, log_probability| {
            entry(TokenLogprob {
                token,
                log_probability,
            })
        };
        let back = parsed(of(7, f32::NEG_INFINITY).unwrap());
        assert!(back.log_probability.is_finite());
        assert_eq!(of(IDS, -1.0), None);
        assert_eq!(of(7, f32::NAN), None);
        // Rounding may leave a likely token a hair above certain.
        assert!(parsed(of(7, 1e-7).unwrap()).log_probability.abs() < 1e-12);
    }
}
