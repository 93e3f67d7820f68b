//! One training run of an adapter: rows of tokens in, a run directory out.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, atomic::Ordering};

use burn::module::Module;
use idiolect::lora::{LoraAdapter, Tape};
use idiolect::train::{Event, RateRatio, Rows, RunFolder, Schedule, StepRow, TrainConfig, Trainer};

use crate::curves;
use crate::error::CliError;
use crate::fleet::Fleet;
use crate::keys::TrainKeys;
use crate::objective::{AdapterLoss, Loss};
use crate::opened::Opened;
use crate::planning::{Plan, Trained};
use crate::probe;
use crate::progress::{bar, say};
use crate::tensorboard::Board;

/// Settings of the loop as typed, over the defaults of [`TrainConfig`].
///
/// # Errors
///
/// [`CliError::Train`] for a number outside its range.
pub fn config(keys: &TrainKeys, seed: u64) -> Result<TrainConfig, CliError> {
    let plain = TrainConfig::default();
    let schedule = match &keys.schedule {
        Some(name) => name.parse::<Schedule>()?,
        None => plain.schedule,
    };
    let config = TrainConfig {
        epochs: keys.epochs.unwrap_or(plain.epochs),
        batch_size: keys.batch_size.unwrap_or(plain.batch_size),
        accumulation: keys.accumulation.unwrap_or(plain.accumulation),
        learning_rate: keys.learning_rate.unwrap_or(plain.learning_rate),
        schedule,
        warmup_steps: keys.warmup_steps.unwrap_or(plain.warmup_steps),
        weight_decay: keys.weight_decay.unwrap_or(plain.weight_decay),
        beta1: keys.adam_beta1.unwrap_or(plain.beta1),
        beta2: keys.adam_beta2.unwrap_or(plain.beta2),
        epsilon: keys.adam_epsilon.unwrap_or(plain.epsilon),
        clip_norm: keys.clip_norm.unwrap_or(plain.clip_norm),
        shuffle: !keys.no_shuffle.unwrap_or(false),
        length_grouping: !keys.no_length_grouping.unwrap_or(false),
        packing: packing(keys)?,
        seed,
        checkpoint_every: keys.checkpoint_every.unwrap_or(plain.checkpoint_every),
        keep_checkpoints: keys.keep_checkpoints.unwrap_or(plain.keep_checkpoints),
        max_steps: keys.max_steps,
        rate_ratios: rate_ratios(keys),
        eval_every: keys.eval_every.unwrap_or(plain.eval_every),
        patience: keys.patience,
        return_best: keys.return_best.unwrap_or(plain.return_best),
    };
    config.validate()?;
    Ok(config)
}

/// Tokens of a row that several examples share.
fn packing(keys: &TrainKeys) -> Result<Option<usize>, CliError> {
    match (keys.packing.unwrap_or(false), keys.max_length) {
        (false, _) => Ok(None),
        (true, Some(length)) => Ok(Some(length)),
        (true, None) => Err(CliError::setting("--packing", "a --max-length", "none")),
    }
}

/// LoRA+: the second factor's own rate.
fn rate_ratios(keys: &TrainKeys) -> Vec<RateRatio> {
    let own = |ratio| RateRatio {
        field: "b".to_owned(),
        ratio,
    };
    keys.lora_plus_ratio.map(own).into_iter().collect()
}

/// A run to make.
pub struct Run<'a> {
    /// The model, without an adapter of its own, and without its weights where all of them train.
    pub opened: &'a Opened,
    /// Settings of the loop.
    pub config: &'a TrainConfig,
    /// What is trained on.
    pub rows: &'a dyn Rows,
    /// What is evaluated.
    pub held_out: &'a dyn Rows,
    /// What is minimised.
    pub loss: Loss,
    /// Devices that share the work of each step.
    pub fleet: &'a Fleet,
    /// `auto`, `on` or `off`.
    pub checkpoint_blocks: Option<&'a str>,
    /// Whether `tensorboard/` is written too.
    pub tensorboard: bool,
    /// The run directory.
    pub out: &'a Path,
    /// Whether to go on from its latest checkpoint.
    pub resume: bool,
    /// Ends the run with a checkpoint once it is true.
    pub cancel: &'a AtomicBool,
}

