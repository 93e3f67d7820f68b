//! What a pass of tokens through the blocks needs beside their ids: rotary angles, which keys a query sees, and with
//! a KV cache which rows attend together. It is made once a pass and used by every block.
//!
//! A batch without a cache is padded on the right, which hides nothing: a real token never sees what
//! follows it.
//! With a cache rows differ in length, and the new tokens of all of them form one sequence without padding, so
//! that attention alone knows rows.

mod pass;
mod seen;

pub use pass::NewTokens;
pub(crate) use pass::{Group, Padding, PassLayout, Plan, index};

use std::slice;

use burn::tensor::Device;
use idiolect_kernels::Visible;

use self::seen::{seen, up_to};
use crate::rope::{Angles, Position, Rope};

/// Rotary angles of one pass, and which keys its queries see.
#[derive(Debug, Clone)]
pub struct Context {
    pub(crate) angles: Angles,
    /// Of one row for all, or of every row; `None` where each query sees every key. A pass with a cache has them in
    /// its plan.
    pub(crate) visible: Option<Visible>,
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
        let seen = seen(slice::from_ref(&(0..tokens)), tokens, window);
        Self {
            angles: rope.angles(&positions, lengths.len(), device),
            visible: Some(Visible::new(&seen, 1, device)),
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
        let mut seen = Vec::with_capacity(parts.len() * tokens);
        for parts in parts {
            let filled: usize = parts.iter().sum();
            assert!(filled <= tokens, "{filled} tokens in a row of {tokens}");
            let mut start = 0;
            for length in parts.iter().copied().chain([tokens - filled]) {
                for at in 0..length {
                    let own = up_to(at, window);
                    seen.push(start + own.start..start + own.end);
                    positions.push(Position { at, of: length });
                }
                start += length;
            }
        }
        Self {
            angles: rope.angles(&positions, parts.len(), device),
            visible: Some(Visible::new(&seen, parts.len(), device)),
            plan: Plan::default(),
        }
    }

    /// The new tokens of a pass with a cache.
    pub(crate) fn cached(rope: &Rope, layout: &PassLayout, device: &Device) -> Self {
        Self {
            angles: rope.angles(&layout.positions, 1, device),
            visible: None,
            plan: layout.plan.clone(),
        }
    }
}
