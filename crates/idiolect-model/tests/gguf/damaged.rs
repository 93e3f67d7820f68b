//! Files that are cut, changed or made up, each refused by what is wrong with it.

use std::path::Path;

use idiolect_model::ModelError;
use idiolect_model::gguf::GgufFile;
use proptest::prelude::*;

use crate::golden;

/// Everything that can be asked of a file.
fn use_all(path: &Path) -> Result<(), ModelError> {
    let file = GgufFile::open(path)?;
    file.config()?;
    file.vocabulary()?;
    file.tensor_names()
        .iter()
        .try_for_each(|name| file.read(name).map(drop))
}

/// Writes `bytes` as a file and uses it.
fn use_bytes(bytes: &[u8]) -> Result<(), ModelError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.gguf");
    std::fs::write(&path, bytes).unwrap();
    use_all(&path)
}

fn message_of(bytes: &[u8]) -> String {
    let message = use_bytes(bytes).unwrap_err().to_string();
    message.split_once("model.gguf: ").unwrap().1.into()
}

/// The small file with `new` in the place of `old`, which must occur once and be as long.
fn llama_with(old: &[u8], new: &[u8]) -> Vec<u8> {
    let mut bytes = std::fs::read(golden("llama.gguf")).unwrap();
    let places: Vec<usize> = (0..bytes.len() - old.len())
        .filter(|at| bytes[*at..].starts_with(old))
        .collect();
    assert_eq!((places.len(), old.len()), (1, new.len()));
    bytes[places[0]..][..new.len()].copy_from_slice(new);
    bytes
}

#[test]
fn a_file_cut_anywhere_is_an_error() {
    let bytes = std::fs::read(golden("llama.gguf")).unwrap();
    // The last tensor's 16 bytes are filled up to the alignment of 32.
    for length in (0..bytes.len() - 16).step_by(7) {
        assert!(use_bytes(&bytes[..length]).is_err(), "cut at {length}");
    }
}

#[test]
fn errors_name_the_place() {
    let whole = std::fs::read(golden("llama.gguf")).unwrap();
    let cut = |length: usize| message_of(&whole[..length]);
    let mut other_magic = whole.clone();
    other_magic[0] = b'X';
    let mut other_version = whole.clone();
    other_version[4] = 9;
    assert_eq!(
        message_of(&other_magic),
        "header: expected the letters GGUF, found XGUF"
    );
    assert_eq!(
        message_of(&other_version),
        "header: expected version 2 or 3, little-endian, found 9"
    );
    assert_eq!(
        cut(30),
        "metadata entry 0 of 22: expected 8 bytes at position 24, found 6 bytes before the end of the file"
    );
    assert!(cut(whole.len() - 40).starts_with("tensor "));
    let architecture = llama_with(
        b"\x05\0\0\0\0\0\0\0llama\x11",
        b"\x05\0\0\0\0\0\0\0gemma\x11",
    );
    assert_eq!(
        message_of(&architecture),
        "general.architecture: expected one of llama, mistral3, qwen2, qwen3, smollm3, granite, found gemma"
    );
}

#[test]
fn a_value_that_is_no_number_is_refused_by_its_tensor_and_place() {
    let mut bytes = std::fs::read(golden("llama.gguf")).unwrap();
    // The tensors take the last 5408 bytes; `output_norm` begins after 288 of them.
    let fourth = bytes.len() - 5408 + 288 + 3 * 4;
    bytes[fourth..][..4].copy_from_slice(&f32::NAN.to_le_bytes());
    assert_eq!(
        message_of(&bytes),
        "tensor output_norm.weight: expected finite values, found NaN at place 3"
    );
}

#[test]
fn an_alignment_of_zero_is_refused() {
    let entry = |key: &str, value: u8| [key.as_bytes(), &[4, 0, 0, 0, value, 0, 0, 0]].concat();
    let old = entry("llama.block_count", 1);
    let message = message_of(&llama_with(&old, &entry("general.alignment", 0)));
    assert_eq!(
        message,
        "general.alignment: expected a positive 32-bit number, found 0"
    );
}

#[test]
fn an_unknown_type_names_its_tensor() {
    // After the name: two dimensions, their sizes, then the type, which is 0 for F32.
    let head = |kind: u8| {
        let mut bytes = b"blk.0.ffn_up.weight\x02\0\0\0".to_vec();
        bytes.extend(12_u64.to_le_bytes());
        bytes.extend(16_u64.to_le_bytes());
        bytes.extend([kind, 0, 0, 0]);
        bytes
    };
    let message = message_of(&llama_with(&head(0), &head(23)));
    let expected =
        "tensor blk.0.ffn_up.weight: cannot read type an IQ type (ggml type 23); readable: ";
    assert!(message.starts_with(expected), "{message}");
}

#[test]
fn a_tensor_outside_the_file_is_named() {
    let head = |columns: u64| {
        let mut bytes = b"blk.0.ffn_up.weight\x02\0\0\0".to_vec();
        bytes.extend(columns.to_le_bytes());
        bytes
    };
    for columns in [1 << 20, 1 << 60, u64::MAX] {
        let message = message_of(&llama_with(&head(12), &head(columns)));
        assert!(
            message.starts_with("tensor blk.0.ffn_up.weight: expected "),
            "{message}"
        );
    }
}