/// Trains `adapter` and leaves `plan.json`, logs, `curves.svg`, checkpoints and `adapter/` in the run
/// directory.
///
/// # Errors
///
/// [`CliError::Train`] for what stops the loop, [`CliError::Stopped`] when the user did, those of
/// [`probe::check`] on each device, and the errors of writing the directory.
pub fn train(run: &Run<'_>, adapter: LoraAdapter) -> Result<(LoraAdapter, Vec<StepRow>), CliError> {
    probe::check(&run.opened.decoder.device(), run.opened.decoder.dtype())?;
    run.fleet.check(run.opened.decoder.dtype())?;
    std::fs::create_dir_all(run.out).map_err(CliError::io(run.out))?;
    let plan = Plan::new(run, Trained::Adapter(&adapter))?;
    plan.write(&run.out.join("plan.json"))?;
    let tape = if plan.checkpoint_blocks {
        Tape::Blocks
    } else {
        Tape::Whole
    };
    let objective = AdapterLoss {
        decoder: &run.opened.decoder,
        tape,
        loss: run.loss,
    };
    let pad = run.opened.pad_id();
    let losses = run.fleet.losses(tape, run.loss);
    let trainer = Trainer {
        replicas: &run.fleet.replicas(&losses),
        // `lora_B` starts at zero, unless an earlier adapter goes on.
        must_move: &|name: &str| name.rsplit('.').next() == Some("b"),
        ..Trainer::new(run.config, &objective, run.rows, pad)
    };
    let (adapter, steps) = follow(run, trainer, adapter, &plan.line())?;
    let adapter = adapter.at_rest();
    let place = run.out.join("adapter");
    idiolect::lora::save(&adapter, &place, &run.opened.name)?;
    run.opened.text.save(&place)?;
    Ok((adapter, steps))
}

/// Runs a trainer in the run directory, shows how it goes, and gives the module once it is finished.
///
/// # Errors
///
/// [`CliError::Train`] for what stops the loop, and [`CliError::Stopped`] when the user did.
pub fn follow<M: Module>(
    run: &Run<'_>,
    trainer: Trainer<'_, M>,
    module: M,
    plan: &str,
) -> Result<(M, Vec<StepRow>), CliError> {
    let folder = RunFolder {
        path: run.out,
        resume: run.resume,
    };
    let trainer = Trainer {
        held_out: run.held_out,
        folder: Some(folder),
        cancel: Some(run.cancel),
        ..trainer
    };
    let progress = bar("train", 0);
    let (mut steps, mut board, mut failed) = (Vec::new(), None, None);
    let trained = trainer.run(module, &mut |event| {
        if let Event::Planned { .. } = &event {
            say(plan);
        }
        show(&progress, &event);
        if let Event::Step { row, .. } = event {
            steps.push(row.clone());
        }
        failed = tell(run, &mut board, &event).err();
        match failed {
            None => ControlFlow::Continue(()),
            Some(_) => ControlFlow::Break(()),
        }
    })?;
    progress.finish_and_clear();
    if let Some(error) = failed {
        return Err(error);
    }
    curves::draw(run.out)?;
    if !trained.finished {
        let what = format!("{} steps are done", trained.steps);
        return Err(CliError::Stopped {
            what,
            again: "--resume",
        });
    }
    Ok((trained.module, steps))
}

/// Passes an event on to `TensorBoard`'s file, where one is wanted.
fn tell(run: &Run<'_>, board: &mut Option<Board>, event: &Event<'_>) -> Result<(), CliError> {
    if let (Event::Planned { done, .. }, true) = (event, run.tensorboard) {
        *board = Some(Board::new(&run.out.join("tensorboard"), *done)?);
    }
    match (board, event) {
        (Some(board), Event::Step { row, .. }) => board.step(row),
        (Some(board), Event::Evaluated(row)) => board.evaluation(row),
        _ => Ok(()),
    }
}

fn show(progress: &indicatif::ProgressBar, event: &Event<'_>) {
    match event {
        Event::Planned { steps, done, .. } => {
            progress.set_length(*steps as u64);
            progress.set_position(*done as u64);
        }
        Event::Step { row, timing } => {
            progress.inc(1);
            let speed = timing.tokens_per_second;
            progress.set_message(format!("loss {:.3} {speed:.0} tok/s", row.loss));
        }
        Event::Evaluated(row) => {
            let right = row
                .eval_accuracy
                .map_or(String::new(), |share| format!(" right {share:.3}"));
            progress.set_message(format!("held-out loss {:.3}{right}", row.eval_loss));
        }
        _ => {}
    }
}

/// A flag that the first SIGINT or SIGTERM sets; a second one ends the program.
#[must_use]
pub fn stop_flag() -> Arc<AtomicBool> {
    let flag = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&flag);
    let handler = move || {
        if seen.swap(true, Ordering::SeqCst) {
            std::process::exit(1);
        }
    };
    // Without a handler a signal ends the program at once, and the journal and checkpoints serve.
    let _ = ctrlc::set_handler(handler);
    flag
}
