//! Decoders and adapters as GGUF files: read back they compute the same, and adapters are what llama.cpp's converter
//! makes of the same PEFT folder (`tests/golden/gguf_adapters.py`).

use std::path::{Path, PathBuf};

use burn::tensor::FloatDType;
use idiolect::lora::{gguf_adapter, load_adapter, load_without_model};
use idiolect::model::gguf::{Destination, GgufContents, GgufFile, GgufType};
use idiolect::model::{Decoder, NoAdapter, load};
use idiolect_testkit::device;

use crate::case::{Case, each, logits_of};

/// Cases that llama.cpp computes otherwise, and what is said of them.
const REFUSED: [(&str, &str); 6] = [
    (
        "llama-longrope",
        "rope_type: expected default, linear, dynamic, llama3 or yarn for architecture llama",
    ),
    (
        "llama-longrope-short",
        "rope_type: expected default, linear",
    ),
    (
        "mistral-yarn",
        "truncate: expected true for architecture llama of llama.cpp, found false",
    ),
    (
        "qwen3-bias",
        "attention_bias: expected false for architecture qwen3 of llama.cpp, found true",
    ),
    (
        "smollm3",
        "no_rope_layers: expected every fourth layer for architecture smollm3 of llama.cpp, found [0]",
    ),
    (
        "smollm3-interval",
        "no_rope_layers: expected every fourth layer",
    ),
];
/// A window that no key of its architecture can name.
const WINDOW: &str = "qwen2-window";

/// Writes a decoder; the error where it is refused.
fn written(decoder: &Decoder, kind: GgufType, path: &Path) -> Result<(), String> {
    let config = decoder.config.clone();
    let destination = Destination::of(&config).unwrap();
    let mut metadata = vec![(
        "general.architecture".to_owned(),
        destination.architecture().into(),
    )];
    metadata.extend(
        destination
            .settings(kind)
            .map_err(|error| error.to_string())?,
    );
    let tensors = destination.tensors(decoder.clone(), kind).unwrap();
    let contents = GgufContents { metadata, tensors };
    contents
        .write(std::fs::File::create(path).unwrap())
        .unwrap();
    Ok(())
}

/// Writes a decoder that is not refused, and reads it again.
fn read_back(case: &Case, kind: GgufType) -> Option<(Decoder, GgufFile)> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.gguf");
    let refused = REFUSED.iter().find(|(name, _)| *name == case.name);
    match (written(&case.decoder, kind, &path), refused) {
        (Err(error), Some((_, part))) => {
            assert!(error.starts_with(part), "{}: {error}", case.name);
            None
        }
        (Ok(()), None) => {
            let (decoder, report) = load(&path, &device().unwrap(), FloatDType::F32).unwrap();
            assert!(report.unused.is_empty(), "{}: {report:?}", case.name);
            Some((decoder, GgufFile::open(&path).unwrap()))
        }
        (other, _) => panic!("{}: {other:?}", case.name),
    }
}

#[test]
fn a_written_decoder_is_read_back_with_the_same_logits() {
    each(|case| {
        let Some((decoder, _)) = read_back(case, GgufType::F32) else {
            return;
        };
        let remarks = Destination::of(&case.decoder.config).unwrap().remarks();
        if case.name == WINDOW {
            assert!(
                remarks[0].contains("beyond 6 tokens it attends to all"),
                "{remarks:?}"
            );
            return;
        }
        let [ours, theirs] = [&decoder, &case.decoder]
            .map(|decoder| logits_of(decoder, &NoAdapter, case.padded("right")));
        assert_eq!(ours, theirs, "{}", case.name);
    });
}

#[test]
fn quantised_blocks_are_within_half_a_step_of_the_values() {
    // Largest value of a block: of 127 steps on each side, and of 8 on one and 7 on the other; scales are f16.
    let bounds = [(GgufType::Q8_0, 0.5 / 127.0), (GgufType::Q4_0, 1.0 / 8.0)];
    each(|case| {
        for (kind, step) in bounds {
            let Some((_, file)) = read_back(case, kind) else {
                return;
            };
            let folder = tempfile::tempdir().unwrap();
            let plain = folder.path().join("plain.gguf");
            written(&case.decoder, GgufType::F32, &plain).unwrap();
            let plain = GgufFile::open(&plain).unwrap();
            let mut blocks = 0;
            for name in plain.tensor_names() {
                let [ours, theirs] = [&file, &plain].map(|file| file.read(&name).unwrap());
                if !ours.stored.starts_with('Q') {
                    continue;
                }
                blocks += 1;
                for (ours, theirs) in ours.values.chunks(32).zip(theirs.values.chunks(32)) {
                    let most = theirs.iter().fold(0.0_f32, |most, x| most.max(x.abs()));
                    let far = ours.iter().zip(theirs).map(|(a, b)| (a - b).abs());
                    let bound = most * (step + 2.0_f32.powi(-11)) + 1e-9;
                    assert!(far.fold(0.0, f32::max) <= bound, "{} {name}", case.name);
                }
            }
            assert!(blocks >= 10, "{}: {blocks}", case.name);
        }
    });
}

#[test]
fn adapters_are_those_of_the_converter() {
    let compared = std::cell::Cell::new(0);
    each(|case| {
        let golden: PathBuf = case.folder.join("peft/adapter.gguf");
        if !golden.is_file() {
            return;
        }
        compared.set(compared.get() + 1);
        let (folder, device) = (case.folder.join("peft/adapter_final"), device().unwrap());
        let config = &case.decoder.config;
        let adapters = [
            load_adapter(&folder, &case.decoder, &device).unwrap(),
            load_without_model(&folder, config, &device).unwrap(),
        ];
        let theirs = GgufFile::open(&golden).unwrap();
        for adapter in adapters {
            let place = tempfile::tempdir().unwrap();
            let path = place.path().join("adapter.gguf");
            let destination = Destination::of(config).unwrap();
            let contents = gguf_adapter(&adapter, &destination, GgufType::F32).unwrap();
            contents
                .write(std::fs::File::create(&path).unwrap())
                .unwrap();
            let ours = GgufFile::open(&path).unwrap();
            let architecture = ours.value("general.architecture").unwrap();
            // The converter of August 2026 calls the text part of a Mistral 3 so; that of March called it llama.
            let expected = if case.name.starts_with("mistral3") {
                "mistral3"
            } else {
                theirs
                    .value("general.architecture")
                    .unwrap()
                    .as_str()
                    .unwrap()
            };
            assert_eq!(architecture, expected, "{}", case.name);
            for key in ["general.type", "adapter.type", "adapter.lora.alpha"] {
                assert!(theirs.value(key).is_some(), "{key}");
                assert_eq!(ours.value(key), theirs.value(key), "{} {key}", case.name);
            }
            assert_eq!(ours.tensor_names(), theirs.tensor_names(), "{}", case.name);
            for name in theirs.tensor_names() {
                let [ours, theirs] = [&ours, &theirs].map(|file| file.read(&name).unwrap());
                assert_eq!(ours.shape, theirs.shape, "{} {name}", case.name);
                assert_eq!(ours.values, theirs.values, "{} {name}", case.name);
            }
        }
    });
    assert_eq!(compared.get(), 9);
}
