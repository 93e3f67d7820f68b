//! How far an adapter moves the weights: the Frobenius norm of `s A B` at each site, without making it.
//!
//! `|A B|^2 = sum((A^T A) * (B B^T))`, two `rank x rank` Gram matrices. The paper of self-distillation
//! reports a distance proportional to the norm of the parameter change and names no norm
//! (arXiv 2402.13669, section 5); the Frobenius norm is ours.

use burn::tensor::Tensor;
use idiolect_model::{Decoder, Site};

use crate::{LoraAdapter, adapter::Factors};

/// The shift of one projection.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SiteShift {
    /// Where.
    pub site: Site,
    /// Frobenius norm of the change.
    pub norm: f64,
    /// The same divided by the norm of the seed model's weight.
    pub relative: f64,
}

/// Shift of every adapted projection, in the order of the sites.
#[must_use]
pub fn shift(adapter: &LoraAdapter, seed: &Decoder) -> Vec<SiteShift> {
    let one = |(site, factors): (&Site, &Factors)| {
        let norm = adapter.config.scale().abs() * product_norm(factors);
        let weight = seed.weights.blocks[site.layer].projections[site.projection as usize].val();
        let base = values(weight).iter().map(|x| x * x).sum::<f64>().sqrt();
        SiteShift {
            site: *site,
            norm,
            relative: norm / base,
        }
    };
    adapter
        .sites
        .iter()
        .zip(&adapter.factors)
        .map(one)
        .collect()
}

/// The norm of the whole change: the root of the summed squares.
#[must_use]
pub fn total(shifts: &[SiteShift]) -> f64 {
    shifts
        .iter()
        .map(|shift| shift.norm * shift.norm)
        .sum::<f64>()
        .sqrt()
}

fn product_norm(factors: &Factors) -> f64 {
    let [_, rank] = factors.a.val().dims();
    let a = values(factors.a.val());
    let b = values(factors.b.val());
    let output = b.len() / rank.max(1);
    let gram = |dot: &dyn Fn(usize, usize) -> f64| -> f64 {
        (0..rank)
            .flat_map(|i| (0..rank).map(move |j| (i, j)))
            .map(|(i, j)| dot(i, j))
            .sum()
    };
    let squared = gram(&|i, j| {
        let columns: f64 = a.chunks_exact(rank).map(|row| row[i] * row[j]).sum();
        let rows = b[i * output..(i + 1) * output]
            .iter()
            .zip(&b[j * output..(j + 1) * output]);
        columns * rows.map(|(x, y)| x * y).sum::<f64>()
    });
    // Rounding can leave a tiny negative square for a zero change.
    squared.max(0.0).sqrt()
}

fn values(tensor: Tensor<2>) -> Vec<f64> {
    tensor.into_data().iter::<f64>().collect()
}
