//! Several devices train what one does: the CPU stands for each, with a copy of the module.

use std::error::Error;
use std::sync::Mutex;
use std::thread::{self, ThreadId};

use idiolect_train::{Objective, Replica, StepRow, TrainConfig, TrainError, Trained, Trainer};

use crate::tiny::{NextToken, Tiny, random_rows, run, through};

/// Settings of two epochs over 22 rows: windows of five micro-batches, and a last one of one.
fn config(accumulation: usize) -> TrainConfig {
    TrainConfig {
        epochs: 2,
        batch_size: 2,
        accumulation,
        learning_rate: 1e-2,
        ..TrainConfig::default()
    }
}

type Outcome = Result<(Trained<Tiny>, Vec<StepRow>), TrainError>;

/// A run on `others` further devices, whose copies start elsewhere.
fn trained(config: &TrainConfig, others: usize) -> Outcome {
    with(config, others, &NextToken, &Tiny::random(77))
}

/// As [`trained`], with the further devices' own objective and copy.
fn with(
    config: &TrainConfig,
    others: usize,
    objective: &(dyn Objective<Tiny> + Sync),
    module: &Tiny,
) -> Outcome {
    let rows = random_rows(22, 5);
    let replica = |_| Replica { module, objective };
    let replicas: Vec<Replica<'_, Tiny>> = (0..others).map(replica).collect();
    let trainer = Trainer {
        replicas: &replicas,
        ..Trainer::new(config, &NextToken, &rows, 0)
    };
    run(&trainer, Tiny::random(5))
}

#[test]
fn micro_batches_dealt_to_two_devices_sum_as_on_one() {
    // One sum of two either way, bit for bit.
    let config = config(2);
    let (one, steps) = trained(&config, 0).unwrap();
    let (two, same) = trained(&config, 1).unwrap();
    assert_eq!(steps, same);
    assert_eq!(one.module.values(), two.module.values());
}

#[test]
fn any_number_of_devices_trains_as_one_but_for_the_order_of_sums() {
    let config = config(5);
    let (one, steps) = trained(&config, 0).unwrap();
    for others in [1, 2, 4] {
        let (more, same) = trained(&config, others).unwrap();
        assert_eq!(steps.len(), same.len());
        for (a, b) in steps.iter().zip(&same) {
            assert_eq!(a.trained_tokens, b.trained_tokens);
            assert!(
                (a.loss / b.loss - 1.0).abs() < 1e-6,
                "{others}: {a:?} {b:?}"
            );
            let off = (a.grad_norm / b.grad_norm - 1.0).abs();
            assert!(off < 1e-5, "{others}: {a:?} {b:?}");
        }
        let (a, b) = (one.module.values(), more.module.values());
        for (a, b) in a.iter().flatten().zip(b.iter().flatten()) {
            assert!((a - b).abs() < 1e-5, "{others}: {a} {b}");
        }
        // The order of sums is that of the devices, each time.
        let (again, rows) = trained(&config, others).unwrap();
        assert_eq!(again.module.values(), more.module.values());
        assert_eq!(rows, same);
    }
}

#[test]
fn a_pool_of_one_thread_that_waits_for_another_device_does_its_products() {
    let built = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    let pool = built.unwrap();
    // Stands for a product: it is done once the pool's only thread has a hand free.
    let helped = through(|_, compute| {
        pool.install(|| ());
        compute()
    });
    let (two, _) = pool
        .install(|| with(&config(4), 1, &helped, &Tiny::random(77)))
        .unwrap();
    assert!(two.finished);
}

#[test]
fn a_device_has_one_thread_from_the_first_step_to_the_last() {
    let threads: Mutex<Vec<ThreadId>> = Mutex::default();
    let noted = through(|_, compute| {
        threads.lock().unwrap().push(thread::current().id());
        compute()
    });
    let (_, steps) = with(&config(4), 1, &noted, &Tiny::random(77)).unwrap();
    let threads = threads.into_inner().unwrap();
    // Six windows of 4, 4 and 3 micro-batches, of which every other is this device's.
    assert_eq!((steps.len(), threads.len()), (6, 10));
    assert!(
        threads
            .iter()
            .all(|id| *id == threads[0] && *id != thread::current().id())
    );
}

#[test]
fn an_error_of_another_device_ends_the_run_as_ones_own() {
    let failing = through(|_, _| Err("no memory".into()));
    let error = with(&config(2), 1, &failing, &Tiny::random(77)).unwrap_err();
    let step = matches!(error, TrainError::Objective { step: 1, .. });
    assert!(
        step && error.source().unwrap().to_string() == "no memory",
        "{error:?}"
    );
}

#[test]
fn a_device_without_work_and_a_copy_of_another_module_are_refused() {
    let error = trained(&config(1), 1).unwrap_err().to_string();
    assert_eq!(
        error,
        "accumulation: expected a micro-batch for each device, found 1 for 2"
    );
    let mut other = Tiny::random(77);
    other.head = other.head.set_require_grad(false);
    let error = with(&config(2), 1, &NextToken, &other).unwrap_err();
    assert!(
        matches!(
            error,
            TrainError::Setting {
                name: "replicas",
                ..
            }
        ),
        "{error}"
    );
}
