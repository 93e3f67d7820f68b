//! Whether stored floats are finite, in one pass over their bits that costs a part of reading them.
//!
//! A float is NaN or infinite where all bits of its exponent are set. Adding the lowest of these bits to the
//! exponent then carries into the sign's place, and into it alone, so that the sums of a whole tensor are
//! brought together by "or", without a branch.

use std::fmt;

/// A value that is no finite number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NotFinite {
    /// Its place among the values, from 0.
    pub place: usize,
    /// NaN, or an infinity.
    pub value: f32,
}

impl fmt::Display for NotFinite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at place {}", self.value, self.place)
    }
}

/// A type of floats of 16 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Half {
    /// 5 bits of exponent.
    F16,
    /// 8 bits of exponent.
    Bf16,
}

impl Half {
    /// The bits of the exponent.
    fn exponent(self) -> u16 {
        match self {
            Self::F16 => 0x7c00,
            Self::Bf16 => 0x7f80,
        }
    }
}

/// The first value that is no finite number, if there is one.
#[must_use]
pub fn not_finite(values: &[f32]) -> Option<NotFinite> {
    const EXPONENT: u32 = 0x7f80_0000;
    let carry = |value: &f32| (value.to_bits() & EXPONENT) + (EXPONENT & EXPONENT.wrapping_neg());
    let carried = values.iter().fold(0, |all, value| all | carry(value));
    if carried >> 31 == 0 {
        return None;
    }
    let place = values.iter().position(|value| !value.is_finite())?;
    let value = *values.get(place)?;
    Some(NotFinite { place, value })
}

/// The first of little-endian floats of 16 bits that is no finite number, if there is one; half the bytes of
/// [`not_finite`] for the same values.
#[must_use]
pub fn not_finite_halves(bytes: &[u8], half: Half) -> Option<NotFinite> {
    let (words, exponent) = (bytes.as_chunks().0, half.exponent());
    let lowest = exponent & exponent.wrapping_neg();
    let carry = |word: &[u8; 2]| (u16::from_le_bytes(*word) & exponent) + lowest;
    let carried = words.iter().fold(0, |all, word| all | carry(word));
    if carried >> 15 == 0 {
        return None;
    }
    let is_full = |word: &[u8; 2]| u16::from_le_bytes(*word) & exponent == exponent;
    let place = words.iter().position(is_full)?;
    let word = u16::from_le_bytes(*words.get(place)?);
    let value = match (word & 0x7fff == exponent, word >> 15) {
        (false, _) => f32::NAN,
        (true, 0) => f32::INFINITY,
        (true, _) => f32::NEG_INFINITY,
    };
    Some(NotFinite { place, value })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(found: Option<NotFinite>) -> Option<String> {
        found.map(|found| found.to_string())
    }

    #[test]
    fn every_float_of_16_bits_is_told_apart() {
        for half in [Half::F16, Half::Bf16] {
            for word in 0..=u16::MAX {
                let found = not_finite_halves(&word.to_le_bytes(), half);
                let mantissa = word & !half.exponent() & 0x7fff;
                let is_full = word & half.exponent() == half.exponent();
                assert_eq!(found.is_some(), is_full, "{half:?} {word:04x}");
                if let Some(NotFinite { value, .. }) = found {
                    assert_eq!(value.is_nan(), mantissa != 0, "{half:?} {word:04x}");
                }
            }
        }
    }

    #[test]
    fn the_first_of_many_is_named_by_its_place() {
        for place in [0, 1, 31, 999] {
            for (value, name) in [
                (f32::NAN, "NaN"),
                (f32::INFINITY, "inf"),
                (f32::NEG_INFINITY, "-inf"),
            ] {
                let mut values = vec![f32::MAX; 1000];
                values[7] = -f32::MIN_POSITIVE;
                assert_eq!(not_finite(&values), None);
                values[place] = value;
                values[999] = value;
                let expected = Some(format!("{name} at place {place}"));
                assert_eq!(shown(not_finite(&values)), expected);
                // The upper half of an f32 is a bf16.
                let bytes = values
                    .iter()
                    .flat_map(|value| value.to_le_bytes().into_iter().skip(2));
                let bytes: Vec<u8> = bytes.collect();
                let found = not_finite_halves(&bytes, Half::Bf16);
                assert_eq!(shown(found), expected);
            }
        }
        assert_eq!(not_finite(&[]), None);
        assert_eq!(not_finite_halves(&[], Half::F16), None);
    }
}
