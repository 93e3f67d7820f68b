//! Checks that stop a run which would go on and train wrongly.

use burn::module::Module;
use idiolect_tokens::TokenRow;

use crate::{RowSize, Rows, TrainConfig, TrainError, params};

/// Steps at a positive rate after which a parameter that starts at zero has long moved.
pub(crate) const STEPS_TO_MOVE: usize = 3;

/// Refuses a row whose labels do not stand one beside each input id: in a batch, a label beyond
/// the ids would train a padded position.
pub(crate) fn labels_beside_ids(number: usize, row: &TokenRow) -> Result<(), TrainError> {
    let (row, ids, labels) = (number, row.input_ids.len(), row.labels.len());
    if ids == labels {
        return Ok(());
    }
    Err(TrainError::Labels { row, ids, labels })
}

/// Refuses a set in which nothing is trained.
pub(crate) fn something_trained(set: &'static str, rows: &[RowSize]) -> Result<(), TrainError> {
    if rows.iter().all(|row| row.trained_tokens == 0) {
        return Err(TrainError::NoTrainedToken {
            set,
            rows: rows.len(),
        });
    }
    Ok(())
}

/// Refuses settings that wait for evaluations where there is nothing to evaluate.
pub(crate) fn something_held_out(
    config: &TrainConfig,
    held_out: &dyn Rows,
) -> Result<(), TrainError> {
    let name = if config.patience.is_some() {
        "patience"
    } else if config.return_best {
        "return_best"
    } else if config.eval_every > 0 {
        "eval_every"
    } else {
        return Ok(());
    };
    if held_out.count() == 0 {
        return Err(TrainError::Setting {
            name,
            expected: "held-out rows to evaluate",
            found: "none".to_owned(),
        });
    }
    Ok(())
}

/// Refuses a number that is infinite or not a number.
pub(crate) fn finite(step: usize, quantity: &'static str, value: f64) -> Result<(), TrainError> {
    if value.is_finite() {
        return Ok(());
    }
    Err(TrainError::NotFinite {
        step,
        quantity,
        value,
    })
}

/// Refuses a module in which a parameter that `must_move` names is still exactly zero.
pub(crate) fn moved<M: Module>(
    module: &M,
    step: usize,
    must_move: &dyn Fn(&str) -> bool,
) -> Result<(), TrainError> {
    let still = |tensor: &params::HostTensor| tensor.values.iter().all(|&value| value == 0.0);
    match params::to_host(module, must_move).into_iter().find(still) {
        None => Ok(()),
        Some(tensor) => Err(TrainError::NeverMoved {
            step,
            parameter: tensor.name,
        }),
    }
}
