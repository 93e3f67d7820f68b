//! The write to a KV cache.

use burn::tensor::{DType, Tensor};
use idiolect_kernels::{CachePlaces, CacheWrite, write_cache};
use idiolect_testkit::device;

use super::compared::moved;
use crate::support::random;

/// Row 1 gets two tokens behind its first, row 2 one at its end; what another tensor shares stays as it was.
#[test]
fn a_cache_is_written_in_its_places_alone() {
    let device = device().unwrap();
    let moved = |x: Tensor<4>| moved(&x, &device, DType::F32);
    let drawn = |seed| random([3, 2, 4, 5], seed);
    // As a projection lies that is viewed by heads.
    let new = |seed| -> Tensor<4> { random([1, 3, 2, 5], seed).swap_dims(1, 2) };
    let writes = vec![
        CacheWrite {
            row: 1,
            tokens: 0..2,
            positions: 1..3,
        },
        CacheWrite {
            row: 2,
            tokens: 2..3,
            positions: 3..4,
        },
    ];
    let written = |cache: Tensor<4>, new: &Tensor<4>| {
        let first = new.clone().narrow(2, 0, 2);
        let cache = cache.slice_assign([1..2, 0..2, 1..3, 0..5], first);
        cache.slice_assign([2..3, 0..2, 3..4, 0..5], new.clone().narrow(2, 2, 1))
    };
    let places = CachePlaces::new(writes, &device);
    let (mut keys, mut values) = (moved(drawn(1)), moved(drawn(2)));
    let shared = values.clone();
    write_cache(
        [&mut keys, &mut values],
        [moved(new(3)), moved(new(4))],
        &places,
    );
    for (found, expected) in [
        (keys, written(drawn(1), &new(3))),
        (values, written(drawn(2), &new(4))),
        (shared, drawn(2)),
    ] {
        found.into_data().assert_eq(&expected.into_data(), true);
    }
}

#[test]
#[should_panic(expected = "a place outside a cache of 3 rows of 4 tokens")]
fn a_place_outside_a_cache_is_refused() {
    let device = device().unwrap();
    let empty = || Tensor::<4>::zeros([3, 2, 4, 5], &device);
    let write = CacheWrite {
        row: 1,
        tokens: 0..1,
        positions: 4..5,
    };
    let places = CachePlaces::new(vec![write], &device);
    let new = [
        empty().narrow(0, 0, 1).narrow(2, 0, 1),
        empty().narrow(0, 0, 1).narrow(2, 0, 1),
    ];
    write_cache([&mut empty(), &mut empty()], new, &places);
}
