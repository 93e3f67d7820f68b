//! The steps of the CPU, and those of the device that `IDIOLECT_DEVICE` names.

mod cached_attention;
mod composition;
mod devices;
mod dropout;
mod file_blocks;
mod frozen;
mod in_bf16;
mod many_rows;
mod products;
mod quantized_copy;
mod rules;
mod same;
mod support;

#[test]
fn the_fused_steps_are_compiled_in() {
    // Without the feature every test here would compare plain with plain.
    const { assert!(cfg!(feature = "flex")) };
}
