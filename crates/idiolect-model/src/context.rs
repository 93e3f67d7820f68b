//! Where the tokens of a batch stand and what each may see: rotary angles and mask, made once a pass.
//!
//! Padding on the right needs no mask: a real token never sees what follows it.
//! Padding on the left does, and moves the positions of its row.

use burn::tensor::{DType, Device, Tensor, TensorData};

use crate::rope::{Angles, Rope};

/// Added to a score that must not count. Finite, so that a row that sees nothing stays finite too:
/// with a sliding window the padding of a row can have only padding in sight.
const HIDDEN: f32 = -1e30;

/// Rotary angles and mask of one pass; every block uses the same.
#[derive(Debug, Clone)]
pub struct Context {
    pub(crate) angles: Angles,
    /// `[rows or 1, 1, tokens, keys]` in f32; `None` where every token sees every key.
    pub(crate) mask: Option<Tensor<4>>,
}

/// The part of a batch that one pass computes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span<'a> {
    /// Padding on the left of each row, in tokens.
    pub(crate) pads: &'a [usize],
    /// Tokens already in the cache, padding counted.
    pub(crate) start: usize,
    /// Tokens of this pass.
    pub(crate) tokens: usize,
    /// Keys that a query sees, itself included.
    pub(crate) window: Option<usize>,
}

impl Context {
    /// Rows that all begin at position 0 and may be padded on the right.
    #[must_use]
    pub fn right_padded(
        rope: &Rope,
        tokens: usize,
        window: Option<usize>,
        device: &Device,
    ) -> Self {
        Self::new(
            rope,
            Span {
                pads: &[0],
                start: 0,
                tokens,
                window,
            },
            device,
        )
    }

    pub(crate) fn new(rope: &Rope, span: Span<'_>, device: &Device) -> Self {
        // Rows without padding share positions and mask.
        let span = if span.pads.iter().all(|pad| *pad == 0) {
            Span { pads: &[0], ..span }
        } else {
            span
        };
        let positions: Vec<usize> = span
            .pads
            .iter()
            .flat_map(|pad| span.queries().map(move |q| q.saturating_sub(*pad)))
            .collect();
        Self {
            angles: rope.angles(&positions, span.pads.len(), device),
            mask: span.mask(device),
        }
    }
}

impl Span<'_> {
    fn queries(&self) -> std::ops::Range<usize> {
        self.start..self.start + self.tokens
    }

    fn mask(&self, device: &Device) -> Option<Tensor<4>> {
        let keys = self.start + self.tokens;
        let sees_all = self.tokens == 1
            && self.pads.iter().all(|pad| *pad == 0)
            && self.window.is_none_or(|window| keys <= window);
        if sees_all {
            return None;
        }
        let mut values = vec![HIDDEN; self.pads.len() * self.tokens * keys];
        let mut row = values.chunks_exact_mut(keys);
        for pad in self.pads {
            for query in self.queries() {
                let first = self
                    .window
                    .map_or(0, |window| (query + 1).saturating_sub(window))
                    .max(*pad);
                // Rows are counted from the same numbers as the chunks, so none is missing.
                if let Some(seen) = row.next().and_then(|row| row.get_mut(first..=query)) {
                    seen.fill(0.0);
                }
            }
        }
        let shape = [self.pads.len(), 1, self.tokens, keys];
        Some(Tensor::from_data(
            TensorData::new(values, shape),
            (device, DType::F32),
        ))
    }
}
