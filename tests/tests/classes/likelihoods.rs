//! The likelihood of one row under tiny checkpoints whose configuration says the same in other places, more than its
//! class knows, or another kind of rotary frequencies: sums of transformers 5.24 in f32 (eager attention).

use std::fs;
use std::path::Path;

use burn::tensor::{FloatDType, Int, Tensor, TensorData, activation};
use idiolect::model::{NoAdapter, load};
use idiolect_testkit::{device, shared, shared_file};
use serde_json::{Value, json};

const ROW: [i64; 40] = [
    1, 126, 308, 283, 71, 194, 314, 247, 325, 302, 38, 315, 11, 245, 137, 287, 124, 103, 372, 245,
    281, 286, 248, 208, 332, 82, 123, 330, 82, 272, 204, 12, 348, 37, 86, 307, 26, 159, 20, 142,
];

/// Sum of the negative log-likelihoods of all tokens but the first.
fn nll(model: &Path) -> f64 {
    let device = device().unwrap();
    let (decoder, _) = load(model, &device, FloatDType::F32).unwrap();
    let ids = |values: &[i64], shape: [usize; 2]| {
        Tensor::<2, Int>::from_data(TensorData::new(values.to_vec(), shape), &device)
    };
    let hidden = decoder.hidden(ids(&ROW[..39], [1, 39]), &NoAdapter);
    let logits = decoder.logits(hidden.reshape([39, decoder.config.hidden_size]));
    let chosen = activation::log_softmax(logits, 1).gather(1, ids(&ROW[1..], [39, 1]));
    -chosen.into_data().iter::<f64>().sum::<f64>()
}

fn close(what: &str, model: &Path, expected: f64) {
    let found = nll(model);
    assert!(
        (found - expected).abs() < 2e-4,
        "{what}: {found}, expected {expected}"
    );
}

/// A checkpoint with other settings; `null` takes one away.
fn with_settings(model: &str, settings: &Value) -> Option<tempfile::TempDir> {
    let from = shared()?.join("oracles/tiny").join(model);
    let place = tempfile::tempdir().unwrap();
    fs::copy(
        from.join("model.safetensors"),
        place.path().join("model.safetensors"),
    )
    .unwrap();
    let text = fs::read_to_string(from.join("config.json")).unwrap();
    let mut config: serde_json::Map<String, Value> = serde_json::from_str(&text).unwrap();
    for (name, value) in settings.as_object().unwrap() {
        match value {
            Value::Null => drop(config.remove(name)),
            value => drop(config.insert(name.clone(), value.clone())),
        }
    }
    fs::write(
        place.path().join("config.json"),
        Value::from(config).to_string(),
    )
    .unwrap();
    Some(place)
}

#[test]
fn settings_in_other_places_give_the_likelihood_of_transformers() {
    let llama3 = json!({"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 64});
    let mut inside = llama3.clone();
    inside["rope_theta"] = json!(500_000.0);
    let ones = vec![1.0; 8];
    let twos = vec![2.0; 8];
    let cases = [
        (
            "tiny-llama2",
            json!({"rope_parameters": {"rope_type": "default"}, "rope_theta": 500_000.0, "rope_scaling": null}),
            355.2364,
        ),
        (
            "tiny-llama3",
            json!({"rope_parameters": llama3, "rope_scaling": null}),
            376.2661,
        ),
        (
            "tiny-llama3",
            json!({"rope_theta": null, "rope_scaling": inside}),
            376.2661,
        ),
        ("tiny-llama3", json!({"rope_parameters": {}}), 376.2661),
        (
            "tiny-llama2",
            json!({"sliding_window": 8, "use_sliding_window": false, "max_window_layers": 3}),
            352.1032,
        ),
        (
            "tiny-llama2",
            json!({"rope_scaling": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64}}),
            348.1974,
        ),
        (
            "tiny-llama2",
            json!({"rope_scaling": {"rope_type": "dynamic", "factor": 2.0}}),
            352.1032,
        ),
        (
            "tiny-llama2",
            json!({"rope_scaling": {"rope_type": "longrope", "factor": 2.0, "short_factor": ones,
            "long_factor": twos, "original_max_position_embeddings": 64}}),
            347.4208,
        ),
    ];
    for (model, settings, expected) in cases {
        let Some(place) = with_settings(model, &settings) else {
            return;
        };
        close(&settings.to_string(), place.path(), expected);
    }
}

#[test]
fn files_that_others_made_give_the_likelihood_of_transformers() {
    let files = [
        ("cases/06-tied-flag-separate-head/model", 241.0244),
        ("cases/41-rope-kinds/yarn.gguf", 348.1974),
        ("cases/42-gguf-mistral3/mistral3.gguf", 313.7777),
    ];
    for (file, expected) in files {
        let Some(path) = shared_file(file) else {
            return;
        };
        close(file, &path, expected);
    }
}
