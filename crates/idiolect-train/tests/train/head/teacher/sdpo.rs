//! The losses of judged groups (SDPO), held against TRL's trainer on stored logits: the sampled token's reverse
//! divergence, rows without a teacher masked and counted in the mean.

use super::*;

fn groups() -> Option<Vec<Case>> {
    let folder = idiolect_testkit::shared()?.join("oracles/onpolicy");
    let stored = Tensors::read(&folder.join("sdpo.safetensors")).unwrap();
    let text = std::fs::read_to_string(folder.join("onpolicy.json")).unwrap();
    let json: Value = serde_json::from_str(&text).unwrap();
    let case = |of: &Value| {
        let name = of["name"].as_str().unwrap().to_owned();
        let field = |field: &str| stored.f64(&format!("{name}.{field}")).unwrap();
        let ids = |field: &str| stored.i64(&format!("{name}.{field}")).unwrap().1;
        let (shape, student) = field("student_logits");
        let shape: [usize; 3] = shape.try_into().unwrap();
        let taught = of["self_distillation_mask"].as_array().unwrap();
        let taught = taught.iter().map(|own| own.as_i64().unwrap());
        let mask = ids("completion_mask");
        let mask = mask.chunks(shape[1]).zip(taught);
        let mask = mask.flat_map(|(row, taught)| row.iter().map(move |own| own * taught));
        Case {
            settings: TeacherLoss {
                divergence: Divergence::Reverse,
                support: Support::Sampled,
                temperature: 1.0,
                clip: 2.0,
            },
            shape,
            student,
            teacher: field("teacher_logits").1,
            targets: ids("completion_ids"),
            old: None,
            shares: shares(&mask.collect::<Vec<_>>(), shape),
            per_token: field("per_token_loss").1,
            weights: None,
            loss: of["loss"].as_f64().unwrap(),
            gradient: field("grad").1,
            name,
        }
    };
    Some(json["sdpo"].as_array().unwrap().iter().map(case).collect())
}

#[test]
fn losses_and_gradients_of_judged_groups_are_those_of_trl() {
    let Some(groups) = groups() else { return };
    assert_eq!(groups.len(), 8);
    let is_masked = |case: &&Case| case.shares.iter().all(|share| *share <= 0.0);
    let (masked, taught): (Vec<_>, Vec<_>) = groups.iter().partition(is_masked);
    for case in taught {
        compare(case, DType::F64, 1e-12);
        compare(case, DType::F32, 1e-6);
    }
    // A group in which nobody succeeds teaches nothing.
    assert_eq!(masked.len(), 1);
    let numbers = masked[0].gradient.iter().chain([&masked[0].loss]);
    assert!(numbers.into_iter().all(|number| number.abs() <= 0.0));
}
