//! How far an adapter moves the weights: the Frobenius norm of their change at each site, without making it.
//!
//! With `U = s A B`, column `j` moves by `|U_j|^2 = s^2 (B^T A^T A B)_jj`; where a magnitude stretches the
//! adapted column by `c`, it moves by `(c - 1)^2 |W_j|^2 + 2 c (c - 1) W_j U_j + c^2 |U_j|^2`.
//! The paper of self-distillation reports a distance proportional to the norm of the parameter change and names no norm
//! (arXiv 2402.13669, section 5); the Frobenius norm is ours.

use burn::module::Param;
use burn::tensor::Tensor;
use idiolect_kernels::dequantize;
use idiolect_model::{Decoder, Projection, Site};

use crate::adapter::weight;
use crate::error::wrong;
use crate::{Factors, LoraAdapter, LoraError};

/// The shift of one projection.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SiteShift {
    /// Where.
    pub site: Site,
    /// Frobenius norm of the change.
    pub norm: f64,
    /// The same divided by the norm of the base model's weight.
    pub relative: f64,
}

/// Shift of every adapted projection, in the order of the sites.
#[must_use]
pub fn adapter_shift(adapter: &LoraAdapter, base: &Decoder) -> Vec<SiteShift> {
    let one = |(site, factors): (&Site, &Factors)| {
        let weight = weight(base, *site);
        let norm = moved(factors, &weight).max(0.0).sqrt();
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
pub fn total_shift(shifts: &[SiteShift]) -> f64 {
    shifts
        .iter()
        .map(|shift| shift.norm * shift.norm)
        .sum::<f64>()
        .sqrt()
}

/// How far one weight of a model stands from the same weight of another.
#[derive(Debug, Clone, PartialEq)]
pub struct WeightShift {
    /// Its path in a Hugging Face checkpoint, for example `model.layers.0.self_attn.q_proj`.
    pub path: String,
    /// Frobenius norm of the difference.
    pub norm: f64,
    /// The same divided by the norm of the base model's weight.
    pub relative: f64,
}

/// The distance of every weight of `other` from that of `base`, in the order of computation.
///
/// # Errors
///
/// [`LoraError::Setting`] where a weight has another shape, or one of them has more weights.
pub fn weight_shifts(base: &Decoder, other: &Decoder) -> Result<Vec<WeightShift>, LoraError> {
    let (base, other) = (weights(base), weights(other));
    if base.len() != other.len() {
        return Err(wrong("weights", base.len().to_string(), other.len()));
    }
    let one = |((path, base), (_, other)): ((String, Weight), (String, Weight))| {
        let (base, other) = (base.flat(), other.flat());
        if base.dims() != other.dims() {
            let [expected, found] = [&base, &other].map(|weight| weight.dims()[0]);
            return Err(wrong(&path, format!("{expected} values"), found));
        }
        let (base, other) = (base.into_data(), other.into_data());
        let pairs = base.iter::<f64>().zip(other.iter::<f64>());
        let sums = pairs.fold([0.0, 0.0], |[moved, base], (x, y)| {
            [moved + (y - x) * (y - x), base + x * x]
        });
        let [norm, base] = sums.map(f64::sqrt);
        let relative = norm / base;
        Ok(WeightShift {
            path,
            norm,
            relative,
        })
    };
    base.into_iter().zip(other).map(one).collect()
}

/// A weight, quantised where it is so.
enum Weight {
    Matrix(Tensor<2>),
    Vector(Tensor<1>),
}

impl Weight {
    /// Its values in floats.
    fn flat(self) -> Tensor<1> {
        match self {
            Self::Matrix(weight) => dequantize(weight).flatten(0, 1),
            Self::Vector(weight) => weight,
        }
    }
}

/// Every weight with its path.
fn weights(decoder: &Decoder) -> Vec<(String, Weight)> {
    let weights = &decoder.weights;
    let matrix = |weight: &Param<Tensor<2>>| Weight::Matrix(weight.val());
    let vector = |weight: &Param<Tensor<1>>| Weight::Vector(weight.val());
    let mut all = vec![("model.embed_tokens".into(), matrix(&weights.embedding))];
    for (layer, block) in weights.blocks.iter().enumerate() {
        let norm = |name: &str| format!("model.layers.{layer}.{name}");
        all.push((norm("input_layernorm"), vector(&block.input_norm)));
        all.push((norm("post_attention_layernorm"), vector(&block.post_norm)));
        for (projection, weight) in Projection::ALL.into_iter().zip(&block.projections) {
            let site = Site { layer, projection };
            all.push((site.to_string(), matrix(weight)));
        }
        let extras = block.extras.named().into_iter();
        all.extend(extras.map(|(name, weight)| {
            let path = name.strip_suffix(".weight").unwrap_or(&name);
            (norm(path), vector(&weight))
        }));
    }
    all.push(("model.norm".into(), vector(&weights.norm)));
    let head = weights.head.as_ref();
    all.extend(head.map(|head| ("lm_head".into(), matrix(head))));
    all
}

/// The square of the change of a weight. Rounding can leave a tiny negative one for no change.
fn moved(factors: &Factors, weight: &Tensor<2>) -> f64 {
    let [a, b] = factors.joined();
    let ([_, rank], [_, output]) = (a.dims(), b.dims());
    let (a, b) = (values(a), values(b));
    let gram = product(&a, &a, [rank, rank]);
    let of_column = |j: usize| -> Vec<f64> { (0..rank).map(|k| b[k * output + j]).collect() };
    let square = |b: &[f64]| -> f64 {
        let pairs = (0..rank).flat_map(|i| (0..rank).map(move |j| (i, j)));
        let sum: f64 = pairs.map(|(i, j)| b[i] * gram[i * rank + j] * b[j]).sum();
        sum * factors.scale * factors.scale
    };
    let Some(magnitude) = &factors.magnitude else {
        return (0..output).map(|j| square(&of_column(j))).sum();
    };
    let magnitude: Vec<f64> = magnitude.val().into_data().iter::<f64>().collect();
    let weight = values(weight.clone());
    let along = product(&a, &weight, [rank, output]);
    let column = |(j, magnitude): (usize, &f64)| {
        let b = of_column(j);
        let (uu, ww) = (square(&b), (j..weight.len()).step_by(output));
        let ww: f64 = ww.map(|at| weight[at] * weight[at]).sum();
        let wu: f64 = (0..rank).map(|k| along[k * output + j] * b[k]).sum();
        let wu = wu * factors.scale;
        let c = magnitude / (ww + 2.0 * wu + uu).sqrt();
        (c - 1.0).powi(2) * ww + 2.0 * c * (c - 1.0) * wu + c * c * uu
    };
    magnitude.iter().enumerate().map(column).sum()
}

/// `X^T Y` of two row-major matrices with as many rows, `[columns of x, columns of y]`.
fn product(x: &[f64], y: &[f64], [left, right]: [usize; 2]) -> Vec<f64> {
    let mut sums = vec![0.0; left * right];
    for (x, y) in x.chunks_exact(left).zip(y.chunks_exact(right)) {
        for (x, sums) in x.iter().zip(sums.chunks_exact_mut(right)) {
            sums.iter_mut().zip(y).for_each(|(sum, y)| *sum += x * y);
        }
    }
    sums
}

fn values(tensor: Tensor<2>) -> Vec<f64> {
    dequantize(tensor).into_data().iter::<f64>().collect()
}
