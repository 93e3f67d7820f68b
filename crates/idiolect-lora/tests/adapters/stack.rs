//! Several adapters at once beside PEFT: `golden/stack.py` made the logits.

use burn::tensor::{FloatDType, Int, Tensor, TensorData};
use idiolect_lora::{ScaledAdapter, Stack, combine, load_adapter};
use idiolect_model::{Adapter, Decoder};
use idiolect_testkit::{assert_close, device, shared};
use serde_json::Value;

fn golden() -> Value {
    serde_json::from_str(include_str!("../golden/stack.json")).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    serde_json::from_value(value.clone()).unwrap()
}

fn logits(decoder: &Decoder, adapter: &dyn Adapter, ids: &Value) -> Vec<f32> {
    let ids: Vec<i64> = serde_json::from_value(ids.clone()).unwrap();
    let ids = TensorData::new(ids.clone(), [1, ids.len()]);
    let hidden = decoder.hidden(
        Tensor::<2, Int>::from_data(ids, &device().unwrap()),
        adapter,
    );
    let logits = decoder.logits(hidden.squeeze_dim(0));
    logits.into_data().iter::<f32>().collect()
}

#[test]
fn adapters_together_and_weighted_compute_what_they_compute_in_peft() {
    let Some(shared) = shared() else { return };
    let (golden, oracles) = (golden(), shared.join("oracles"));
    let model = golden["model"].as_str().unwrap();
    let folder = oracles.join("tiny").join(model);
    let (decoder, _) =
        idiolect_model::load(&folder, &device().unwrap(), FloatDType::F32).expect(model);
    let parts = |case: &Value| -> Vec<ScaledAdapter> {
        let parts = case["parts"].as_array().unwrap().iter();
        let one = |part: &Value| {
            let folder = oracles.join("peft").join(model);
            let folder = folder.join(part[0].as_str().unwrap()).join("adapter_final");
            let adapter = load_adapter(&folder, &decoder, &device().unwrap()).expect("an adapter");
            ScaledAdapter {
                adapter: adapter.frozen(),
                weight: part[1].as_f64().unwrap(),
            }
        };
        parts.map(one).collect()
    };
    let bound: f32 = serde_json::from_value(golden["tolerance"].clone()).unwrap();
    let check = |what: &str, adapter: &dyn Adapter, case: &Value| {
        let name = format!("{what} of {}", case["parts"]);
        let wanted: Vec<f32> = serde_json::from_value(case["logits"].clone()).unwrap();
        assert_close(
            &name,
            &logits(&decoder, adapter, &golden["ids"]),
            &wanted,
            bound,
        );
    };
    for case in golden["together"].as_array().unwrap() {
        check("stack", &Stack { parts: parts(case) }, case);
    }
    for case in golden["weighted"].as_array().unwrap() {
        let parts = parts(case);
        check("combination", &combine(&parts).unwrap(), case);
        check("stack", &Stack { parts }, case);
    }
}

#[test]
fn the_cases_of_peft_differ_by_more_than_the_bound() {
    let golden = golden();
    let cases = ["together", "weighted"].map(|kind| golden[kind].as_array().unwrap().clone());
    let cases: Vec<Vec<f64>> = cases
        .iter()
        .flatten()
        .map(|case| numbers(&case["logits"]))
        .collect();
    for (at, one) in cases.iter().enumerate() {
        for other in &cases[at + 1..] {
            let off = one.iter().zip(other).map(|(a, b)| (a - b).abs());
            assert!(off.fold(0.0, f64::max) > 1e-2);
        }
    }
}
