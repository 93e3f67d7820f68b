//! Losses against a teacher, and their gradients, held against TRL's own functions on stored logits.

mod chunks;
mod sdpo;
mod stored;

use burn::tensor::{DType, Device, Tensor, TensorData};
use idiolect_testkit::Tensors;
use idiolect_train::{
    Divergence, Likeliest, Support, TeacherHead, TeacherLoss, TeacherRows, teacher_head_loss,
    teacher_row_loss,
};
use serde_json::Value;

/// A batch of `[rows, tokens, vocab]`, its settings, and what TRL made of it.
struct Case {
    name: String,
    settings: TeacherLoss,
    /// Rows, tokens of a row, tokens of the vocabulary.
    shape: [usize; 3],
    student: Vec<f64>,
    teacher: Vec<f64>,
    targets: Vec<i64>,
    old: Option<Vec<f64>>,
    /// What each token counts in the loss.
    shares: Vec<f64>,
    per_token: Vec<f64>,
    weights: Option<Vec<f64>>,
    loss: f64,
    gradient: Vec<f64>,
}

fn settings(of: &Value) -> TeacherLoss {
    let number = |name: &str| of[name].as_f64().unwrap();
    let part = || Likeliest {
        count: usize::try_from(of["k"].as_u64().unwrap()).unwrap(),
        tail: of["tail"].as_bool().unwrap(),
    };
    let alpha = number("alpha");
    TeacherLoss {
        divergence: match alpha {
            0.0 => Divergence::Forward,
            1.0 => Divergence::Reverse,
            weight => Divergence::JensenShannon { weight },
        },
        support: match of["support"].as_str().unwrap() {
            "full" => Support::Full,
            "topk" => Support::Student(part()),
            "teacher_topk" => Support::Teacher(part()),
            _ => Support::Sampled,
        },
        temperature: number("temperature"),
        clip: of["is_clip"].as_f64().unwrap_or(2.0),
    }
}

/// The share of each token: rows have equal weight, empty ones too.
fn shares(mask: &[i64], [rows, tokens, _]: [usize; 3]) -> Vec<f64> {
    let row = |mask: &[i64]| {
        let count = mask.iter().sum::<i64>().max(1) as f64 * rows as f64;
        let share = mask.iter().map(move |own| *own as f64 / count);
        share.collect::<Vec<_>>()
    };
    mask.chunks(tokens).flat_map(row).collect()
}

fn cases() -> Option<Vec<Case>> {
    let folder = idiolect_testkit::shared()?.join("oracles/onpolicy");
    let read = |name: &str| Tensors::read(&folder.join(name)).unwrap();
    let (inputs, expected) = (read("inputs.safetensors"), read("settings.safetensors"));
    let text = std::fs::read_to_string(folder.join("onpolicy.json")).unwrap();
    let json: Value = serde_json::from_str(&text).unwrap();
    let case = |of: &Value| {
        let [name, batch] = ["name", "batch"].map(|field| of[field].as_str().unwrap().to_owned());
        let input = |field: &str| inputs.f64(&format!("{batch}.{field}")).unwrap();
        let output = |field: &str| expected.f64(&format!("{name}.{field}"));
        let (shape, student) = input("student_logits");
        let shape: [usize; 3] = shape.try_into().unwrap();
        let mask = expected.i64(&format!("{name}.loss_mask")).unwrap().1;
        let weights = output("is_weight").ok().map(|(_, weights)| weights);
        Case {
            settings: settings(of),
            shape,
            student,
            teacher: input("teacher_logits").1,
            targets: inputs.i64(&format!("{batch}.completion_ids")).unwrap().1,
            old: (of["old"] == "stored").then(|| input("old_logps").1),
            shares: shares(&mask, shape),
            per_token: output("per_token_loss").unwrap().1,
            weights,
            loss: of["loss"].as_f64().unwrap(),
            gradient: output("grad").unwrap().1,
            name,
        }
    };
    Some(
        json["settings"]
            .as_array()
            .unwrap()
            .iter()
            .map(case)
            .collect(),
    )
}

/// The largest difference, as a share of the largest expected number.
fn off(found: &[f64], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let size = expected.iter().fold(0f64, |size, x| size.max(x.abs()));
    let pairs = found.iter().zip(expected);
    pairs.fold(0f64, |most, (a, b)| most.max((a - b).abs())) / size
}

fn numbers(tensor: Tensor<2>) -> Vec<f64> {
    tensor.into_data().iter::<f64>().collect()
}

