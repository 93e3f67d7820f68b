//! What ends a run before its last step: checks that stop one which would go on and train wrongly, and the
//! best of its evaluations, with the patience to wait for a better one.
//!
//! The best is part of a checkpoint's state, so a resumed run stops where an undisturbed one would.

use burn::module::Module;
use idiolect_tokens::TokenRow;
use serde::{Deserialize, Serialize};

use crate::params::{self, HostTensor};
use crate::{
    BoxError, CountMismatch, EvaluationRow, LossSum, Objective, RowSize, TrainConfig, TrainError,
};

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

/// Rows of all passes together that a run may lay out: the plan of more than these takes gigabytes.
const MOST_ROWS: usize = 100_000_000;

/// Refuses more passes, or steps, than can be laid out, a slip of the keys.
pub(crate) fn can_be_planned(config: &TrainConfig, rows: usize) -> Result<(), TrainError> {
    let of_steps = |steps: usize| steps.saturating_mul(config.rows_of_step());
    let (name, planned, found) = if let Some(steps) = config.max_steps {
        ("max_steps", of_steps(steps), format!("{steps} steps"))
    } else {
        let found = format!(
            "{} passes over {}",
            config.epochs,
            idiolect_input::counted(rows, "row", "rows")
        );
        ("epochs", config.epochs.saturating_mul(rows), found)
    };
    if planned <= MOST_ROWS {
        return Ok(());
    }
    Err(TrainError::Setting {
        name,
        expected: "at most 100000000 rows in all",
        found,
    })
}

/// Refuses a warm-up at whose end the run is over: its full rate would never be reached.
pub(crate) fn warms_up(config: &TrainConfig, steps: usize) -> Result<(), TrainError> {
    if config.warmup_steps <= steps {
        return Ok(());
    }
    Err(TrainError::Setting {
        name: "warmup_steps",
        expected: "at most the steps of the run",
        found: format!("{} in a run of {steps}", config.warmup_steps),
    })
}

/// Refuses held-out rows of which nothing is trained, and settings that wait for evaluations where there is
/// nothing to evaluate.
pub(crate) fn held_out(
    config: &TrainConfig,
    set: &'static str,
    rows: &[RowSize],
) -> Result<(), TrainError> {
    if !rows.is_empty() {
        return something_trained(set, rows);
    }
    let waiting = [
        ("patience", config.patience.is_some()),
        ("return_best", config.return_best),
        ("eval_every", config.eval_every > 0),
        ("eval_on_start", config.eval_on_start),
    ];
    match waiting.iter().find(|(_, waits)| *waits) {
        Some((name, _)) => Err(TrainError::Setting {
            name,
            expected: "held-out rows to evaluate",
            found: "none".to_owned(),
        }),
        None => Ok(()),
    }
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
    let still = |tensor: &HostTensor| tensor.values.iter().all(|&value| value == 0.0);
    match params::to_host(module, must_move).into_iter().find(still) {
        None => Ok(()),
        Some(tensor) => Err(TrainError::NeverMoved {
            step,
            parameter: tensor.name,
        }),
    }
}

/// Refuses an objective that counted other tokens than its gradient was divided by.
pub(crate) fn counted(step: usize, loss: LossSum, expected: usize) -> Result<(), TrainError> {
    let found = loss.trained_tokens;
    if found == expected {
        return Ok(());
    }
    let source: BoxError = Box::new(CountMismatch { expected, found });
    Err(TrainError::Objective { step, source })
}

/// Refuses packed rows where the objective does not keep the rows of a line apart.
pub(crate) fn rows_apart<M>(
    config: &TrainConfig,
    objective: &dyn Objective<M>,
) -> Result<(), TrainError> {
    if config.packing.is_none() || objective.keeps_packed_rows_apart() {
        return Ok(());
    }
    Err(TrainError::Setting {
        name: "packing",
        expected: "an objective that keeps the rows of a line apart",
        found: "one that does not say so (keeps_packed_rows_apart)".to_owned(),
    })
}

/// The evaluation with the lowest loss of a run; of equals, the first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BestEvaluation {
    /// 1-based optimiser step after which it ran.
    pub step: usize,
    /// Its mean loss, in nats.
    pub eval_loss: f64,
}

/// What has been seen of evaluations so far.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Seen {
    /// Step of the best one.
    pub(crate) step: Option<usize>,
    /// Bits of its loss: a number could lose its last digit on its way through JSON.
    loss_bits: u64,
    /// Evaluations since then.
    since: usize,
}

impl Seen {
    /// Counts an evaluation; whether it is the best so far.
    pub(crate) fn add(&mut self, row: &EvaluationRow) -> bool {
        let better = self
            .best()
            .is_none_or(|best| row.eval_loss < best.eval_loss);
        if better {
            self.step = Some(row.step);
            self.loss_bits = row.eval_loss.to_bits();
            self.since = 0;
        } else {
            self.since += 1;
        }
        better
    }

    pub(crate) fn best(&self) -> Option<BestEvaluation> {
        let eval_loss = f64::from_bits(self.loss_bits);
        self.step.map(|step| BestEvaluation { step, eval_loss })
    }

    /// Whether the run has waited long enough for a better one.
    pub(crate) fn is_over(&self, config: &TrainConfig) -> bool {
        config
            .patience
            .is_some_and(|patience| self.since >= patience)
    }
}

/// The evaluations so far, and the parameters of the best where the run is to return them.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    pub(crate) seen: Seen,
    pub(crate) parameters: Vec<HostTensor>,
}

impl Watch {
    /// Counts an evaluation of `module`; whether it is the best so far.
    pub(crate) fn add<M: Module>(
        &mut self,
        row: &EvaluationRow,
        module: &M,
        config: &TrainConfig,
    ) -> bool {
        let better = self.seen.add(row);
        if better && config.return_best {
            self.parameters = params::to_host(module, &|_| true);
        }
        better
    }

    /// The module as it was at the best evaluation; as it is where none was kept.
    pub(crate) fn restore<M: Module>(self, module: M) -> M {
        let mut kept = self.parameters;
        params::from_host(module, &mut |name, shape| {
            let same = |tensor: &HostTensor| tensor.name == name && tensor.shape == shape;
            let at = kept.iter().position(same)?;
            Some(kept.swap_remove(at).values)
        })
    }
}
