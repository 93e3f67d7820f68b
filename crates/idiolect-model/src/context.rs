//! What a pass of tokens through the blocks needs beside their ids: rotary angles, a mask, and with a KV cache
//! which rows attend together. It is made once a pass and used by every block.
//!
//! A batch without a cache is padded on the right, which needs no mask: a real token never sees what follows
//! it.
//! With a cache rows differ in length, and the new tokens of all of them form one sequence without padding, so
//! that attention alone knows rows.

mod mask;
mod pass;

pub use pass::NewTokens;
pub(crate) use pass::{Group, Padding, PassLayout, Plan, index};

use std::slice;

use burn::tensor::{DType, Device, Tensor, TensorData};

use self::mask::{HIDDEN, Visible, mask};
use crate::rope::{Angles, Position, Rope};

/// Rotary angles and mask of one pass.
#[derive(Debug, Clone)]
pub struct Context {
    pub(crate) angles: Angles,
    /// `[1 or rows, 1, tokens, tokens]` in f32; `None` where every token sees every key. Not for a pass with a
    /// cache.
    pub(crate) mask: Option<Tensor<4>>,
    /// Which rows attend together in a pass with a cache.
    pub(crate) plan: Plan,
}

impl Context {
    /// Rows that all begin at position 0 and may be padded on the right.
    ///
    /// `lengths` are those of the rows without their padding; they matter only where long sequences have other
    /// frequencies. `window` is how many keys a token sees, itself included; `None` for all.
    #[must_use]
    pub fn right_padded(
        rope: &Rope,
        lengths: &[usize],
        tokens: usize,
        window: Option<usize>,
        device: &Device,
    ) -> Self {
        let first = lengths.first().copied().unwrap_or(tokens);
        let alike = lengths.iter().all(|length| rope.is_same(*length, first));
        // Where all rows have the same angles there is one row of them.
        let lengths = if alike {
            slice::from_ref(&first)
        } else {
            lengths
        };
        let row = |of: &usize| {
            let of = *of;
            (0..tokens).map(move |at| Position { at, of })
        };
        let positions: Vec<Position> = lengths.iter().flat_map(row).collect();
        let visible = Visible {
            queries: tokens,
            keys: tokens,
            window,
        };
        Self {
            angles: rope.angles(&positions, lengths.len(), device),
            mask: mask(slice::from_ref(&(0..tokens)), visible, device),
            plan: Plan::default(),
        }
    }

    /// Rows of packed sequences, `parts` their lengths in each row: a sequence begins at position 0 and sees
    /// no other. What is left of a row is padding.
    ///
    /// `window` is how many keys a token sees, itself included; `None` for all.
    ///
    /// # Panics
    ///
    /// If the sequences of a row are longer than `tokens`.
    #[must_use]
    pub fn packed(
        rope: &Rope,
        parts: &[Vec<usize>],
        tokens: usize,
        window: Option<usize>,
        device: &Device,
    ) -> Self {
        let mut positions = Vec::with_capacity(parts.len() * tokens);
        let mut values = vec![HIDDEN; parts.len() * tokens * tokens];
        let mut queries = values.chunks_exact_mut(tokens.max(1));
        for parts in parts {
            let filled: usize = parts.iter().sum();
            assert!(filled <= tokens, "{filled} tokens in a row of {tokens}");
            let mut start = 0;
            for length in parts.iter().copied().chain([tokens - filled]) {
                for (at, keys) in (0..length).zip(&mut queries) {
                    let first = window.map_or(0, |window| (at + 1).saturating_sub(window));
                    keys[start + first..=start + at].fill(0.0);
                    positions.push(Position { at, of: length });
                }
                start += length;
            }
        }
        let data = TensorData::new(values, [parts.len(), 1, tokens, tokens]);
        Self {
            angles: rope.angles(&positions, parts.len(), device),
            mask: Some(Tensor::from_data(data, (device, DType::F32))),
            plan: Plan::default(),
        }
    }

    /// The new tokens of a pass with a cache.
    pub(crate) fn cached(rope: &Rope, layout: &PassLayout, device: &Device) -> Self {
        Self {
            angles: rope.angles(&layout.positions, 1, device),
            mask: None,
            plan: layout.plan.clone(),
        }
    }
}
