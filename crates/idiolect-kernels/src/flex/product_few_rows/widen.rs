//! Values of a weight written out in f32.

use pulp::Simd;

use super::stored::Stored;
use crate::flex::simd::lanes::{PAIR, PIECE, per_piece};

/// All values, in the order of memory.
#[inline(always)]
pub(crate) fn widen<S: Simd, W: Stored>(simd: S, weight: W, wide: &mut [f32]) {
    if let Some(values) = weight.as_f32() {
        return wide.copy_from_slice(values);
    }
    let group = PAIR * W::APART;
    let begins_one = weight.first().is_multiple_of(group);
    let groups = if begins_one {
        wide.len() / (group * PIECE)
    } else {
        0
    };
    let (whole, rest) = wide.split_at_mut(groups * group * PIECE);
    for (at, pieces) in whole.as_chunks_mut().0.chunks_exact_mut(group).enumerate() {
        for place in 0..W::APART {
            let [low, high] = pair(simd, weight, at * W::APART + place);
            pieces[place] = low;
            pieces[place + W::APART] = high;
        }
    }
    let done = groups * group;
    if W::PAIRS > 1 {
        for (at, wide) in rest.as_chunks_mut().0.iter_mut().enumerate() {
            *wide = piece(simd, weight, done + at);
        }
    } else {
        for (at, value) in rest.iter_mut().enumerate() {
            *value = weight.value(done * PIECE + at);
        }
    }
}

/// Pair number `at`, where the first piece begins a group of pieces that are stored together.
#[inline(always)]
pub(crate) fn pair<S: Simd, W: Stored>(simd: S, weight: W, at: usize) -> [[f32; PIECE]; PAIR] {
    let mut pair = [[0.0; PIECE]; PAIR];
    for v in 0..per_piece::<S>() {
        let [low, high] = pair_of_vectors(simd, weight, at, v);
        S::as_mut_simd_f32s(&mut pair[0]).0[v] = low;
        S::as_mut_simd_f32s(&mut pair[1]).0[v] = high;
    }
    pair
}

/// Vector number `v` of both pieces of that pair.
#[inline(always)]
pub(crate) fn pair_of_vectors<S: Simd, W: Stored>(
    simd: S,
    weight: W,
    at: usize,
    v: usize,
) -> [S::f32s; PAIR] {
    debug_assert!(weight.first().is_multiple_of(PAIR * W::APART));
    let number = weight.first() / PAIR + at;
    let block = weight.block(simd, number / W::PAIRS);
    W::vectors(simd, &block, number % W::PAIRS, v)
}

/// Piece number `at`, which lies in a whole block.
#[inline(always)]
pub(crate) fn piece<S: Simd, W: Stored>(simd: S, weight: W, at: usize) -> [f32; PIECE] {
    let at = weight.first() + at;
    let (group, place) = (at / (PAIR * W::APART), at % (PAIR * W::APART));
    let number = group * W::APART + place % W::APART;
    let block = weight.block(simd, number / W::PAIRS);
    let mut piece = [0.0; PIECE];
    for (v, piece) in S::as_mut_simd_f32s(&mut piece).0.iter_mut().enumerate() {
        // Of two branches each computes what it takes.
        if place < W::APART {
            let [low, _] = W::vectors(simd, &block, number % W::PAIRS, v);
            *piece = low;
        } else {
            let [_, high] = W::vectors(simd, &block, number % W::PAIRS, v);
            *piece = high;
        }
    }
    piece
}
