//! Runs that would train wrongly, each stopped by name in the step that shows it.

use std::cell::Cell;
use std::error::Error;

use burn::module::Param;
use burn::tensor::{Tensor, TensorData};
use idiolect_tokens::TokenBatch;
use idiolect_train::{
    AdamW, Objective, Schedule, StepContext, StepLoss, TrainConfig, TrainError, Trainer,
    clip_by_global_norm,
};

use crate::refused::{WHOLE, config, refused};
use crate::tiny::{NextToken, Tiny, VOCAB, WIDTH, random_rows, run, through};

/// Weights after a step that nobody guards, and the loss that follows.
fn unguarded(divisor: f64, spoil: fn(&mut StepLoss, &Tiny)) -> ([Vec<f32>; 2], f64) {
    let (module, row) = (Tiny::random(1), &random_rows(12, 2)[0]);
    let (batch, mut optimizer) = (TokenBatch::new(&[row], 0), AdamW::new(&config()));
    let mut measured = NextToken
        .gradients(&module, &batch, StepContext { divisor, ..WHOLE })
        .unwrap();
    spoil(&mut measured, &module);
    clip_by_global_norm(&module, &mut measured.gradients, 1.0);
    let module = optimizer.step(module, measured.gradients, 1e-2);
    let loss = NextToken.gradients(&module, &batch, WHOLE).unwrap().loss;
    (module.values(), loss.sum)
}

#[test]
fn one_bad_number_would_spoil_every_step_that_follows() {
    let (_, loss) = unguarded(1.0, |_, _| {});
    assert!(loss.is_finite());
    // What a window without a trained token divides by.
    let (_, loss) = unguarded(0.0, |_, _| {});
    assert!(loss.is_nan(), "{loss}");
    // One number of one gradient, and the global norm carries it to all of them.
    let ([_, head], loss) = unguarded(1.0, |measured, module| {
        let gradient: Tensor<2> = measured.gradients.remove(module.head.id).unwrap();
        let mut one = vec![0.0; WIDTH * VOCAB];
        one[0] = f32::INFINITY;
        let one = TensorData::new(one, [WIDTH, VOCAB]);
        let gradient = gradient.clone() + Tensor::from_data(one, &gradient.device());
        measured.gradients.register(module.head.id, gradient);
    });
    assert!(head[0].is_nan() && loss.is_nan(), "{} {loss}", head[0]);
}

/// The error of a run that spoils what the plain objective gives, from its third call on.
fn spoilt(spoil: fn(&mut StepLoss, &Tiny)) -> TrainError {
    let config = TrainConfig {
        accumulation: 1,
        ..config()
    };
    let calls = Cell::new(0);
    let objective = through(|module, compute| {
        let mut measured = compute()?;
        calls.set(calls.get() + 1);
        if calls.get() > 2 {
            spoil(&mut measured, module);
        }
        Ok(measured)
    });
    refused(&config, &objective, &random_rows(12, 2))
}

#[test]
fn a_loss_that_is_not_finite_ends_the_run() {
    let error = spoilt(|measured, _| measured.loss.sum = f64::NAN);
    assert_eq!(
        error.to_string(),
        "step 3: expected a finite loss, found NaN"
    );
}

#[test]
fn a_gradient_that_is_not_finite_ends_the_run_though_the_loss_is() {
    let error = spoilt(|measured, module| {
        let gradient: Tensor<2> = measured.gradients.remove(module.head.id).unwrap();
        measured
            .gradients
            .register(module.head.id, gradient * f64::INFINITY);
    });
    assert!(matches!(
        error,
        TrainError::NotFinite {
            step: 3,
            quantity: "gradient norm",
            ..
        }
    ));
}

#[test]
fn an_objective_that_counts_other_tokens_ends_the_run() {
    let error = spoilt(|measured, _| measured.loss.trained_tokens += 1);
    assert_eq!(error.to_string(), "step 3: objective failed");
    assert!(
        error
            .source()
            .unwrap()
            .to_string()
            .contains("trained tokens, found one over")
    );
}

#[test]
fn a_group_that_must_move_and_stays_zero_ends_the_run() {
    let config = TrainConfig {
        accumulation: 1,
        warmup_steps: 2,
        schedule: Schedule::Constant,
        ..config()
    };
    let rows = random_rows(20, 2);
    let zero_head = || {
        let mut module = Tiny::random(1);
        module.head = Param::from_tensor(Tensor::zeros([WIDTH, VOCAB], &module.embedding.device()));
        module
    };
    let must_move = |name: &str| name == "head";
    // Trains the embedding only: the head never gets a gradient.
    let head_forgotten = through(|module, compute| {
        let mut measured = compute()?;
        measured.gradients.remove::<2>(module.head.id);
        Ok(measured)
    });
    // Nobody else would say so: the run ends well, with a module that does nothing.
    let unwatched = Trainer::new(&config, &head_forgotten, &rows, 0);
    let (trained, _) = run(&unwatched, zero_head()).unwrap();
    assert!(trained.finished && trained.module.values()[1].iter().all(|&x| x == 0.0));
    let stuck = Trainer {
        must_move: &must_move,
        ..Trainer::new(&config, &head_forgotten, &rows, 0)
    };
    let error = run(&stuck, zero_head()).unwrap_err();
    let message = "step 4: expected parameter head to have moved, found it exactly zero";
    assert_eq!(error.to_string(), message);

    let moving = Trainer {
        must_move: &must_move,
        ..Trainer::new(&config, &NextToken, &rows, 0)
    };
    assert!(run(&moving, zero_head()).is_ok());
}
