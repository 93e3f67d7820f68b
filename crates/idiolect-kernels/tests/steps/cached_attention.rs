//! Attention over a KV cache in one step, against the steps that it is made of.

use std::ops::Range;

use burn::tensor::{DType, Tensor};
use idiolect_kernels::{
    CachePlaces, CacheWrite, CachedPass, Visible, attend_cached, attention, rotate, write_cache,
};

use crate::same::device;
use crate::support::random;

const CAPACITY: usize = 40;

/// A pass over some rows of caches of four.
struct Pass {
    rows: Range<usize>,
    /// New tokens of each row.
    tokens: usize,
    /// Tokens that the first of the rows has already; each further one has nine more.
    past: usize,
    kv_heads: usize,
    heads: usize,
    width: usize,
    scale: f64,
    is_rotated: bool,
    /// Keys that a query sees.
    window: usize,
}

const PLAIN: Pass = Pass {
    rows: 0..4,
    tokens: 1,
    past: 8,
    kv_heads: 3,
    heads: 9,
    width: 64,
    scale: 1.0,
    is_rotated: true,
    window: CAPACITY,
};

impl Pass {
    fn writes(&self) -> Vec<CacheWrite> {
        let write = |(at, row): (usize, usize)| {
            let past = self.past + 9 * at;
            CacheWrite {
                row,
                tokens: at * self.tokens..(at + 1) * self.tokens,
                positions: past..past + self.tokens,
            }
        };
        self.rows.clone().enumerate().map(write).collect()
    }

    fn visible(&self) -> Visible {
        let of = |write: CacheWrite| {
            let positions = write.positions;
            positions.map(|at| (at + 1).saturating_sub(self.window)..at + 1)
        };
        let seen: Vec<_> = self.writes().into_iter().flat_map(of).collect();
        Visible::new(&seen, self.rows.len(), &device())
    }

    fn keys(&self) -> usize {
        let ends = self.writes().into_iter().map(|write| write.positions.end);
        ends.max().unwrap_or_default()
    }

    /// `[1, tokens, heads * width]`.
    fn drawn(&self, heads: usize, seed: u64, dtype: DType) -> Tensor<3> {
        let shape = [1, self.rows.len() * self.tokens, heads * self.width];
        random(shape, seed).cast(dtype)
    }

    fn cache(&self, seed: u64, dtype: DType) -> Tensor<4> {
        random([4, self.kv_heads, CAPACITY, self.width], seed).cast(dtype)
    }

    fn angles(&self, seed: u64) -> [Tensor<4>; 2] {
        let shape = [1, 1, self.rows.len() * self.tokens, self.width / 2];
        let angles: Tensor<4> = random(shape, seed);
        [angles.clone().cos(), angles.sin()]
    }

    fn by_heads(&self, x: Tensor<3>) -> Tensor<4> {
        let [_, tokens, values] = x.dims();
        x.reshape([1, tokens, values / self.width, self.width])
            .swap_dims(1, 2)
    }

    /// The result and both caches, from the steps themselves.
    fn in_steps(&self, dtype: DType) -> [Tensor<4>; 3] {
        let [q, k, v] = self.tokens(dtype).map(|x| self.by_heads(x));
        let (q, k) = if self.is_rotated {
            let ([qc, qs], [kc, ks]) = (self.angles(6), self.angles(7));
            (rotate(q, qc, qs), rotate(k, kc, ks))
        } else {
            (q, k)
        };
        let q = if (self.scale - 1.0).abs() > 0.0 {
            q.mul_scalar(self.scale)
        } else {
            q
        };
        let (mut keys, mut values) = (self.cache(4, dtype), self.cache(5, dtype));
        let places = CachePlaces::new(self.writes(), &device());
        write_cache([&mut keys, &mut values], [k, v], &places);
        let of_rows = |cache: &Tensor<4>| {
            let heads = 0..self.kv_heads;
            let place = [self.rows.clone(), heads, 0..self.keys(), 0..self.width];
            cache.clone().slice(place)
        };
        let shape = [self.rows.len(), self.tokens, self.heads, self.width];
        let q = q.swap_dims(1, 2).reshape(shape).swap_dims(1, 2);
        let visible = self.visible();
        let attended = attention(q, of_rows(&keys), of_rows(&values), Some(&visible));
        [attended.swap_dims(1, 2), keys, values]
    }

    fn tokens(&self, dtype: DType) -> [Tensor<3>; 3] {
        [
            self.drawn(self.heads, 1, dtype),
            self.drawn(self.kv_heads, 2, dtype),
            self.drawn(self.kv_heads, 3, dtype),
        ]
    }

