//! The loop: windows of micro-batches, one optimiser step each.
//!
//! It prints nothing and holds no global state; it can run twice in one program, or in a thread.
//! What happens is told to the caller's function, which may end the run.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use burn::module::Module;
use idiolect_tokens::TokenRow;

use crate::folder::Store;
use crate::pass::row_sizes;
use crate::{
    AdamW, Event, Objective, Plan, RunFolder, StepRow, TimingRow, TrainConfig, TrainError, Window,
    clip_by_global_norm, guard, learning_rate, params,
};

/// A training run. Fields without a use are left as [`Trainer::new`] makes them.
pub struct Trainer<'a, M> {
    /// The settings.
    pub config: &'a TrainConfig,
    /// The loss, and how its gradients come about.
    pub objective: &'a dyn Objective<M>,
    /// The training rows.
    pub rows: &'a [TokenRow],
    /// The id that fills up shorter rows. It may be that of a real token: labels decide.
    pub pad_id: u32,
    /// Rows to evaluate after each epoch and at the end; none by default.
    pub held_out: &'a [TokenRow],
    /// Where logs and checkpoints go; by default nothing is written.
    pub folder: Option<RunFolder<'a>>,
    /// Names the parameters that start at zero and must have moved after a few steps (the second
    /// factor of a low-rank adapter); none by default.
    pub must_move: &'a dyn Fn(&str) -> bool,
    /// Ends the run after the step it is in once it is true; another thread may set it.
    pub cancel: Option<&'a AtomicBool>,
}

/// A module after a run.
#[derive(Debug)]
pub struct Trained<M> {
    /// The module, with its trained parameters where the run left them, still on the tape:
    /// `module.valid()` takes it off.
    pub module: M,
    /// Optimiser steps done, those before a resumption included.
    pub steps: usize,
    /// Whether the run came to its end and was not cancelled before it.
    pub finished: bool,
}

type Callback<'a> = dyn FnMut(Event<'_>) -> ControlFlow<()> + 'a;

/// The part of a run that changes.
struct Running<M> {
    module: M,
    optimizer: AdamW,
    store: Option<Store>,
    done: usize,
}

impl<'a, M: Module> Trainer<'a, M> {
    /// A run that writes nothing and evaluates nothing, to be extended by struct update.
    #[must_use]
    pub fn new(
        config: &'a TrainConfig,
        objective: &'a dyn Objective<M>,
        rows: &'a [TokenRow],
        pad_id: u32,
    ) -> Self {
        let (held_out, folder, cancel) = (&[], None, None);
        Self {
            config,
            objective,
            rows,
            pad_id,
            held_out,
            folder,
            must_move: &|_| false,
            cancel,
        }
    }

    /// Trains the module's parameters that require gradients, and returns it.
    ///
    /// The caller's function hears each event; where it breaks, or `cancel` is set, the run ends
    /// after the step it is in, with a checkpoint if the settings keep any.
    ///
    /// # Errors
    ///
    /// [`TrainError::Setting`] for settings out of range or a module without trained parameters;
    /// [`TrainError::NoTrainedToken`] and [`TrainError::Labels`] for rows that would train nothing
    /// or padding; [`TrainError::NotFinite`] and [`TrainError::NeverMoved`] for a run gone wrong;
    /// [`TrainError::Objective`] from the caller's code; [`TrainError::Io`] and
    /// [`TrainError::Checkpoint`] from the run's folder.
    pub fn run(&self, module: M, on_event: &mut Callback<'_>) -> Result<Trained<M>, TrainError> {
        self.config.validate()?;
        let plan = self.plan()?;
        let mut running = self.start(module.train())?;
        let steps = plan.windows.len();
        let (done, untrained_rows) = (running.done, plan.untrained_rows);
        let mut flow = on_event(Event::Planned {
            steps,
            done,
            untrained_rows,
        });
        for (index, window) in plan.windows.iter().enumerate().skip(done) {
            if flow.is_break() || self.is_cancelled() {
                break;
            }
            (running, flow) = self.advance(running, (index, steps), window, on_event)?;
        }
        if let Some(store) = &mut running.store {
            if let Some(path) = store.save(running.done, &running.module, &running.optimizer)? {
                let _ = on_event(Event::Checkpoint {
                    step: running.done,
                    path: &path,
                });
            }
            store.sync()?;
        }
        let finished = running.done == steps;
        if finished {
            let _ = on_event(Event::Done { steps });
        }
        Ok(Trained {
            module: running.module,
            steps: running.done,
            finished,
        })
    }

    fn is_cancelled(&self) -> bool {
        self.cancel
            .is_some_and(|cancel| cancel.load(Ordering::Relaxed))
    }

