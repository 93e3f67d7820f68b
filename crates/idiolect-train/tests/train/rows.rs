//! Rows that come one at a time train as rows in memory do, and are checked as they come.

mod made;

use std::borrow::Cow;

use idiolect_tokens::{IGNORE, TokenRow};
use idiolect_train::{BoxError, RowSize, Rows, TrainConfig, TrainError, Trainer};

use crate::tiny::{NextToken, Tiny, random_rows, run};

/// Rows of which only a length is known beforehand; an id `"lost"` cannot be read, and `"dropped"` is
/// left out.
struct OneByOne(Vec<TokenRow>);

impl Rows for OneByOne {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn size(&self, row: usize) -> RowSize {
        RowSize {
            tokens: 5 * self.0[row].input_ids.len(),
            trained_tokens: 1,
        }
    }

    fn sizes_are_exact(&self) -> bool {
        false
    }

    fn row(&self, row: usize) -> Result<Option<Cow<'_, TokenRow>>, BoxError> {
        let row = &self.0[row];
        match row.id.as_str() {
            Some("lost") => Err("lost".into()),
            Some("dropped") => Ok(None),
            _ => Ok(Some(Cow::Owned(row.clone()))),
        }
    }

    fn fingerprint(&self) -> String {
        self.0.fingerprint()
    }
}

fn config() -> TrainConfig {
    TrainConfig {
        batch_size: 3,
        accumulation: 2,
        ..TrainConfig::default()
    }
}

fn refused(rows: Vec<TokenRow>) -> TrainError {
    let (config, rows) = (config(), OneByOne(rows));
    run(
        &Trainer::new(&config, &NextToken, &rows, 0),
        Tiny::random(1),
    )
    .unwrap_err()
}

#[test]
fn rows_that_come_one_at_a_time_train_as_rows_in_memory() {
    let (config, rows) = (config(), random_rows(25, 3));
    let trained: Vec<usize> = rows.iter().map(TokenRow::trained_tokens).collect();
    let rows: Vec<TokenRow> = rows
        .into_iter()
        .zip(trained)
        .filter(|row| row.1 > 0)
        .map(|row| row.0)
        .collect();
    let lazy = OneByOne(rows.clone());
    let run = |rows: &dyn Rows, held_out: &dyn Rows| {
        let trainer = Trainer {
            held_out,
            ..Trainer::new(&config, &NextToken, rows, 0)
        };
        let (trained, steps) = run(&trainer, Tiny::random(1)).unwrap();
        (trained.module.values(), steps, trained.best)
    };
    assert_eq!(run(&rows, &rows), run(&lazy, &lazy));
}

#[test]
fn a_row_that_is_left_out_or_trains_nothing_changes_no_other() {
    let config = TrainConfig {
        shuffle: false,
        length_grouping: false,
        ..config()
    };
    let rows = random_rows(12, 5);
    let mut more = rows.clone();
    more[2].id = "dropped".into();
    more[7].labels.fill(IGNORE);
    let mut fewer = rows;
    fewer[2].labels.fill(IGNORE);
    fewer[7].labels.fill(IGNORE);
    let run = |rows: &dyn Rows| {
        let (trained, steps) =
            run(&Trainer::new(&config, &NextToken, rows, 0), Tiny::random(1)).unwrap();
        (trained.module.values(), steps)
    };
    assert_eq!(run(&OneByOne(more)), run(&fewer));
}

#[test]
fn guards_hold_as_rows_come() {
    let mut rows = random_rows(12, 5);
    rows[4].id = "lost".into();
    let error = refused(rows);
    assert!(
        matches!(
            error,
            TrainError::Rows {
                set: "training",
                row: 4,
                ..
            }
        ),
        "{error}"
    );

    let mut rows = random_rows(12, 5);
    rows[4].labels.push(1);
    let error = refused(rows);
    assert!(
        matches!(error, TrainError::Labels { row: 4, .. }),
        "{error}"
    );

    let mut rows = random_rows(12, 5);
    for row in &mut rows {
        row.labels.fill(IGNORE);
    }
    let error = refused(rows);
    assert!(
        matches!(
            error,
            TrainError::NoTrainedToken {
                set: "training",
                rows: 6
            }
        ),
        "{error}"
    );
}
