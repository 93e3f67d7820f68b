//! Rows that are made when their step comes: of the module and its average as they are then, also where a run resumes.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

use idiolect_tokens::{IGNORE, TokenRow};
use idiolect_train::{
    BoxError, RunFolder, StepRows, StepStart, TrainConfig, TrainError, Trained, Trainer,
    TrainerEvent,
};

use crate::in_folder::{bits, config};
use crate::tiny::{NextToken, Tiny, metrics, random_rows, run_until};

/// Rows that depend on every number of both modules; those of a step that is a multiple of `silent` train nothing.
#[derive(Default)]
struct Made {
    silent: Option<usize>,
    resumed: RefCell<Vec<usize>>,
    seen: RefCell<Vec<[u32; 2]>>,
}

fn mixed(module: &Tiny) -> u32 {
    let all = module.values().concat().into_iter();
    all.fold(7, |sum: u32, value| sum.rotate_left(5) ^ value.to_bits())
}

impl StepRows<Tiny> for Made {
    fn resume(&self, done: usize) -> Result<(), BoxError> {
        self.resumed.borrow_mut().push(done);
        Ok(())
    }

    fn begin(&self, start: StepStart<'_, Tiny>) -> Result<Vec<Vec<TokenRow>>, BoxError> {
        let average = start.average.map_or(0, mixed);
        let both = [mixed(start.module), average];
        self.seen.borrow_mut().push(both);
        let seed = u64::from(both[0]) << 32 | u64::from(both[1]);
        let mut rows = random_rows(6, seed);
        if self
            .silent
            .is_some_and(|every| start.step.is_multiple_of(every))
        {
            for row in &mut rows {
                row.labels.fill(IGNORE);
            }
        }
        Ok(rows.chunks(3).map(<[TokenRow]>::to_vec).collect())
    }

    fn end(&self, step: usize) -> Result<BTreeMap<String, f64>, BoxError> {
        Ok(BTreeMap::from([("answers".to_owned(), step as f64 * 6.0)]))
    }
}

fn train(
    path: &Path,
    made: &Made,
    stop: &mut dyn FnMut(&TrainerEvent<'_>) -> bool,
) -> Result<Trained<Tiny>, TrainError> {
    let (rows, config, nothing) = (random_rows(40, 5), config(), BTreeMap::new());
    let trainer = Trainer {
        step_rows: Some(made),
        average_rate: Some(0.2),
        folder: Some(RunFolder {
            path,
            resume: true,
            fixed: &nothing,
        }),
        ..Trainer::new(&config, &NextToken, &rows, 0)
    };
    run_until(&trainer, Tiny::random(9), stop)
}

#[test]
fn a_run_of_made_rows_resumes_to_the_same_bytes_with_its_average() {
    let folder = tempfile::tempdir().unwrap();
    let [whole, part] = ["whole", "part"].map(|name| folder.path().join(name));
    let undisturbed = Made::default();
    let expected = train(&whole, &undisturbed, &mut |_| false).unwrap();
    let steps = undisturbed.seen.borrow().len();
    assert!(expected.finished && steps == expected.steps && steps > 9);
    // The average starts as the module does, and follows it from the first step on.
    let seen = undisturbed.seen.borrow();
    assert!(seen[0][0] == seen[0][1] && seen[1][0] != seen[1][1]);
    let stops = [3, 6, usize::MAX];
    let mut found = None;
    for stop in stops {
        let made = Made::default();
        let mut done = 0;
        let ended = train(&part, &made, &mut |event| {
            if let TrainerEvent::Step { row, .. } = event {
                done = row.step;
            }
            done == stop
        });
        found = Some(ended.unwrap());
        assert_eq!(made.resumed.borrow().len(), 1);
    }
    assert_eq!(bits(&found.unwrap().module), bits(&expected.module));
    let text = metrics(&whole);
    assert_eq!(metrics(&part), text);
    assert!(
        text.lines().next().unwrap().ends_with("\"answers\":6.0}"),
        "{text}"
    );
}

#[test]
fn a_step_of_rows_that_train_nothing_changes_nothing() {
    let (rows, config) = (random_rows(40, 5), config());
    let made = Made {
        silent: Some(3),
        ..Made::default()
    };
    let trainer = Trainer {
        step_rows: Some(&made),
        ..Trainer::new(&config, &NextToken, &rows, 0)
    };
    let mut losses = Vec::new();
    let trained = trainer.run(Tiny::random(9), &mut |event| {
        if let TrainerEvent::Step { row, .. } = event {
            losses.push((row.loss, row.trained_tokens));
        }
        ControlFlow::Continue(())
    });
    assert!(trained.unwrap().finished);
    assert_eq!(losses[2], (0.0, 0));
    assert!(losses[1].1 > 0);
    let seen = made.seen.borrow();
    assert!(seen[1] != seen[2] && seen[2] == seen[3] && seen[3] != seen[4]);
}

#[test]
fn an_average_of_another_run_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    train(folder.path(), &Made::default(), &mut |_| false).unwrap();
    let (rows, config, nothing) = (random_rows(40, 5), config(), BTreeMap::new());
    let trainer = Trainer {
        folder: Some(RunFolder {
            path: folder.path(),
            resume: true,
            fixed: &nothing,
        }),
        ..Trainer::new(&config, &NextToken, &rows, 0)
    };
    let error = run_until(&trainer, Tiny::random(9), &mut |_| false);
    let error = error.unwrap_err().to_string();
    assert!(
        error.ends_with("expected none, found a moving average"),
        "{error}"
    );
}

#[test]
fn windows_come_as_often_as_they_are_to_be_trained_on() {
    let rows = random_rows(12, 1);
    let config = TrainConfig {
        updates_per_window: 3,
        ..config()
    };
    let made = Made::default();
    let trainer = Trainer {
        step_rows: Some(&made),
        ..Trainer::new(&config, &NextToken, &rows, 0)
    };
    let trained = trainer.run(Tiny::random(9), &mut |_| ControlFlow::Continue(()));
    assert_eq!(trained.unwrap().steps, 3 * 3 * 2);
}
