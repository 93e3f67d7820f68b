//! A whole file: its settings, names, rows and vocabulary, and that it is the folder it was made from.

use half::bf16;
use idiolect_model::gguf::{GgufFile, VocabularyMetadata};
use idiolect_testkit::{smollm2_folder, smollm2_gguf};
use safetensors::{Dtype, SafeTensors};
use serde_json::Value;

use crate::{QUANTISED, golden, golden_json};

#[test]
fn settings_are_those_of_a_hugging_face_folder() {
    let file = GgufFile::open(&golden("llama.gguf")).unwrap();
    assert_eq!(file.config().unwrap(), golden_json("llama.json")["config"]);
}

#[test]
fn tensors_have_hugging_face_names_and_rows_in_their_order() {
    let file = GgufFile::open(&golden("llama.gguf")).unwrap();
    let expected = golden_json("llama.json");
    let shapes = expected["shapes"].as_object().unwrap();
    let mut names: Vec<&String> = shapes.keys().collect();
    names.sort();
    assert_eq!(file.tensor_names().iter().collect::<Vec<_>>(), names);
    for (name, shape) in shapes {
        let tensor = file.read(name).unwrap();
        assert_eq!(&serde_json::json!(tensor.shape), shape, "{name}");
        let counted: Vec<f32> = (0_u16..).map(f32::from).take(tensor.values.len()).collect();
        assert_eq!(tensor.values, counted, "{name}");
    }
}

#[test]
fn other_divisors_of_the_rotary_frequencies_are_kept_as_they_are() {
    // 32 stands last in the list of divisors; with 33 the middle no longer follows from it.
    let bytes = std::fs::read(golden("llama.gguf")).unwrap();
    let thirty_two = 32.0_f32.to_le_bytes();
    let at = bytes
        .windows(4)
        .rposition(|window| window == thirty_two)
        .unwrap();
    let mut other = bytes;
    other[at..at + 4].copy_from_slice(&33.0_f32.to_le_bytes());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.gguf");
    std::fs::write(&path, other).unwrap();
    let scaling = GgufFile::open(&path).unwrap().config().unwrap()["rope_scaling"].clone();
    assert_eq!(scaling["rope_type"], "factors");
    assert_eq!(scaling["divisors"].as_array().unwrap().len(), 4);
    assert_eq!(scaling["divisors"][3], 33.0);
}

#[test]
fn the_vocabulary_is_given_as_it_stands() {
    let file = GgufFile::open(&golden("llama.gguf")).unwrap();
    let expected = VocabularyMetadata {
        model: "gpt2".into(),
        pre: Some("llama-bpe".into()),
        tokens: ["a", "b", "ab", "<s>", "</s>", "<eot>"]
            .map(Into::into)
            .into(),
        scores: Vec::new(),
        token_types: vec![1, 1, 1, 3, 3, 3],
        merges: vec!["a b".into()],
        bos: Some(3),
        eos: Some(4),
        eot: Some(5),
        eom: None,
        pad: None,
        unk: None,
        add_bos: Some(true),
        add_eos: None,
        add_space_prefix: None,
        chat_template: Some("{{ messages }}".into()),
    };
    assert_eq!(file.vocabulary().unwrap(), expected);
}

#[test]
fn smollm2_equals_its_hugging_face_folder() {
    let (Some(gguf), Some(folder)) = (smollm2_gguf(), smollm2_folder()) else {
        return;
    };
    if !QUANTISED {
        return;
    }
    let file = GgufFile::open(&gguf).unwrap();
    let bytes = std::fs::read(folder.join("model.safetensors")).unwrap();
    let reference = SafeTensors::deserialize(&bytes).unwrap();
    let mut names: Vec<&str> = reference.names();
    names.sort_unstable();
    assert_eq!(file.tensor_names(), names);
    for name in names {
        let (got, want) = (file.read(name).unwrap(), reference.tensor(name).unwrap());
        assert_eq!(
            (got.shape.as_slice(), Dtype::BF16),
            (want.shape(), want.dtype()),
            "{name}"
        );
        let rounded = got
            .values
            .iter()
            .flat_map(|value| bf16::from_f32(*value).to_le_bytes());
        assert!(rounded.eq(want.data().iter().copied()), "{name} differs");
    }
    let config = std::fs::read(folder.join("config.json")).unwrap();
    let config: Value = serde_json::from_slice(&config).unwrap();
    let got = file.config().unwrap();
    for key in got
        .as_object()
        .unwrap()
        .keys()
        .filter(|key| *key != "torch_dtype")
    {
        // The folder leaves out what follows from the rest.
        if let Some(want) = config.get(key) {
            assert_eq!(&got[key], want, "{key}");
        }
    }
}
