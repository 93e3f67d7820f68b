//! A run that trains every weight of the model.

use burn::module::Module;
use burn::tensor::FloatDType;
use idiolect_data::fill_folder;
use idiolect_lm::{Dtype, LanguageModel};
use idiolect_model::{SaveOptions, Weights, save, weight_files};
use idiolect_train::Trainer;

use super::fixed;
use super::follow::{Follow, Followed};
use super::layout::Layout;
use super::options::{Listener, RunOptions};
use super::start::with_vocabulary;
use crate::devices::{Trains, check};
use crate::loss::{FullLoss, trainable};
use crate::memory::{Memory, PlannedRun, Trained};
use crate::rows::{RowSource, Sets};
use crate::{FineTuneError, Forecast, FullyFineTuned, TimePlan};

/// Largest file of a trained model.
const SHARD_BYTES: u64 = 5_000_000_000;

/// A run that trains every weight.
pub(crate) struct FullRun<'a> {
    options: RunOptions<'a>,
    /// The model without its weights.
    model: LanguageModel,
    weights: Weights,
}

impl<'a> FullRun<'a> {
    /// Enlarges the vocabulary where that is asked for, and takes the weights out of the model.
    pub(crate) fn new(options: RunOptions<'a>) -> Result<Self, FineTuneError> {
        let mut model = with_vocabulary(&options.model, &options.settings.finetune)?;
        if model.bits().is_some() {
            return Err(FineTuneError::setting(
                "quantize",
                "nothing beside full",
                "a value",
            ));
        }
        check_dtype(model.dtype())?;
        let mut options = options;
        // What was given holds the weights too, unless it lets them go.
        drop(options.model.take_weights());
        let weights = model.take_weights();
        Ok(Self {
            options,
            model,
            weights,
        })
    }

    /// Memory, work and time of the run.
    pub(crate) fn forecast(
        self,
        timed: usize,
        listener: &mut Listener<'_>,
    ) -> Result<Forecast, FineTuneError> {
        let Self {
            options,
            model,
            weights,
        } = self;
        source(&options, &model).read(None, listener, |sets, listener| {
            let layout = layout(&options, &model, &weights, sets, listener)?;
            Forecast::new(layout.plan, timed, |_| {
                check(&model.device(), model.dtype(), Trains::Weights)?;
                let objective = objective(&model);
                let trainer = Trainer::new(&layout.config, &objective, sets.rows, model.pad_id());
                TimePlan::measure(trainer, trainable(weights), timed)
            })
        })
    }

    /// Trains to the end and writes the model.
    pub(crate) fn train(
        self,
        listener: &mut Listener<'_>,
    ) -> Result<FullyFineTuned, FineTuneError> {
        let Self {
            options,
            model,
            weights,
        } = self;
        let run = options.run.as_ref();
        source(&options, &model).read(run, listener, |sets, listener| {
            train_on(&options, &model, weights, sets, listener)
        })
    }
}

/// The type of the model's files, and bf16 for weights that were trained in it: more bits would hold nothing more.
fn stored_by_default(model: &LanguageModel) -> Dtype {
    match Dtype::from(model.dtype()) {
        Dtype::Bf16 => Dtype::Bf16,
        _ => model.files_dtype(),
    }
}

/// Refuses a type that small gradients would be lost in, for want of a scale.
fn check_dtype(dtype: FloatDType) -> Result<(), FineTuneError> {
    match dtype {
        FloatDType::F32 | FloatDType::BF16 => Ok(()),
        other => {
            let found = format!("{other:?}").to_lowercase();
            Err(FineTuneError::setting(
                "dtype",
                "f32 or bf16 beside full",
                found,
            ))
        }
    }
}

fn source<'a>(options: &'a RunOptions<'_>, model: &'a LanguageModel) -> RowSource<'a> {
    RowSource {
        model,
        data: &options.data,
        files: &options.settings.data.data,
        held_out: options.held_out.as_ref(),
        settings: &options.settings.finetune,
        seed: options.config.seed,
        bad_rows: options.settings.data.bad_rows,
        skipped: &options.skipped,
    }
}

fn layout(
    options: &RunOptions<'_>,
    model: &LanguageModel,
    weights: &Weights,
    sets: Sets<'_>,
    listener: &mut Listener<'_>,
) -> Result<Layout, FineTuneError> {
    let run = PlannedRun {
        decoder: model.decoder(),
        trained: Trained::Weights(weights),
        config: &options.config,
        rows: sets.rows,
        held_out: sets.held_out,
        activation_checkpointing: options.settings.finetune.activation_checkpointing,
        devices: 1,
        memory: Memory::of(&model.device(), 1),
    };
    Layout::new(options, &run, listener)
}

fn objective(model: &LanguageModel) -> FullLoss {
    FullLoss {
        config: model.decoder().config.clone(),
    }
}

fn train_on(
    options: &RunOptions<'_>,
    model: &LanguageModel,
    weights: Weights,
    sets: Sets<'_>,
    listener: &mut Listener<'_>,
) -> Result<FullyFineTuned, FineTuneError> {
    check(&model.device(), model.dtype(), Trains::Weights)?;
    let layout = layout(options, model, &weights, sets, listener)?;
    let objective = objective(model);
    let trainer = Trainer::new(&layout.config, &objective, sets.rows, model.pad_id());
    let fixed = fixed::of_model(options, model)?;
    let follow = Follow::new(options, &layout, sets.held_out, &fixed);
    let Followed { module, report } = follow.to_the_end(trainer, trainable(weights), listener)?;
    let model = model.with_weights(module.valid());
    if let Some(run) = &options.run {
        let place = run.model();
        let asked = options.settings.finetune.stored;
        let options = SaveOptions {
            stored: asked.unwrap_or_else(|| stored_by_default(&model)).into(),
            max_shard_bytes: SHARD_BYTES,
        };
        let before = weight_files(&place)?;
        fill_folder(&place, ("config.json", &before), |own| {
            let mut files = save(model.decoder(), own, options)?;
            files.extend(model.save_text_files(own)?);
            Ok::<_, FineTuneError>(files)
        })?;
    }
    Ok(FullyFineTuned { model, report })
}