fn compare(case: &Case, dtype: DType, tolerance: f64) {
    let [rows, tokens, vocab] = case.shape;
    let tensor = |values: &[f64], width: usize| {
        let data = TensorData::new(values.to_vec(), [rows * tokens, width]);
        Tensor::<2>::from_data(data, (&Device::flex(), dtype))
    };
    let given = |old: Option<Tensor<2>>| TeacherRows {
        student: tensor(&case.student, vocab),
        teacher: tensor(&case.teacher, vocab),
        targets: &case.targets,
        old,
    };
    let old = case.old.as_ref().map(|old| tensor(old, 1));
    let found = teacher_row_loss(given(old), &case.settings);
    let shares = tensor(&case.shares, 1);
    let gradient = numbers(found.gradient * shares);
    let masked = |values: Vec<f64>| -> Vec<f64> {
        let pairs = values.into_iter().zip(&case.shares);
        pairs
            .map(|(own, share)| if *share > 0.0 { own } else { 0.0 })
            .collect()
    };
    let losses = masked(numbers(found.loss));
    let loss: f64 = losses.iter().zip(&case.shares).map(|(a, b)| a * b).sum();
    let Case { name, .. } = case;
    // Estimates by a sampled token have either sign: rounding is measured by the size of what is added up.
    let terms = case.per_token.iter().zip(&case.shares);
    let size: f64 = terms.map(|(loss, share)| loss.abs() * share).sum();
    let away = (loss - case.loss).abs() / size;
    assert!(
        away < tolerance,
        "{name} {dtype:?}: loss is off by {away:e}"
    );
    let away = off(&losses, &case.per_token);
    assert!(
        away < tolerance,
        "{name} {dtype:?}: tokens are off by {away:e}"
    );
    let away = off(&gradient, &case.gradient);
    assert!(
        away < tolerance,
        "{name} {dtype:?}: gradients are off by {away:e}"
    );
    if let Some(weights) = &case.weights {
        let away = off(&masked(numbers(found.importance)), &masked(weights.clone()));
        assert!(
            away < tolerance,
            "{name} {dtype:?}: weights are off by {away:e}"
        );
    }
    // A student that is not older has weights of exactly 1, and with them the same losses.
    let own = teacher_row_loss(given(Some(found.log_prob)), &case.settings);
    assert!(
        numbers(own.importance)
            .iter()
            .all(|weight| weight.to_bits() == 1f64.to_bits()),
        "{name}"
    );
    if case.old.is_none() {
        assert_eq!(masked(numbers(own.loss)), losses, "{name}");
    }
}

#[test]
fn losses_and_gradients_are_those_of_trl() {
    let Some(cases) = cases() else { return };
    assert_eq!(cases.len(), 16);
    for case in &cases {
        compare(case, DType::F64, 1e-12);
        compare(case, DType::F32, 1e-6);
    }
}

/// The gradient of a loss by finite differences of its own values, for what TRL has no value of: the tail and the
/// temperature together, and the bound of the tail.
#[test]
fn gradients_are_those_of_the_values() {
    let part = |count| Likeliest { count, tail: true };
    let kinds = [
        Divergence::Forward,
        Divergence::Reverse,
        Divergence::JensenShannon { weight: 0.3 },
    ];
    let supports = [
        Support::Full,
        Support::Student(part(3)),
        Support::Teacher(part(3)),
    ];
    let logits = [
        [0.3, -1.2, 2.0, 0.7, -0.4, 1.1],
        [30.0, 28.0, 29.0, 0.0, -1.0, 1.0],
    ];
    let teacher = [
        [1.3, 0.2, -0.5, 0.9, 0.1, -2.0],
        [0.5, 2.0, 1.0, -3.0, 0.0, 0.4],
    ];
    let tensor = |rows: [[f64; 6]; 2]| {
        let data = TensorData::new(rows.concat(), [2, 6]);
        Tensor::<2>::from_data(data, (&Device::flex(), DType::F64))
    };
    for (divergence, support) in kinds
        .iter()
        .flat_map(|kind| supports.map(|own| (*kind, own)))
    {
        let settings = TeacherLoss {
            divergence,
            support,
            temperature: 1.3,
            clip: 2.0,
        };
        let loss = |student: [[f64; 6]; 2]| {
            let rows = TeacherRows {
                student: tensor(student),
                teacher: tensor(teacher),
                targets: &[2, 0],
                old: None,
            };
            teacher_row_loss(rows, &settings)
        };
        let gradient = numbers(loss(logits).gradient);
        for at in 0..12 {
            let moved = |by: f64| {
                let mut moved = logits;
                moved[at / 6][at % 6] += by;
                numbers(loss(moved).loss).iter().sum::<f64>()
            };
            let numeric = (moved(1e-5) - moved(-1e-5)) / 2e-5;
            let away = (numeric - gradient[at]).abs();
            assert!(away < 1e-8, "{divergence:?} {support:?} {at}: {away:e}");
        }
    }
}
