//! A run that trains an adapter.

use idiolect_lm::LanguageModel;
use idiolect_lora::{Checkpointing, LoraAdapter};
use idiolect_train::{TrainConfig, TrainError, Trainer};

use super::fixed;
use super::follow::{Follow, Followed};
use super::layout::Layout;
use super::options::{Listener, RunOptions};
use super::start::{Start, with_vocabulary};
use crate::devices::{DeviceCount, Replicas, Trains, check};
use crate::loss::AdapterLoss;
use crate::memory::{Memory, PlannedRun, Trained};
use crate::rows::{RowSource, Sets};
use crate::{FineTuneError, FineTuned, Forecast, MemoryPlan, TimePlan, TrainReport};

/// A run that trains an adapter, its model and devices open.
pub(crate) struct AdapterRun<'a> {
    options: &'a RunOptions<'a>,
    model: LanguageModel,
    start: Start<'a>,
    replicas: Replicas,
}

impl<'a> AdapterRun<'a> {
    /// Enlarges the vocabulary where that is asked for, and opens the further devices.
    pub(crate) fn new(options: &'a RunOptions<'a>) -> Result<Self, FineTuneError> {
        let settings = &options.settings.finetune;
        let model = with_vocabulary(&options.model, settings)?;
        let start = Start {
            settings,
            lora: &options.settings.lora,
            seed: options.config.seed,
        };
        let on = |decoder: &_| start.adapter_on(decoder);
        let replicas = Replicas::open(&model, &settings.devices, &on)?;
        Ok(Self {
            options,
            model,
            start,
            replicas,
        })
    }

    fn source(&self) -> RowSource<'_> {
        RowSource {
            model: &self.model,
            data: &self.options.data,
            files: &self.options.settings.data.data,
            held_out: self.options.held_out.as_ref(),
            settings: &self.options.settings.finetune,
            seed: self.options.config.seed,
            bad_rows: self.options.settings.data.bad_rows,
            skipped: &self.options.skipped,
        }
    }

    /// Memory, work and time of the run.
    pub(crate) fn forecast(
        &self,
        timed: usize,
        listener: &mut Listener<'_>,
    ) -> Result<Forecast, FineTuneError> {
        self.source().read(None, listener, |sets, listener| {
            let adapter = self.start.adapter(&self.model)?;
            let layout = self.layout(&adapter, sets, listener)?;
            Forecast::new(layout.plan, timed, |plan| {
                self.with_trainer(&layout.config, plan, sets, |trainer| {
                    TimePlan::measure(trainer, adapter, timed)
                })
            })
        })
    }

    fn layout(
        &self,
        adapter: &LoraAdapter,
        sets: Sets<'_>,
        listener: &mut Listener<'_>,
    ) -> Result<Layout, FineTuneError> {
        let DeviceCount { all, on_host } = self.replicas.count(&self.model.device());
        let run = PlannedRun {
            decoder: self.model.decoder(),
            trained: Trained::Adapter(adapter),
            config: &self.options.config,
            rows: sets.rows,
            held_out: sets.held_out,
            activation_checkpointing: self.options.settings.finetune.activation_checkpointing,
            devices: all,
            memory: Memory::of(&self.model.device(), on_host),
        };
        Layout::new(self.options, &run, listener)
    }

    /// Trains to the end and writes the adapter.
    pub(crate) fn train(&self, listener: &mut Listener<'_>) -> Result<FineTuned, FineTuneError> {
        let run = self.options.run.as_ref();
        self.source().read(run, listener, |sets, listener| {
            self.train_on(sets, listener)
        })
    }

    /// Hands on the loop over the rows, once devices and gradients are seen to be sound.
    fn with_trainer<T>(
        &self,
        config: &TrainConfig,
        plan: &MemoryPlan,
        sets: Sets<'_>,
        then: impl FnOnce(Trainer<'_, LoraAdapter>) -> Result<T, FineTuneError>,
    ) -> Result<T, FineTuneError> {
        let model = &self.model;
        check(&model.device(), model.dtype(), Trains::Adapter)?;
        self.replicas.check(model.dtype())?;
        let checkpointing = if plan.activation_checkpointing {
            Checkpointing::Blocks
        } else {
            Checkpointing::Off
        };
        let loss = self.options.settings.finetune.loss;
        let objective = AdapterLoss {
            decoder: model.decoder(),
            checkpointing,
            loss,
            stored: sets.stored,
        };
        let losses = self.replicas.losses(&objective);
        then(Trainer {
            replicas: &self.replicas.replicas(&losses),
            // `lora_B` starts at zero, unless an earlier adapter is trained further.
            must_move: &|name: &str| name.rsplit('.').next() == Some("b"),
            ..Trainer::new(config, &objective, sets.rows, model.pad_id())
        })
    }

    /// An error about a lost device that names it.
    fn of_device(&self, error: FineTuneError) -> FineTuneError {
        let FineTuneError::Train(TrainError::DeviceLost { step, place }) = error else {
            return error;
        };
        let own = &self.options.settings.model.device;
        let keeps = self.options.run.is_some() && self.options.settings.train.checkpoint_every > 0;
        FineTuneError::DeviceLost {
            step,
            device: self.replicas.name(place).unwrap_or(own).to_owned(),
            kept: place > 0 && keeps,
        }
    }

    fn train_on(
        &self,
        sets: Sets<'_>,
        listener: &mut Listener<'_>,
    ) -> Result<FineTuned, FineTuneError> {
        let (options, model) = (self.options, &self.model);
        let adapter = self.start.adapter(model)?;
        let layout = self.layout(&adapter, sets, listener)?;
        let (config, plan) = (&layout.config, &layout.plan);
        let Followed { module, report } = self.with_trainer(config, plan, sets, |trainer| {
            let mut fixed = fixed::of_adapter(options, model, &adapter)?;
            if let Some(stored) = sets.stored.filter(|_| !fixed.is_empty()) {
                fixed.insert("stored".into(), stored.fingerprint());
            }
            let follow = Follow::new(options, &layout, sets.held_out, &fixed);
            let followed = follow.to_the_end(trainer, adapter, listener);
            followed.map_err(|error| self.of_device(error))
        })?;
        finish(options, model, module.frozen(), report)
    }
}

/// Writes a trained adapter where there is a run directory, and gives it with what the run computed.
///
/// # Errors
///
/// [`FineTuneError::Lm`] and [`FineTuneError::Io`] where it cannot be written.
pub(crate) fn finish(
    options: &RunOptions<'_>,
    model: &LanguageModel,
    adapter: LoraAdapter,
    report: TrainReport,
) -> Result<FineTuned, FineTuneError> {
    if let Some(run) = &options.run {
        let place = run.adapter();
        idiolect_lora::save_adapter(&adapter, &place, model.base())?;
        model.save_text_files(&place)?;
    }
    Ok(FineTuned {
        model: model.with_adapter(&adapter)?,
        adapter,
        report,
    })
}
