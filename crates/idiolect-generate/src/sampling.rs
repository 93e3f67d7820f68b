//! The settings by which a token is chosen, and their ranges; the choice itself is next door.

use crate::{Decisive, GenerateError};

/// How many of the largest logits are looked at for a nucleus: with the one behind them as many as devices find fast.
const NUCLEUS: usize = 63;

/// How a token is chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampling {
    /// Divides the logits, 0 to 1000; 0 is greedy, and then `top_k`, `top_p` and `min_p` do nothing.
    pub temperature: f32,
    /// Keep the k most probable tokens and all that equal the last of them; 0 keeps all.
    pub top_k: usize,
    /// Keep the smallest set of the most probable tokens whose mass is at least this; above 0, 1
    /// keeps all. Of equally probable tokens the lower ids come first.
    pub top_p: f32,
    /// Keep tokens at least this share as probable as the most probable one; 0 keeps all.
    pub min_p: f32,
    /// Divides positive and multiplies negative logits of tokens that the row holds already, its
    /// prompt included; above 0 and at most 1000, 1 changes nothing.
    pub repetition_penalty: f32,
}

impl Sampling {
    /// The most probable token each time, the lowest id of equal ones.
    pub const GREEDY: Self = Self {
        temperature: 0.0,
        top_k: 0,
        top_p: 1.0,
        min_p: 0.0,
        repetition_penalty: 1.0,
    };

    /// How arXiv 2402.13669 writes its rewrites, as its scripts say it: temperature 0.95, the 50 likeliest
    /// tokens, of these the nucleus of 0.7.
    pub const SDFT_2402: Self = Self {
        temperature: 0.95,
        top_k: 50,
        top_p: 0.7,
        ..Self::GREEDY
    };

    /// Refuses values that are out of range.
    ///
    /// # Errors
    ///
    /// [`GenerateError::Setting`] names the first.
    pub fn check(&self) -> Result<(), GenerateError> {
        let Self {
            temperature,
            top_p,
            min_p,
            repetition_penalty,
            ..
        } = *self;
        let ranges = [
            (
                "temperature",
                "0 to 1000",
                temperature,
                (0.0..=1000.0).contains(&temperature),
            ),
            (
                "top_p",
                "above 0 and at most 1",
                top_p,
                top_p > 0.0 && top_p <= 1.0,
            ),
            ("min_p", "0 to 1", min_p, (0.0..=1.0).contains(&min_p)),
            (
                "repetition_penalty",
                "above 0 and at most 1000",
                repetition_penalty,
                0.0 < repetition_penalty && repetition_penalty <= 1000.0,
            ),
        ];
        for (name, expected, found, within) in ranges {
            if !within || !found.is_finite() {
                return Err(GenerateError::Setting {
                    name,
                    expected,
                    found: found.to_string(),
                });
            }
        }
        Ok(())
    }

    /// How many of a row's largest logits decide the choice, with one more to see where equal ones end, and whether the
    /// mass of the whole row does too; `None` where all of them do: without a bound every token may be drawn, and the
    /// repetition penalty changes logits first.
    ///
    /// With `top_p` or `min_p` alone they mostly decide; where they do not, the row is read whole.
    pub(crate) fn decisive(&self) -> Option<Decisive> {
        let is_open = !self.is_greedy() && self.top_k == 0;
        let most = match (self.is_greedy(), is_open) {
            (true, _) => 1,
            (_, true) if self.top_p < 1.0 || self.min_p > 0.0 => NUCLEUS,
            (_, true) => return None,
            _ => self.top_k,
        };
        if self.penalises() {
            return None;
        }
        Some(Decisive {
            most: most.checked_add(1)?,
            mass_at: (is_open && self.top_p < 1.0).then_some(self.temperature),
        })
    }

    /// Whether tokens that a row holds already count for less.
    #[must_use]
    pub fn penalises(&self) -> bool {
        (self.repetition_penalty - 1.0).abs() > 0.0
    }

    /// Whether no chance is involved.
    #[must_use]
    pub fn is_greedy(&self) -> bool {
        self.temperature <= 0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLED: Sampling = Sampling {
        temperature: 1.0,
        ..Sampling::GREEDY
    };

    #[test]
    fn settings_out_of_range_are_named() {
        let sampling = Sampling {
            top_p: 0.0,
            ..SAMPLED
        };
        assert_eq!(
            sampling.check().unwrap_err().to_string(),
            "top_p: expected above 0 and at most 1, found 0"
        );
        assert!(
            Sampling {
                temperature: f32::NAN,
                ..SAMPLED
            }
            .check()
            .is_err()
        );
        assert!(
            Sampling {
                repetition_penalty: f32::INFINITY,
                ..SAMPLED
            }
            .check()
            .is_err()
        );
        assert!(Sampling::GREEDY.check().is_ok());
    }

    #[test]
    fn a_bound_beyond_counting_asks_for_whole_rows() {
        let decisive = |top_k| Sampling { top_k, ..SAMPLED }.decisive();
        assert_eq!(decisive(2).map(|wanted| wanted.most), Some(3));
        assert_eq!((decisive(0), decisive(usize::MAX)), (None, None));
    }

    #[test]
    fn the_mass_of_the_row_counts_where_top_p_alone_cuts_it() {
        let bounds = |top_k, top_p, min_p| {
            let bounded = Sampling {
                top_k,
                top_p,
                min_p,
                ..SAMPLED
            };
            let wanted = bounded.decisive();
            wanted.map(|wanted| (wanted.most, wanted.mass_at.is_some()))
        };
        assert_eq!(bounds(0, 0.9, 0.0), Some((NUCLEUS + 1, true)));
        assert_eq!(bounds(0, 1.0, 0.1), Some((NUCLEUS + 1, false)));
        assert_eq!(bounds(5, 0.9, 0.1), Some((6, false)));
        assert_eq!(bounds(0, 1.0, 0.0), None);
    }
}
