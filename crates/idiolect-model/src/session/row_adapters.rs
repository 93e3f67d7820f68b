//! Adapters by row: each row of tokens goes through its own, and a pass computes with all of them at once.
//!
//! The products with frozen weights, which read the most memory, are made for all rows together; each adapter then adds
//! to the tokens of its rows alone. PEFT calls this mixed adapter batches.

use std::ops::Range;

use burn::tensor::Tensor;
use idiolect_kernels::CacheWrite;

use crate::{Adapter, Site};

/// Adapters, and which of them each row has.
pub(crate) struct RowAdapters<'a> {
    adapters: Vec<&'a dyn Adapter>,
    of_rows: Vec<usize>,
}

impl<'a> RowAdapters<'a> {
    /// The first of `adapters` for each of `rows` rows.
    pub(crate) fn new(adapters: Vec<&'a dyn Adapter>, rows: usize) -> Self {
        let of_rows = vec![0; rows];
        Self { adapters, of_rows }
    }

    pub(crate) fn count(&self) -> usize {
        self.adapters.len()
    }

    pub(crate) fn of(&self, row: usize) -> usize {
        self.of_rows[row]
    }

    pub(crate) fn choose(&mut self, row: usize, adapter: usize) {
        self.of_rows[row] = adapter;
    }

    /// Every row has that of row 0.
    pub(crate) fn share(&mut self) {
        let first = self.of_rows[0];
        self.of_rows.fill(first);
    }

    /// What the tokens of a pass go through; `writes` say whose they are, in their order.
    pub(crate) fn of_pass(&self, writes: &[CacheWrite]) -> PassAdapters<'a> {
        let mut spans: Vec<Span<'a>> = Vec::new();
        let mut last = None;
        for CacheWrite { row, tokens, .. } in writes {
            let chosen = self.of_rows[*row];
            match spans.last_mut() {
                Some(span) if last == Some(chosen) => span.tokens.end = tokens.end,
                _ => spans.push(Span {
                    tokens: tokens.clone(),
                    adapter: self.adapters[chosen],
                }),
            }
            last = Some(chosen);
        }
        PassAdapters { spans }
    }
}

/// Neighbouring tokens of one adapter.
struct Span<'a> {
    tokens: Range<usize>,
    adapter: &'a dyn Adapter,
}

/// The adapters of one pass.
pub(crate) struct PassAdapters<'a> {
    /// In the order of the tokens, all of them.
    spans: Vec<Span<'a>>,
}

impl Adapter for PassAdapters<'_> {
    fn apply(&self, site: Site, x: &Tensor<3>, base_output: Tensor<3>) -> Tensor<3> {
        if let [only] = self.spans.as_slice() {
            return only.adapter.apply(site, x, base_output);
        }
        let of_span = |Span { tokens, adapter }: &Span<'_>| {
            let own = |all: &Tensor<3>| all.clone().narrow(1, tokens.start, tokens.len());
            adapter.apply(site, &own(x), own(&base_output))
        };
        Tensor::cat(self.spans.iter().map(of_span).collect(), 1)
    }

    fn only_adds(&self, site: Site) -> bool {
        self.spans.iter().all(|span| span.adapter.only_adds(site))
    }
}
