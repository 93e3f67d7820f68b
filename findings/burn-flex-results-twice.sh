#!/bin/bash
# burn-flex makes every new tensor twice: it fills memory with zeros, then copies the zeros to other memory.
#
# `FlexTensor::empty`, which results of products and other operations begin with, makes a vector of bytes with zeros
# and hands it to `Bytes::from_bytes_vec`. A vector of bytes is known to be aligned to 1, not 16, so its content is copied to
# memory that is, whatever its own address is. Both are done on one thread before the product begins, and both
# allocations exist at once. A vector of f32 through `FlexTensor::from_data` is taken as it is.
#
# Needs cargo and a package index; builds in a temporary folder. Prints the allocations that were seen, and fails when
# that changes.
set -euo pipefail
place=$(mktemp -d); trap 'rm -rf "$place"' EXIT
mkdir "$place/src"
cat > "$place/Cargo.toml" <<'TOML'
[package]
name = "look"
version = "0.0.0"
edition = "2024"

[dependencies]
burn-backend = { version = "=0.22.1", default-features = false }
burn-flex = { version = "=0.22.1", default-features = false, features = ["std"] }
TOML
cat > "$place/src/main.rs" <<'RS'
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use burn_backend::ops::FloatTensorOps;
use burn_backend::{DType, Shape, TensorData};
use burn_flex::{Flex, FlexTensor};

const ROWS: usize = 256;
const BYTES: usize = ROWS * ROWS * size_of::<f32>();

/// Allocations that are as large as the tensor.
static LARGE: AtomicUsize = AtomicUsize::new(0);

struct Counting;

unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LARGE.fetch_add(usize::from(layout.size() == BYTES), SeqCst);
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        LARGE.fetch_add(usize::from(layout.size() == BYTES), SeqCst);
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, address: *mut u8, layout: Layout) {
        unsafe { System.dealloc(address, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn large(of: impl FnOnce() -> FlexTensor) -> usize {
    let before = LARGE.load(SeqCst);
    let _tensor = of();
    LARGE.load(SeqCst) - before
}

fn main() {
    let shape = Shape::from(vec![ROWS, ROWS]);
    let own = vec![1.0_f32; ROWS * ROWS];
    let seen = [
        large(|| FlexTensor::empty(shape.clone(), DType::F32)),
        large(|| FlexTensor::from_data(TensorData::new(own, shape))),
    ];
    let ones = || FlexTensor::filled_typed(Shape::from(vec![ROWS, 8]), DType::F32, 1.0_f32);
    let (a, b) = (ones(), Flex::float_transpose(ones()));
    let product = large(|| Flex::float_matmul(a, b));
    println!("allocations of {BYTES} bytes: empty {}, from data {}, product {product}", seen[0], seen[1]);
    assert_eq!((seen, product), ([2, 0], 2), "changed");
}
RS
cd "$place"
cargo run --quiet
grep -A1 -E '^name = "(burn-flex|cubecl-environment)"' Cargo.lock | grep -v '^--'
