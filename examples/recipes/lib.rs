//! Small whole programs, to be read in the order of their numbers; each runs by
//! `cargo run --release -p idiolect-recipes --example NAME`.