/// The end of a tensor's entry: its name, its sizes and type (f32), its offset.
fn entry(name: &str, sizes: &[u64], offset: u64) -> Vec<u8> {
    let mut bytes = name.as_bytes().to_vec();
    bytes.extend(u32::try_from(sizes.len()).unwrap().to_le_bytes());
    bytes.extend(sizes.iter().flat_map(|size| size.to_le_bytes()));
    bytes.extend(0_u32.to_le_bytes());
    bytes.extend(offset.to_le_bytes());
    bytes
}

/// Where the file says that a tensor of these sizes begins.
fn offset_of(name: &str, sizes: &[u64]) -> u64 {
    let bytes = std::fs::read(golden("llama.gguf")).unwrap();
    let head = entry(name, sizes, 0);
    let head = &head[..head.len() - 8];
    let at = bytes
        .windows(head.len())
        .position(|own| own == head)
        .unwrap();
    u64::from_le_bytes(bytes[at + head.len()..][..8].try_into().unwrap())
}

#[test]
fn a_tensor_on_another_or_off_the_alignment_is_named() {
    let (name, sizes) = ("blk.0.ffn_up.weight", [12, 16]);
    let own = offset_of(name, &sizes);
    let moved = |to: u64| {
        let message = message_of(&llama_with(
            &entry(name, &sizes, own),
            &entry(name, &sizes, to),
        ));
        assert!(message.starts_with("tensor "), "{message}");
        message
    };
    let message = moved(own + 4);
    assert!(
        message
            .contains("blk.0.ffn_up.weight: expected a start at a multiple of the alignment, 32"),
        "{message}"
    );
    let message = moved(own + 32);
    assert!(
        message.contains("expected a start behind tensor "),
        "{message}"
    );
}

#[test]
fn blocks_beyond_the_settings_are_named_when_weights_are_read() {
    let key = |key: &str, value: u8| [key.as_bytes(), &[4, 0, 0, 0, value, 0, 0, 0]].concat();
    let old = b"blk.0.attn_norm.weight";
    let mut bytes = llama_with(old, b"blk.7.attn_norm.weight");
    let count = key("llama.block_count", 1);
    assert!(bytes.windows(count.len()).any(|own| own == count));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.gguf");
    let load = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        let device = burn::tensor::Device::flex();
        let loaded = idiolect_model::load(&path, &device, burn::tensor::FloatDType::F32);
        loaded.map(drop).unwrap_err().to_string()
    };
    let error = load(&bytes);
    assert!(
        error.contains(
            "tensor model.layers.7.input_layernorm.weight: expected no block beyond the 1"
        ),
        "{error}"
    );
    let at = bytes
        .windows(old.len())
        .position(|own| own == b"blk.7.attn_norm.weight")
        .unwrap();
    bytes[at..at + old.len()].copy_from_slice(b"blk.8.some_new.weights");
    let error = load(&bytes);
    assert!(error.contains("tensor blk.8.some_new.weights"), "{error}");
}

#[test]
fn counts_that_no_file_holds_are_refused_before_memory_is_taken() {
    let header = |tensors: u64, entries: u64, rest: &[u8]| {
        let mut bytes = b"GGUF".to_vec();
        bytes.extend(3_u32.to_le_bytes());
        bytes.extend(tensors.to_le_bytes());
        bytes.extend(entries.to_le_bytes());
        bytes.extend(rest);
        bytes
    };
    let text = |text: &[u8]| [&(text.len() as u64).to_le_bytes()[..], text].concat();
    let list = |kind: u32, count: u64| {
        let (list, kind) = (9_u32.to_le_bytes(), kind.to_le_bytes());
        [&text(b"k")[..], &list, &kind, &count.to_le_bytes()].concat()
    };
    let most = 1_u64 << 60;
    for bytes in [
        header(0, most, b""),
        header(most, 0, b""),
        header(0, 1, &most.to_le_bytes()),
        header(0, 1, &list(0, most)),
        header(0, 1, &list(4, most)),
        header(0, 1, &list(8, most)),
        header(0, 1, &list(9, most)),
        header(0, 1, &list(12, u64::MAX)),
    ] {
        let message = message_of(&bytes);
        assert!(message.contains("before the end of the file"), "{message}");
    }
    let unknown = message_of(&header(0, 1, &list(13, 1)));
    assert!(
        unknown.contains("expected a value type of 0 to 12, found 13"),
        "{unknown}"
    );
    let nested: Vec<u8> = (0..5)
        .flat_map(|_| [&9_u32.to_le_bytes()[..], &1_u64.to_le_bytes()].concat())
        .collect();
    let deep = message_of(&header(
        0,
        1,
        &[&text(b"k")[..], &9_u32.to_le_bytes(), &nested].concat(),
    ));
    assert!(deep.contains("arrays nested at most 4 deep"), "{deep}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is done to the head of a file, it is read or refused, without a panic.
    #[test]
    fn a_damaged_head_is_read_or_refused(changes in prop::collection::vec((0_usize..1800, any::<u8>()), 1..6)) {
        let mut bytes = std::fs::read(golden("llama.gguf")).unwrap();
        for (at, byte) in changes {
            bytes[at] = byte;
        }
        let _ = use_bytes(&bytes);
    }
}
