//! Attention, over lengths, heads and ways of seeing.

use burn::tensor::{DType, Device, Tensor};
use idiolect_kernels::{Visible, attention, plain};
use idiolect_testkit::device;

use super::compared::holds;
use crate::support::{random, visible};

/// A pass of attention.
struct Pass {
    tokens: usize,
    kv_heads: usize,
    /// Query heads that share a key head.
    group: usize,
    sees: fn(usize, &Device) -> Visible,
}

fn causal(tokens: usize, device: &Device) -> Visible {
    visible(&[0], tokens, 0, device)
}

fn within_five(tokens: usize, device: &Device) -> Visible {
    let of = |at: usize| (at + 1).saturating_sub(5)..at + 1;
    Visible::new(&(0..tokens).map(of).collect::<Vec<_>>(), 1, device)
}

/// Two sequences in the first row, one in the second.
fn packed(tokens: usize, device: &Device) -> Visible {
    let middle = tokens / 2;
    let of = |at: usize| {
        if at < middle {
            0..at + 1
        } else {
            middle..at + 1
        }
    };
    let first = (0..tokens).map(of);
    let seen: Vec<_> = first.chain((0..tokens).map(|at| 0..at + 1)).collect();
    Visible::new(&seen, 2, device)
}

/// Each number of heads and each way of seeing at a short length and at a longer one: on a GPU every shape of a
/// product is tuned anew.
const PASSES: [Pass; 7] = [
    pass(1, [2, 1], causal),
    pass(31, [1, 4], within_five),
    pass(32, [2, 1], packed),
    pass(33, [1, 4], causal),
    pass(33, [2, 1], within_five),
    pass(257, [2, 1], causal),
    pass(257, [1, 4], packed),
];

const fn pass(
    tokens: usize,
    [kv_heads, group]: [usize; 2],
    sees: fn(usize, &Device) -> Visible,
) -> Pass {
    Pass {
        tokens,
        kv_heads,
        group,
        sees,
    }
}

#[test]
fn attention_is_that_of_f64() {
    let by_heads = |x: Tensor<4>| x.swap_dims(1, 2);
    for Pass {
        tokens,
        kv_heads,
        group,
        sees,
    } in PASSES
    {
        // As projections lie that are viewed by heads.
        let inputs = (
            random([2, tokens, kv_heads * group, 16], 1),
            random([2, tokens, kv_heads, 16], 2),
            random([2, tokens, kv_heads, 16], 3),
        );
        holds(
            &format!("attention of {tokens} tokens, {group} heads for each of {kv_heads}"),
            &inputs,
            |q: Tensor<4>, k: Tensor<4>, v: Tensor<4>| {
                let visible = sees(tokens, &device().unwrap());
                attention(by_heads(q), by_heads(k), by_heads(v), Some(&visible))
            },
            |q: Tensor<4>, k: Tensor<4>, v: Tensor<4>| {
                let mask = sees(tokens, &Device::flex()).mask(tokens);
                let mask = Some(mask.cast(DType::F64));
                plain::attention(by_heads(q), by_heads(k), by_heads(v), mask)
            },
        );
    }
}