    /// The same from the one step; `None` where it does not serve the tokens.
    fn at_once(&self, tokens: [Tensor<3>; 3], caches: [Tensor<4>; 2]) -> Option<[Tensor<4>; 3]> {
        let [mut keys, mut values] = caches;
        let places = CachePlaces::new(self.writes(), &device());
        let (visible, of_queries, of_keys) = (self.visible(), self.angles(6), self.angles(7));
        let pass = CachedPass {
            places: &places,
            rows: self.rows.clone(),
            keys: self.keys(),
            visible: &visible,
            angles: self.is_rotated.then_some([&of_queries, &of_keys]),
            scale: self.scale,
        };
        let before = tokens.clone().map(Tensor::into_data);
        match attend_cached(&pass, tokens, [&mut keys, &mut values]) {
            Ok(attended) => {
                let shape = [self.rows.len(), self.tokens, self.heads, self.width];
                Some([attended.reshape(shape), keys, values])
            }
            Err(tokens) => {
                assert_eq!(tokens.map(Tensor::into_data), before);
                None
            }
        }
    }

    fn holds(&self, dtype: DType) {
        let shared = [self.cache(4, dtype), self.cache(5, dtype)];
        let found = self.at_once(self.tokens(dtype), shared.clone());
        let alone = [self.cache(4, dtype), self.cache(5, dtype)];
        let in_place = self.at_once(self.tokens(dtype), alone);
        let expected = self.in_steps(dtype).map(Tensor::into_data);
        for found in [found, in_place] {
            let found = found.map(|found| found.map(Tensor::into_data));
            assert_eq!(found.as_ref(), Some(&expected));
        }
        // What another tensor shares stays as it was.
        let untouched = [self.cache(4, dtype), self.cache(5, dtype)];
        assert_eq!(
            shared.map(Tensor::into_data),
            untouched.map(Tensor::into_data)
        );
    }
}

#[test]
fn the_numbers_are_those_of_the_steps() {
    let passes = [
        PLAIN,
        Pass {
            rows: 2..3,
            ..PLAIN
        },
        Pass {
            rows: 1..4,
            tokens: 3,
            past: 0,
            ..PLAIN
        },
        Pass {
            kv_heads: 1,
            heads: 5,
            width: 12,
            ..PLAIN
        },
        Pass {
            is_rotated: false,
            window: 7,
            ..PLAIN
        },
    ];
    for pass in passes {
        pass.holds(DType::F32);
        pass.holds(DType::BF16);
    }
    let scaled = Pass {
        scale: 0.3,
        ..PLAIN
    };
    scaled.holds(DType::F32);
}

#[test]
fn what_is_not_served_comes_back() {
    let caches = |dtype| [PLAIN.cache(4, dtype), PLAIN.cache(5, dtype)];
    let refused = |pass: &Pass, tokens, caches: [Tensor<4>; 2]| {
        assert!(pass.at_once(tokens, caches).is_none());
    };
    for dtype in [DType::F16, DType::F64] {
        refused(&PLAIN, PLAIN.tokens(dtype), caches(dtype));
    }
    refused(&PLAIN, PLAIN.tokens(DType::F32), caches(DType::BF16));
    let many = Pass {
        tokens: 4,
        past: 0,
        ..PLAIN
    };
    refused(&many, many.tokens(DType::F32), caches(DType::F32));
    let scaled = Pass {
        scale: 0.3,
        ..PLAIN
    };
    refused(&scaled, scaled.tokens(DType::BF16), caches(DType::BF16));
    let tracked = PLAIN.tokens(DType::F32).map(Tensor::autodiff);
    refused(&PLAIN, tracked, caches(DType::F32));
}

#[test]
#[should_panic(expected = "angles of another shape")]
fn angles_of_fewer_tokens_are_refused() {
    let fewer = Pass {
        rows: 0..3,
        ..PLAIN
    };
    let (of_fewer, visible) = (fewer.angles(6), PLAIN.visible());
    let places = CachePlaces::new(PLAIN.writes(), &device());
    let pass = CachedPass {
        places: &places,
        rows: PLAIN.rows.clone(),
        keys: PLAIN.keys(),
        visible: &visible,
        angles: Some([&of_fewer, &of_fewer]),
        scale: 1.0,
    };
    let [mut keys, mut values] = [PLAIN.cache(4, DType::F32), PLAIN.cache(5, DType::F32)];
    let attended = attend_cached(&pass, PLAIN.tokens(DType::F32), [&mut keys, &mut values]);
    assert!(attended.is_ok());
}

#[test]
#[should_panic(expected = "a place outside a cache of 4 rows of 40 tokens")]
fn a_place_outside_a_cache_is_refused() {
    let pass = Pass {
        past: CAPACITY,
        ..PLAIN
    };
    let caches = [pass.cache(4, DType::F32), pass.cache(5, DType::F32)];
    pass.at_once(pass.tokens(DType::F32), caches);
}
