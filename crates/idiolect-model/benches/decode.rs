//! Tokens of one row, one after the other, by the type of the base model.
//!
//! `cargo bench -p idiolect-model --features flex --bench decode -- FOLDER [TOKENS]` prints milliseconds a token
//! for f32, bf16, 8 and 4 bits, in three turns: by the wall and, on Linux, of the processor, with the bytes of the
//! weights. A type behind the folder, as in `-- FOLDER bf16`, measures that one alone.

#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::path::Path;
use std::time::Instant;

use burn::tensor::{Device, FloatDType};
use idiolect_model::{Bits, Decoder, NoAdapter, Session, load, load_quantized};
use idiolect_testkit::processor_seconds;

const TYPES: [(&str, FloatDType, Option<Bits>); 4] = [
    ("f32", FloatDType::F32, None),
    ("bf16", FloatDType::BF16, None),
    ("8 bits", FloatDType::F32, Some(Bits::Eight)),
    ("4 bits", FloatDType::F32, Some(Bits::Four)),
];

/// Tokens of the prompt.
const PROMPT: u32 = 16;

fn main() {
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with("--"))
        .collect();
    let Some(folder) = words.first() else {
        println!("expected the folder of a model");
        return;
    };
    let tokens = words.iter().find_map(|word| word.parse().ok());
    let tokens = tokens.unwrap_or(40);
    let wanted = |name: &str| {
        let mut named = words
            .iter()
            .filter(|word| TYPES.iter().any(|(name, ..)| name == word));
        named.next().is_none_or(|word| word == name)
    };
    let decoders: Vec<(&str, Decoder)> = TYPES
        .into_iter()
        .filter(|(name, ..)| wanted(name))
        .map(|(name, dtype, bits)| (name, read(Path::new(folder), dtype, bits)))
        .collect();
    for _ in 0..3 {
        for (name, decoder) in &decoders {
            report(name, decoder, tokens);
        }
    }
}

fn read(folder: &Path, dtype: FloatDType, bits: Option<Bits>) -> Decoder {
    let device = Device::flex();
    match bits {
        Some(bits) => load_quantized(folder, &device, dtype, bits).unwrap().0,
        None => load(folder, &device, dtype).unwrap().0,
    }
}

fn report(name: &str, decoder: &Decoder, tokens: usize) {
    let prompt: Vec<u32> = (0..PROMPT).map(|i| 100 + 37 * i).collect();
    let mut session = Session::new(decoder, &NoAdapter, 1, prompt.len() + tokens + 1)
        .unwrap()
        .with_head_copy();
    for token in prompt {
        session.step(&[token]).unwrap();
    }
    let (start, before) = (Instant::now(), processor_seconds());
    for at in 0..tokens {
        let token = u32::try_from(at).unwrap() * 53 + 200;
        let _ = session.step(&[token]).unwrap();
    }
    let count = tokens as f64;
    let wall = start.elapsed().as_secs_f64() * 1e3 / count;
    let processor = (processor_seconds() - before) * 1e3 / count;
    let bytes = decoder.weight_bytes() as f64 / 1e6;
    println!("{name:<8}{wall:>9.2} ms{processor:>9.2} ms of the processor{bytes:>9.1} MB");
}
