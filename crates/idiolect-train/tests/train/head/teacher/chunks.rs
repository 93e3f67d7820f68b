//! The loss of a head in chunks of rows, against that of its logits at once.

use super::*;

/// Chunks move nothing but rounding, and a head's gradient is the logits' through its weight.
#[test]
fn a_head_in_chunks_has_the_losses_of_its_logits() {
    let (rows, width, vocab) = (7, 5, 11);
    let values = |count: usize, from: f32| -> Vec<f32> {
        (0..count)
            .map(|at| (at as f32 * 0.7 + from).sin() * 2.0)
            .collect()
    };
    let tensor = |from: f32, shape: [usize; 2]| {
        let data = TensorData::new(values(shape[0] * shape[1], from), shape);
        Tensor::<2>::from_data(data, &Device::flex())
    };
    let (student, teacher) = (tensor(0.1, [rows, width]), tensor(1.1, [rows, width]));
    let weight = tensor(2.1, [width, vocab]);
    let targets = [0, 3, 10, 2, 5, 5, 1];
    let shares = [1.0, 0.5, 0.0, 2.0, 1.0, 1.0, 0.25];
    let old = [-1.0, -2.0, -0.5, -3.0, -4.0, -1.5, -2.5];
    let settings = TeacherLoss {
        divergence: Divergence::JensenShannon { weight: 0.5 },
        support: Support::Student(Likeliest {
            count: 4,
            tail: true,
        }),
        temperature: 0.8,
        clip: 2.0,
    };
    let column = |values: &[f32]| {
        Tensor::<2>::from_data(TensorData::new(values.to_vec(), [rows, 1]), &Device::flex())
    };
    let whole = TeacherRows {
        student: student.clone().matmul(weight.clone()),
        teacher: teacher.clone().matmul(weight.clone()),
        targets: &targets,
        old: Some(column(&old)),
    };
    let whole = teacher_row_loss(whole, &settings);
    let gradient = (whole.gradient * column(&shares)).matmul(weight.clone().transpose());
    let losses = numbers(whole.loss);
    for chunk in [1, 3, 128] {
        let head = TeacherHead {
            student: &student,
            teacher: &teacher,
            weight: &weight,
            targets: &targets,
            old: Some(&old),
            shares: &shares,
        };
        let found = teacher_head_loss(&head, &settings, chunk);
        let own: Vec<f64> = found
            .tokens
            .iter()
            .map(|token| f64::from(token.loss))
            .collect();
        assert!(off(&own, &losses) < 1e-6, "{chunk}");
        assert!(
            off(&numbers(found.gradient), &numbers(gradient.clone())) < 1e-6,
            "{chunk}"
        );
    }
}

#[test]
fn no_tokens_have_no_loss_against_a_teacher() {
    let empty = Tensor::<2>::zeros([0, 5], &Device::flex());
    let weight = Tensor::<2>::zeros([5, 11], &Device::flex());
    let settings = TeacherLoss {
        divergence: Divergence::Forward,
        support: Support::Full,
        temperature: 1.0,
        clip: 2.0,
    };
    let head = TeacherHead {
        student: &empty,
        teacher: &empty,
        weight: &weight,
        targets: &[],
        old: None,
        shares: &[],
    };
    let none = teacher_head_loss(&head, &settings, 4);
    assert!(none.tokens.is_empty() && none.gradient.dims() == [0, 5]);
}
