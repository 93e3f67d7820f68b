//! The rows of a micro-batch by the memory of a run, where its settings leave them open.

use idiolect_train::TrainConfig;

use super::plan::{MemoryPlan, PlannedRun};
use crate::{ActivationCheckpointing, FineTuneError};

/// The settings of a run with the largest micro-batch that takes a comfortable share of the free memory, and the
/// accumulation that leaves a step as many rows as it was to have.
///
/// Micro-batches whose blocks need not be computed twice go before larger ones whose blocks do. Where the device
/// does not tell what is free, the micro-batch is that of the default settings.
///
/// # Errors
///
/// [`FineTuneError::Train`] for a row that cannot be read.
pub(crate) fn chosen_batch(run: &PlannedRun<'_>) -> Result<TrainConfig, FineTuneError> {
    let rows = run.config.rows_of_step();
    let with = |batch_size: usize| TrainConfig {
        batch_size,
        accumulation: rows / batch_size,
        ..run.config.clone()
    };
    let usual = with(TrainConfig::default().batch_size);
    let mut smallest = None;
    for computes_again in ways(run.activation_checkpointing) {
        for batch_size in divisors(rows, run.devices) {
            let config = with(batch_size);
            let plan = MemoryPlan::unchecked(&PlannedRun {
                config: &config,
                ..*run
            })?;
            match plan.is_comfortable(run.memory) {
                None => return Ok(usual),
                Some(true) if *computes_again || !plan.activation_checkpointing => {
                    return Ok(config);
                }
                Some(_) => smallest = Some(config),
            }
        }
    }
    Ok(smallest.unwrap_or(usual))
}

/// Whether blocks may be computed twice, in the order in which it is tried.
fn ways(asked: ActivationCheckpointing) -> &'static [bool] {
    match asked {
        ActivationCheckpointing::Auto => &[false, true],
        ActivationCheckpointing::On => &[true],
        ActivationCheckpointing::Off => &[false],
    }
}

/// Numbers of rows that part a step into equal micro-batches, one for each device at least, the largest first.
fn divisors(rows: usize, devices: usize) -> impl Iterator<Item = usize> {
    let most = rows / devices.max(1);
    let all = (1..=most.max(1)).rev();
    all.filter(move |size| rows.is_multiple_of(*size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_parted_into_equal_batches() {
        let of = |rows, devices| divisors(rows, devices).collect::<Vec<_>>();
        assert_eq!(of(8, 1), [8, 4, 2, 1]);
        assert_eq!(of(8, 3), [2, 1]);
        assert_eq!(of(6, 2), [3, 2, 1]);
        assert_eq!(of(1, 1), [1]);
    }
}
