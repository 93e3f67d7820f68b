//! Which evaluation of a run was the best, and when to stop waiting for a better one.
//!
//! It is part of a checkpoint's state, so a resumed run stops where an undisturbed one would.

use burn::module::Module;
use serde::{Deserialize, Serialize};

use crate::params::{self, HostTensor};
use crate::{EvaluationRow, TrainConfig};

/// The evaluation with the lowest loss of a run; of equals, the first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Best {
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

    pub(crate) fn best(&self) -> Option<Best> {
        let eval_loss = f64::from_bits(self.loss_bits);
        self.step.map(|step| Best { step, eval_loss })
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