    /// Checks the rows and lays out the run.
    fn plan(&self) -> Result<Plan, TrainError> {
        let sizes = row_sizes(self.rows);
        guard::labels_beside_ids(self.rows)?;
        guard::labels_beside_ids(self.held_out)?;
        guard::something_trained("training", &sizes)?;
        if !self.held_out.is_empty() {
            guard::something_trained("held-out", &row_sizes(self.held_out))?;
        }
        Ok(Plan::new(&sizes, self.config))
    }

    /// The state before the first step, or that of the checkpoint to resume.
    fn start(&self, mut module: M) -> Result<Running<M>, TrainError> {
        if params::shapes(&module).is_empty() {
            return Err(TrainError::Setting {
                name: "module",
                expected: "a parameter that requires a gradient",
                found: "none".to_owned(),
            });
        }
        let mut optimizer = AdamW::new(self.config);
        let (mut store, mut done) = (None, 0);
        if let Some(folder) = self.folder {
            let (opened, checkpoint) = Store::open(folder, self.config, self.rows)?;
            if let Some(mut checkpoint) = checkpoint {
                module = opened.restore(module, &mut checkpoint)?;
                if let Some(device) = module.devices().first() {
                    optimizer.restore(checkpoint.optimizer, device);
                }
                done = checkpoint.state.step;
            }
            store = Some(opened);
        }
        Ok(Running {
            module,
            optimizer,
            store,
            done,
        })
    }

    /// One window with all that follows from it: logs, evaluation, checkpoint, events.
    fn advance(
        &self,
        running: Running<M>,
        (index, steps): (usize, usize),
        window: &Window,
        on_event: &mut Callback<'_>,
    ) -> Result<(Running<M>, ControlFlow<()>), TrainError> {
        let Running {
            module,
            mut optimizer,
            mut store,
            ..
        } = running;
        let began = Instant::now();
        let rate = learning_rate(self.config, index, steps);
        let (module, row) = self.step(module, &mut optimizer, (index, rate), window)?;
        let tokens = window
            .batches
            .iter()
            .flatten()
            .map(|&row| self.rows[row].input_ids.len())
            .sum();
        let timing = TimingRow::new(index + 1, tokens, began);
        self.guard_moved(&module, index, steps)?;
        if let Some(store) = &mut store {
            store.log_step(&row, &timing)?;
        }
        let mut flows = vec![on_event(Event::Step {
            row: &row,
            timing: &timing,
        })];
        let done = index + 1;
        if !self.held_out.is_empty() && (window.ends_epoch || done == steps) {
            let row = self.evaluate(&module, done, window.epoch)?;
            if let Some(store) = &mut store {
                store.log_evaluation(&row)?;
            }
            flows.push(on_event(Event::Evaluated(&row)));
        }
        if let Some(store) = &mut store
            && self.config.checkpoint_every > 0
            && done.is_multiple_of(self.config.checkpoint_every)
            && let Some(path) = store.save(done, &module, &optimizer)?
        {
            flows.push(on_event(Event::Checkpoint {
                step: done,
                path: &path,
            }));
        }
        let flow = flows.into_iter().find(ControlFlow::is_break);
        let flow = flow.unwrap_or(ControlFlow::Continue(()));
        Ok((
            Running {
                module,
                optimizer,
                store,
                done,
            },
            flow,
        ))
    }

    /// Gradients of the window, clipped and applied.
    fn step(
        &self,
        module: M,
        optimizer: &mut AdamW,
        (index, rate): (usize, f64),
        window: &Window,
    ) -> Result<(M, StepRow), TrainError> {
        let step = index + 1;
        let (loss, mut gradients) = self.window_gradients(&module, window, step)?;
        let mean = loss.sum / loss.trained_tokens as f64;
        guard::finite(step, "loss", mean)?;
        let grad_norm = clip_by_global_norm(&module, &mut gradients, self.config.clip_norm);
        guard::finite(step, "gradient norm", grad_norm)?;
        let module = optimizer.step(module, gradients, rate);
        let (epoch, trained_tokens) = (window.epoch, loss.trained_tokens);
        Ok((
            module,
            StepRow {
                step,
                epoch,
                loss: mean,
                lr: rate,
                grad_norm,
                trained_tokens,
            },
        ))
    }

    /// Looks once at the parameters that must move: after a few steps that could move them.
    fn guard_moved(&self, module: &M, index: usize, steps: usize) -> Result<(), TrainError> {
        let could_move = |&step: &usize| learning_rate(self.config, step, steps) > 0.0;
        let deciding = (0..steps)
            .filter(could_move)
            .take(guard::STEPS_TO_MOVE)
            .last();
        if deciding == Some(index) {
            guard::moved(module, index + 1, self.must_move)?;
        }
        Ok(())
    }
}
