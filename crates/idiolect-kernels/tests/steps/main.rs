//! The fused steps of the CPU backend.

mod composition;
mod dropout;
mod frozen;
mod products;
mod quantized_copy;
mod rules;
mod support;

#[test]
fn the_fused_steps_are_compiled_in() {
    // Without the feature every test here would compare plain with plain.
    const { assert!(cfg!(feature = "flex")) };
}
