//! How many values of a weight are widened at a time.

/// Neighbouring values: a vector of AVX-512, two of AVX2, four of NEON.
pub(crate) const PIECE: usize = 16;

/// Pieces that are widened together, since they are stored so.
pub(crate) const PAIR: usize = 2;
