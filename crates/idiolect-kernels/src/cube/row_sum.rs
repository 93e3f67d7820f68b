//! Sums and maxima over the units of a cube, whose number is a power of two; `shared` has a place for each.

use cubecl::prelude::*;

/// What two units' values become.
#[derive(Clone, Copy, PartialEq)]
enum Joined {
    Sum,
    Largest,
}

/// The sum over all units of a cube, for each of them.
#[cube]
pub(super) fn sum(value: f32, shared: &mut Shared<[f32]>) -> f32 {
    over_units(value, shared, Joined::Sum)
}

/// The largest value of all units of a cube, for each of them.
#[cube]
pub(super) fn largest(value: f32, shared: &mut Shared<[f32]>) -> f32 {
    over_units(value, shared, Joined::Largest)
}

/// Halves of the units are joined until one is left.
#[cube]
fn over_units(value: f32, shared: &mut Shared<[f32]>, #[comptime] joined: Joined) -> f32 {
    let unit = UNIT_POS as usize;
    shared[unit] = value;
    sync_cube();
    let mut half = CUBE_DIM as usize / 2;
    while half > 0 {
        if unit < half {
            let (a, b) = (shared[unit], shared[unit + half]);
            if comptime!(joined == Joined::Sum) {
                shared[unit] = a + b;
            } else {
                shared[unit] = f32::max(a, b);
            }
        }
        sync_cube();
        half /= 2;
    }
    let whole = shared[0];
    sync_cube();
    whole
}
