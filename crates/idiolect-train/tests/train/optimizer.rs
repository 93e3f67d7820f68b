//! `AdamW` by itself: its state, parameters without gradients, parameters in half precision, and gradients
//! that are clipped before it.

use burn::module::Param;
use burn::optim::GradientsParams;
use burn::tensor::{DType, Tensor};
use idiolect_train::{AdamW, TrainConfig, clip_by_global_norm, global_norm};

use crate::tiny::{Tiny, VOCAB, WIDTH, values};

fn optimizer() -> AdamW {
    AdamW::new(&TrainConfig {
        weight_decay: 0.1,
        ..TrainConfig::default()
    })
}

/// A gradient for the embedding alone.
fn gradients(module: &Tiny, value: f32) -> GradientsParams {
    let device = module.embedding.device().without_autodiff();
    let gradient = Tensor::<2>::full([VOCAB, WIDTH], value, &device);
    let mut gradients = GradientsParams::new();
    gradients.register(module.embedding.id, gradient.cast(module.embedding.dtype()));
    gradients
}

#[test]
fn a_restored_state_takes_the_same_next_step() {
    let (mut one, mut other) = (optimizer(), optimizer());
    let mut module = Tiny::random(1);
    for value in [0.3, -0.1, 0.7] {
        let gradients = gradients(&module, value);
        module = one.step(module, gradients, 1e-2);
    }
    other.restore(one.state(), &module.embedding.device());
    assert_eq!(one.state(), other.state());
    assert_eq!(one.state()[0].steps, 3);
    let next = |optimizer: &mut AdamW| {
        optimizer
            .step(module.clone(), gradients(&module, 0.2), 1e-2)
            .values()
    };
    assert_eq!(next(&mut one), next(&mut other));
}

#[test]
fn a_parameter_without_a_gradient_stays_and_does_not_decay() {
    let module = Tiny::random(1);
    let [embedding, head] = module.values();
    let gradients = gradients(&module, 0.3);
    let mut optimizer = optimizer();
    let [embedding_after, head_after] = optimizer.step(module, gradients, 1e-2).values();
    assert_ne!(embedding, embedding_after);
    assert_eq!(head, head_after);
    assert_eq!(optimizer.state().len(), 1);
}

#[test]
fn parameters_in_half_precision_keep_it_and_their_moments_are_in_f32() {
    let mut module = Tiny::random(1);
    let before = values(&module.embedding.val());
    let value = module.embedding.val().without_autodiff().cast(DType::BF16);
    module.embedding = Param::from_tensor(value.autodiff());
    let mut optimizer = optimizer();
    let gradients = gradients(&module, 0.3);
    let module = optimizer.step(module, gradients, 0.1);
    assert_eq!(module.embedding.dtype(), DType::BF16);
    assert!(module.embedding.is_require_grad());
    // The square of the gradient, which bf16 does not hold to this precision.
    let gradient = f64::from(burn::tensor::bf16::from_f32(0.3).to_f32());
    let square = f64::from(optimizer.state()[0].square[0]);
    assert!((square / (gradient * gradient * 1e-3) - 1.0).abs() < 1e-6);
    let moved = f64::from(before[0]) * 0.99 - 0.1;
    assert!((f64::from(values(&module.embedding.val())[0]) - moved).abs() < 4e-3);
}

#[test]
fn clipping_takes_all_gradients_together() {
    let module = Tiny::random(1);
    let device = module.head.device().without_autodiff();
    let mut gradients = GradientsParams::new();
    gradients.register(
        module.embedding.id,
        Tensor::<2>::full([VOCAB, WIDTH], 0.3, &device),
    );
    gradients.register(
        module.head.id,
        Tensor::<2>::full([WIDTH, VOCAB], 0.4, &device),
    );
    let expected = 0.5 * ((VOCAB * WIDTH) as f64).sqrt();

    let norm = clip_by_global_norm(&module, &mut gradients, 0.0);
    assert!((norm - expected).abs() < 1e-6);
    assert!((global_norm(&module, &gradients) - expected).abs() < 1e-6);

    let norm = clip_by_global_norm(&module, &mut gradients, 1.0);
    assert!((norm - expected).abs() < 1e-6);
    assert!((global_norm(&module, &gradients) - 1.0).abs() < 1e-6);
    let head = values(&gradients.get::<2>(module.head.id).unwrap());
    let embedding = values(&gradients.get::<2>(module.embedding.id).unwrap());
    assert!((head[0] / embedding[0] - 4.0 / 3.0).abs() < 1e-6);

    let before = values(&gradients.get::<2>(module.head.id).unwrap());
    clip_by_global_norm(&module, &mut gradients, 2.0);
    assert_eq!(before, values(&gradients.get::<2>(module.head.id).unwrap()));
}
