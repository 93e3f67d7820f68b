//! A module in bf16 with gradients, moments and masters in f32, against `PyTorch`: `golden/mixed.py` made the file.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::Path;

use burn::optim::GradientsParams;
use burn::tensor::{DType, Tensor, TensorData, bf16};
use idiolect_train::{RunFolder, Schedule, StepLoss, StepRow, TrainConfig, Trainer, TrainerEvent};
use safetensors::SafeTensors;
use serde_json::Value;

use crate::golden::{assert_close, matrix};
use crate::tiny::{Tiny, metrics, random_rows, run_until, through};

const STEPS: usize = 20;

fn golden() -> Value {
    let path = format!("{}/tests/golden/mixed.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn module(golden: &Value) -> Tiny {
    let initial = &golden["initial"];
    Tiny::new(matrix(&initial["embedding"]), matrix(&initial["head"])).in_bf16()
}

/// The golden gradients of a micro-batch, in bf16.
fn given(module: &Tiny, micro: &Value) -> GradientsParams {
    let device = module.embedding.device().without_autodiff();
    let mut gradients = GradientsParams::new();
    for (name, param) in [("embedding", &module.embedding), ("head", &module.head)] {
        let values = TensorData::new(matrix(&micro[name]), param.dims());
        let gradient = Tensor::<2>::from_data(values, (&device, DType::F32));
        gradients.register(param.id, gradient.cast(DType::BF16));
    }
    gradients
}

/// Trains in a folder on the golden gradients until so many steps are done; the module and the rows of the steps.
fn train(golden: &Value, path: &Path, (from, until): (usize, usize)) -> (Tiny, Vec<StepRow>) {
    let calls = Cell::new(2 * from);
    let objective = through(|module, computed| {
        let at = calls.replace(calls.get() + 1);
        let gradients = given(module, &golden["gradients"][at / 2][at % 2]);
        let loss = computed()?.loss;
        Ok(StepLoss { loss, gradients })
    });
    let config = TrainConfig {
        epochs: 1,
        batch_size: 1,
        accumulation: 2,
        learning_rate: golden["rate"].as_f64().unwrap(),
        weight_decay: golden["weight_decay"].as_f64().unwrap(),
        clip_norm: golden["clip_norm"].as_f64().unwrap(),
        schedule: Schedule::Constant,
        warmup_steps: 0,
        checkpoint_every: 1000,
        ..TrainConfig::default()
    };
    let (rows, nothing) = (random_rows(2 * STEPS, 5), BTreeMap::new());
    let trainer = Trainer {
        folder: Some(RunFolder {
            path,
            resume: true,
            fixed: &nothing,
        }),
        ..Trainer::new(&config, &objective, &rows, 0)
    };
    let mut steps = Vec::new();
    let trained = run_until(&trainer, module(golden), &mut |event| {
        if let TrainerEvent::Step { row, .. } = event {
            steps.push((*row).clone());
        }
        from + steps.len() == until
    });
    (trained.unwrap().module, steps)
}

/// The tensors of a checkpoint's file, in f32.
fn stored(path: &Path, step: usize, file: &str) -> BTreeMap<String, Vec<f32>> {
    let bytes = std::fs::read(path.join(format!("checkpoints/step-{step}/{file}"))).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let floats = |data: &[u8]| {
        let values = data.as_chunks().0.iter();
        values.map(|&bytes| f32::from_le_bytes(bytes)).collect()
    };
    let tensors = tensors.tensors().into_iter();
    tensors
        .map(|(name, view)| (name, floats(view.data())))
        .collect()
}

#[test]
fn twenty_steps_in_bf16_with_masters_in_f32_follow_pytorch() {
    let (golden, folder) = (golden(), tempfile::tempdir().unwrap());
    let (trained, steps) = train(&golden, folder.path(), (0, STEPS));
    let tolerance = |name: &str| golden["tolerance"][name].as_f64().unwrap();
    let norms = golden["grad_norms"].as_array().unwrap();
    assert_eq!(steps.len(), norms.len());
    for (step, norm) in steps.iter().zip(norms) {
        let off = step.grad_norm / norm.as_f64().unwrap() - 1.0;
        assert!(off.abs() < tolerance("grad_norm_relative"), "{step:?}");
    }
    let masters = stored(folder.path(), STEPS, "parameters.safetensors");
    let moments = stored(folder.path(), STEPS, "optimizer.safetensors");
    let initial = &golden["initial"];
    let mut lost = 0;
    for (name, own) in ["embedding", "head"].into_iter().zip(trained.values()) {
        let master = &masters[name];
        assert_close(name, master, &golden["masters"][name], tolerance("masters"));
        for kind in ["mean", "square"] {
            let key = format!("{name}.{kind}");
            assert_close(
                &key,
                &moments[&key],
                &golden[kind][name],
                tolerance("moments"),
            );
        }
        // The parameter is its master rounded, and nothing of the master is lost that bf16 cannot hold.
        let rounded: Vec<f32> = master.iter().map(|x| bf16::from_f32(*x).to_f32()).collect();
        assert_eq!(own, rounded, "{name}");
        let stays = master.iter().zip(matrix(&initial[name]));
        lost += stays
            .filter(|(master, initial)| master.to_bits() == initial.to_bits())
            .count();
    }
    // In bf16 alone most numbers would end where they began.
    assert!(
        golden["lost"].as_u64().unwrap() > 150 && lost == 0,
        "{lost}"
    );
}

#[test]
fn a_run_in_bf16_resumes_with_its_masters_to_the_bit() {
    let (golden, whole, cut) = (
        golden(),
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
    );
    let (expected, _) = train(&golden, whole.path(), (0, STEPS));
    for (from, until) in [(0, 3), (3, 11), (11, STEPS)] {
        let (found, steps) = train(&golden, cut.path(), (from, until));
        assert_eq!(steps.len(), until - from);
        if until == STEPS {
            assert_eq!(found.values(), expected.values());
        }
    }
    for file in ["parameters.safetensors", "optimizer.safetensors"] {
        let read =
            |path: &Path| std::fs::read(path.join("checkpoints/step-20").join(file)).unwrap();
        assert!(read(whole.path()) == read(cut.path()), "{file}");
    }
    assert_eq!(metrics(whole.path()), metrics(cut.path()));
}
