//! The work of each step shared by two devices.

use burn::tensor::{Device, FloatDType};
use idiolect::finetune::{AdapterLoss, Loss};
use idiolect::lora::Checkpointing;
use idiolect::model::Decoder;
use idiolect::train::{Replica, TrainConfig};
use idiolect_testkit::{Tensors, device, shared};

use super::recorded::{compare, compare_weights, config, json, rows, tiny_bounds, train_with};

/// The CPU has the run, and the device under test shares its work; there the CPU is its own second.
#[test]
fn two_devices_train_as_peft_trains_on_one() {
    let Some(shared) = shared() else { return };
    let peft = shared.join("oracles/peft");
    let (batch, rows) = rows(&Tensors::read(&peft.join("batches.safetensors")).unwrap());
    let model = shared.join("oracles/tiny/tiny-llama3");
    let open = |device: &Device| {
        let (decoder, _) = idiolect::model::load(&model, device, FloatDType::F32).expect("a model");
        decoder
    };
    let (first, second) = (open(&Device::flex()), open(&device().unwrap()));
    for variant in ["qv", "all_dora"] {
        let folder = peft.join("tiny-llama3").join(variant);
        let trace = json(&folder.join("trace.json"));
        let load = |decoder: &Decoder, part: &str| {
            let device = decoder.device().autodiff();
            idiolect::lora::load_adapter(&folder.join(part), decoder, &device).expect(part)
        };
        let config = TrainConfig {
            batch_size: batch / 4,
            accumulation: 4,
            ..config(&trace, batch)
        };
        for checkpointing in [Checkpointing::Blocks, Checkpointing::Off] {
            let objective = AdapterLoss {
                decoder: &second,
                checkpointing,
                loss: Loss::CrossEntropy,
                stored: None,
            };
            let replica = Replica {
                module: &load(&second, "adapter_init"),
                objective: &objective,
            };
            let start = load(&first, "adapter_init");
            let (trained, steps) =
                train_with(&[replica], (&first, checkpointing), start, &config, &rows);
            let name = format!("two devices, {variant} {checkpointing:?}");
            compare(&name, &trace, &steps, &tiny_bounds());
            compare_weights(
                &name,
                &trained,
                &load(&first, "adapter_final"),
                &tiny_bounds(),
            );
        }
    }
}
