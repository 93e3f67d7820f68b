//! The learning rate against the traces of PEFT runs and the schedules of transformers.

use idiolect_testkit::shared;
use idiolect_train::{TrainConfig, learning_rate};
use serde_json::Value;

#[test]
fn rates_are_those_of_the_peft_traces() {
    let Some(shared) = shared() else { return };
    let mut traces = 0;
    for model in ["tiny-llama3", "tiny-mistral"] {
        for variant in std::fs::read_dir(shared.join("oracles/peft").join(model)).unwrap() {
            let file = std::fs::read_to_string(variant.unwrap().path().join("trace.json")).unwrap();
            let trace: Value = serde_json::from_str(&file).unwrap();
            let number = |value: &Value| usize::try_from(value.as_u64().unwrap()).unwrap();
            let config = TrainConfig {
                learning_rate: trace["optimizer"]["lr"].as_f64().unwrap(),
                warmup_steps: number(&trace["schedule"]["warmup_steps"]),
                ..TrainConfig::default()
            };
            let total = number(&trace["schedule"]["total_steps"]);
            for (step, rate) in trace["lr"].as_array().unwrap().iter().enumerate() {
                let distance = learning_rate(&config, step, total) - rate.as_f64().unwrap();
                assert!(
                    distance.abs() <= 1e-12,
                    "{model}, step {step}: off by {distance}"
                );
            }
            traces += 1;
        }
    }
    assert!(traces > 0);
}

#[test]
fn rates_are_those_of_transformers() {
    let golden: Value = serde_json::from_str(include_str!("../golden/schedules.json")).unwrap();
    let cases = golden["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 15);
    for case in cases {
        let number = |name: &str| usize::try_from(case[name].as_u64().unwrap()).unwrap();
        let name = case["schedule"].as_str().unwrap();
        let config = TrainConfig {
            learning_rate: 1.0,
            schedule: name.parse().unwrap(),
            warmup_steps: number("warmup_steps"),
            ..TrainConfig::default()
        };
        for (step, rate) in case["rates"].as_array().unwrap().iter().enumerate() {
            let distance = learning_rate(&config, step, number("total")) - rate.as_f64().unwrap();
            assert!(
                distance.abs() <= 1e-12,
                "{name}, step {step}: off by {distance}"
            );
        }
    }
}
