//! Small whole programs, to be read in the order of their numbers; each runs by
//! `cargo run --release -p idiolect-recipes --example NAME`.
//!
//! The first three are those of the README; the others go one level down: a loss, a writer with a check, and an
//! adapter kind of one's own.
