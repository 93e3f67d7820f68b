//! What dropout leaves of a tensor in f32, in its memory where nothing else owns that.

use burn_flex::FlexTensor;
use rayon::prelude::*;

use super::buffer::dense;
use crate::Dropout;
use crate::dropout::{PRIME, Threshold};

/// `x` times the mask.
pub(super) fn dropped(x: FlexTensor, dropout: &Dropout) -> FlexTensor {
    let mut x = dense(x);
    let Threshold { limit, kept } = Threshold::of(dropout);
    let ([factors, terms], [b, d]) = (&dropout.tokens, &dropout.channels);
    let rows = x.storage_mut::<f32>().par_chunks_exact_mut(b.len().max(1));
    let rows = rows.zip(factors.par_iter().zip(terms));
    rows.for_each(|(row, (a, c))| {
        let [a, c] = [*a, *c].map(u32::from);
        for ((value, b), d) in row.iter_mut().zip(b).zip(d) {
            let hash = (a * u32::from(*b) + c + u32::from(*d)) % u32::from(PRIME);
            // A product, as on other devices: what is not a number stays so.
            *value *= if hash < u32::from(limit) { 0.0 } else { kept };
        }
    });
    x
}
