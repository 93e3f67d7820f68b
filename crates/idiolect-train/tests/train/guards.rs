//! Runs that would train wrongly, each stopped by name.

use std::cell::Cell;
use std::error::Error;

use burn::module::Param;
use burn::tensor::{Tensor, TensorData};
use idiolect_tokens::{IGNORE, TokenBatch, TokenRow};
use idiolect_train::{
    AdamW, BoxError, Evaluated, Objective, Replica, Schedule, StepContext, StepLoss, TrainConfig,
    TrainError, Trainer, clip_by_global_norm,
};

use crate::tiny::{Computed, NextToken, Tiny, VOCAB, WIDTH, random_rows, run, through, values};

fn config() -> TrainConfig {
    TrainConfig {
        learning_rate: 1e-2,
        ..TrainConfig::default()
    }
}

#[track_caller]
fn refused(config: &TrainConfig, objective: &dyn Objective<Tiny>, rows: &[TokenRow]) -> TrainError {
    run(&Trainer::new(config, objective, &rows, 0), Tiny::random(1)).unwrap_err()
}

#[test]
fn a_set_without_a_trained_token_is_refused_before_it_divides_by_zero() {
    let mut rows = random_rows(6, 1);
    for row in &mut rows {
        // The first label counts for nothing: no token stands before it.
        row.labels[1..].fill(IGNORE);
    }
    let error = refused(&config(), &NextToken, &rows);
    let message = "no trained token in 6 training rows: every label is masked after the shift";
    assert_eq!(error.to_string(), message);
    assert!(matches!(
        refused(&config(), &NextToken, &[]),
        TrainError::NoTrainedToken { .. }
    ));

    let good = random_rows(6, 1);
    let (config, objective) = (config(), NextToken);
    let trainer = Trainer {
        held_out: &rows,
        ..Trainer::new(&config, &objective, &good, 0)
    };
    let error = run(&trainer, Tiny::random(1)).unwrap_err();
    assert!(error.to_string().contains("held-out"));
}

#[test]
fn a_row_without_a_trained_token_is_left_out_without_moving_the_others() {
    let mut rows = random_rows(8, 3);
    rows[5].labels.fill(IGNORE);
    let config = TrainConfig {
        shuffle: false,
        length_grouping: false,
        ..config()
    };
    let (_, with) = run(
        &Trainer::new(&config, &NextToken, &rows, 0),
        Tiny::random(1),
    )
    .unwrap();
    rows[5].input_ids.truncate(2);
    rows[5].labels.truncate(2);
    let (_, other) = run(
        &Trainer::new(&config, &NextToken, &rows, 0),
        Tiny::random(1),
    )
    .unwrap();
    assert_eq!(with, other);
}

#[test]
fn labels_beyond_the_ids_would_train_padding_and_are_refused() {
    let mut rows = random_rows(6, 1);
    rows[4].input_ids.truncate(1);
    rows[4].labels = vec![IGNORE, 3, 4];
    let error = refused(&config(), &NextToken, &rows);
    let message = "row 4: expected one label beside each of 1 input ids, found 3 labels";
    assert_eq!(error.to_string(), message);

    // Laid beside their ids as they are, the labels beyond them would train the padding.
    let (pad, first) = (0, rows[4].input_ids[0].max(1));
    let spilt = TokenBatch {
        rows: 1,
        width: 3,
        input_ids: vec![first, pad, pad],
        labels: rows[4].labels.clone(),
        lengths: vec![1],
        packed_lengths: Vec::new(),
    };
    let module = Tiny::random(1);
    let measured = NextToken.gradients(&module, &spilt, WHOLE).unwrap();
    let gradient = values(&measured.gradients.get::<2>(module.embedding.id).unwrap());
    assert!(gradient[..WIDTH].iter().any(|&value| value != 0.0));
}

#[test]
fn passes_that_no_memory_holds_the_plan_of_are_refused() {
    let rows = random_rows(4, 1);
    let endless = TrainConfig {
        epochs: usize::MAX,
        ..config()
    };
    let error = refused(&endless, &NextToken, &rows).to_string();
    assert!(error.contains("epochs: expected passes over"), "{error}");
    let bounded = TrainConfig {
        max_steps: Some(2),
        ..endless
    };
    let trainer = Trainer::new(&bounded, &NextToken, &rows, 0);
    assert_eq!(run(&trainer, Tiny::random(1)).unwrap().1.len(), 2);
}

#[test]
fn a_module_without_a_trained_parameter_is_refused() {
    use burn::module::Module;
    let rows = random_rows(4, 1);
    let config = config();
    let trainer = Trainer::new(&config, &NextToken, &rows, 0);
    let error = run(&trainer, Tiny::random(1).no_grad()).unwrap_err();
    assert!(matches!(error, TrainError::Setting { name: "module", .. }));
}

/// A gradient of a sum.
const WHOLE: StepContext = StepContext {
    divisor: 1.0,
    seed: 0,
};

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

/// [`NextToken`] that says that it keeps the rows of a line apart.
struct Apart;

impl Objective<Tiny> for Apart {
    fn gradients(&self, module: &Tiny, batch: &TokenBatch, step: StepContext) -> Computed {
        NextToken.gradients(module, batch, step)
    }

    fn evaluate(&self, module: &Tiny, batch: &TokenBatch) -> Result<Evaluated, BoxError> {
        NextToken.evaluate(module, batch)
    }

    fn keeps_packed_rows_apart(&self) -> bool {
        true
    }
}

#[test]
fn packed_rows_that_would_see_each_other_are_refused() {
    let config = TrainConfig {
        packing: Some(16),
        ..config()
    };
    let error = refused(&config, &NextToken, &random_rows(6, 1));
    let message = "setting packing: expected an objective that keeps the rows of a line apart, found one \
                   that does not say so (keeps_packed_rows_apart)";
    assert_eq!(error.to_string(), message);

    let rows = random_rows(6, 1);
    let trainer = Trainer::new(&config, &Apart, &rows, 0);
    assert!(run(&trainer, Tiny::random(1)).unwrap().0.finished);
    // A further device with another loss is no exception.
    let module = Tiny::random(1);
    let replicas = [Replica {
        module: &module,
        objective: &NextToken,
    }];
    let trainer = Trainer {
        replicas: &replicas,
        ..Trainer::new(&config, &Apart, &rows, 0)
    };
    assert_eq!(
        run(&trainer, Tiny::random(1)).unwrap_err().to_string(),
        message
    );
}
