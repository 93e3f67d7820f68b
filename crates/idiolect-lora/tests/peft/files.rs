//! Adapters of PEFT on disk: read and written back bit for bit, and refused where they do not fit.

use burn::tensor::FloatDType;
use idiolect_lora::{load_adapter, save_adapter};
use idiolect_testkit::{Tensors, device, shared};

use super::oracles::{Case, cases};

#[test]
fn a_saved_adapter_is_read_back_bit_for_bit() {
    for Case {
        name,
        folder,
        decoder,
    } in cases()
    {
        let place = tempfile::tempdir().expect("a folder");
        let adapter =
            load_adapter(&folder.join("adapter_final"), &decoder, &device().unwrap()).expect(&name);
        save_adapter(&adapter, place.path(), "tiny").expect(&name);
        let ours = Tensors::read(&place.path().join("adapter_model.safetensors")).unwrap();
        let theirs =
            Tensors::read(&folder.join("adapter_final/adapter_model.safetensors")).unwrap();
        assert_eq!(ours.names().unwrap(), theirs.names().unwrap(), "{name}");
        for tensor in ours.names().unwrap() {
            assert_eq!(
                ours.f32(&tensor).unwrap(),
                theirs.f32(&tensor).unwrap(),
                "{name} {tensor}"
            );
        }
        let again = load_adapter(place.path(), &decoder, &device().unwrap()).expect(&name);
        assert_eq!(again.config, adapter.config, "{name}");
    }
}

#[test]
fn a_factor_that_is_no_number_is_refused_by_file_and_tensor() {
    let Some(Case {
        folder, decoder, ..
    }) = cases().into_iter().next()
    else {
        return;
    };
    let place = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(folder.join("adapter_final")).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, place.path().join(path.file_name().unwrap())).unwrap();
    }
    let weights = place.path().join("adapter_model.safetensors");
    let mut bytes = std::fs::read(&weights).unwrap();
    let end = bytes.len() - 4;
    bytes[end..].copy_from_slice(&f32::NEG_INFINITY.to_le_bytes());
    std::fs::write(&weights, bytes).unwrap();
    let loaded = load_adapter(place.path(), &decoder, &device().unwrap());
    let error = loaded.map(drop).unwrap_err().to_string();
    let start = format!("{}: tensor base_model.model.", weights.display());
    assert!(error.starts_with(&start), "{error}");
    assert!(
        error.contains(": expected finite values, found -inf at place "),
        "{error}"
    );
}

#[test]
fn an_adapter_for_another_model_is_refused_by_tensor() {
    let Some(shared) = shared() else { return };
    let tiny = shared.join("oracles/tiny/tiny-mistral-headdim");
    let (mistral, _) = idiolect_model::load(&tiny, &device().unwrap(), FloatDType::F32).unwrap();
    let folder = shared.join("oracles/peft/tiny-llama3/qv/adapter_final");
    let error = load_adapter(&folder, &mistral, &device().unwrap())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("model.layers.0.self_attn.q_proj.lora_B.weight"),
        "{error}"
    );
    assert!(
        error.contains("expected shape [96, 8], found shape [64, 8]"),
        "{error}"
    );
}
