//! Runs that are refused before their first step: nothing to train, labels out of place, too much to plan.

use idiolect_tokens::{IGNORE, TokenBatch, TokenRow};
use idiolect_train::{
    BoxError, Evaluated, Objective, Replica, StepContext, TrainConfig, TrainError, Trainer,
};

use crate::tiny::{Computed, NextToken, Tiny, WIDTH, random_rows, run, values};

pub(crate) fn config() -> TrainConfig {
    TrainConfig {
        learning_rate: 1e-2,
        ..TrainConfig::default()
    }
}

#[track_caller]
pub(crate) fn refused(
    config: &TrainConfig,
    objective: &dyn Objective<Tiny>,
    rows: &[TokenRow],
) -> TrainError {
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

/// A gradient of a sum.
pub(crate) const WHOLE: StepContext = StepContext {
    divisor: 1.0,
    seed: 0,
    place: 0,
};

#[test]
fn labels_beyond_the_ids_would_train_padding_and_are_refused() {
    let mut rows = random_rows(6, 1);
    rows[4].input_ids.truncate(1);
    rows[4].labels = vec![IGNORE, 3, 4];
    let error = refused(&config(), &NextToken, &rows);
    let message = "row 4: expected one label beside each of 1 input id, found 3 labels";
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
        teacher: Vec::new(),
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
    assert!(
        error.contains("epochs: expected at most 100000000 rows"),
        "{error}"
    );
    let no_bound = TrainConfig {
        max_steps: Some(usize::MAX),
        ..endless.clone()
    };
    let error = refused(&no_bound, &NextToken, &rows).to_string();
    assert!(
        error.contains("max_steps: expected at most 100000000 rows"),
        "{error}"
    );
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
    let message = "packing: expected an objective that keeps the rows of a line apart, found one \
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
