//! The loop: windows of micro-batches, one optimiser step each.
//!
//! It prints nothing and holds no global state; it can run twice in one program, or in a thread.
//! What happens is told to the caller's function, which may end the run.

mod ends;
mod evaluations;
mod running;

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use burn::module::Module;
use idiolect_tokens::TokenRow;
use tracing::{debug, debug_span};

use crate::pass::{HELD_OUT, Pass, TRAINING, row_sizes};
use crate::replica::{self, Replica, Team, Watched};
use crate::{
    BestEvaluation, Objective, Plan, Rows, RunFolder, StepRows, StepStart, TimingRow, TrainConfig,
    TrainError, TrainerEvent, Window, guard, learning_rate,
};
use running::{Callback, Running};

/// A training run. Fields without a use are left as [`Trainer::new`] makes them.
pub struct Trainer<'a, M> {
    /// The settings.
    pub config: &'a TrainConfig,
    /// The loss, and how its gradients come about.
    pub objective: &'a dyn Objective<M>,
    /// The training rows.
    pub rows: &'a dyn Rows,
    /// Makes the rows of each step when it comes; by default they are the run's rows themselves.
    pub step_rows: Option<&'a dyn StepRows<M>>,
    /// Rate of a moving average of the trained parameters, above 0 and at most 1: after each step the average moves
    /// by this share towards them. It starts as they do, is told to [`Trainer::step_rows`], and is part of a
    /// checkpoint. By default there is none.
    pub average_rate: Option<f64>,
    /// The id that fills up shorter rows. It may be that of a real token: labels decide.
    pub pad_id: u32,
    /// Further devices that share the micro-batches of each step with the module's own; none by default.
    pub replicas: &'a [Replica<'a, M>],
    /// Rows to evaluate, as often as [`TrainConfig::eval_every`] says; none by default.
    pub held_out: &'a dyn Rows,
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
    /// Whether the run came to its end, or to that of its patience, and was not cancelled before.
    pub finished: bool,
    /// The best evaluation, if there was one. Its parameters are the module's where
    /// [`TrainConfig::return_best`] says so and the run is finished.
    pub best: Option<BestEvaluation>,
}

impl<'a, M: Module> Trainer<'a, M> {
    /// A run that writes nothing and evaluates nothing, to be extended by struct update.
    #[must_use]
    pub fn new(
        config: &'a TrainConfig,
        objective: &'a dyn Objective<M>,
        rows: &'a dyn Rows,
        pad_id: u32,
    ) -> Self {
        Self {
            config,
            objective,
            rows,
            step_rows: None,
            average_rate: None,
            pad_id,
            replicas: &[],
            held_out: &[] as &[TokenRow; 0],
            folder: None,
            must_move: &|_| false,
            cancel: None,
        }
    }

    /// Trains the module's parameters that require gradients, and returns it.
    ///
    /// The caller's function hears each event; where it breaks, or `cancel` is set, the run ends
    /// after the step it is in, with a checkpoint if the settings keep any.
    ///
    /// # Errors
    ///
    /// [`TrainError::Setting`] for settings out of range, packing with an objective that does not keep rows
    /// apart, a module without trained parameters, or replicas that differ from it or outnumber the
    /// micro-batches;
    /// [`TrainError::NoTrainedToken`] and [`TrainError::Labels`] for rows that would train nothing
    /// or padding; [`TrainError::NotFinite`] and [`TrainError::NeverMoved`] for a run gone wrong;
    /// [`TrainError::DeviceLost`] for a device of another machine that is gone: where it is a replica's, a checkpoint of
    /// the last step is written first;
    /// [`TrainError::Objective`], [`TrainError::Rows`] and [`TrainError::StepRows`] from the caller's code; [`TrainError::Io`] and
    /// [`TrainError::Checkpoint`] from the run's folder.
    pub fn run(&self, module: M, on_event: &mut Callback<'_>) -> Result<Trained<M>, TrainError> {
        self.config.validate()?;
        guard::rows_apart(self.config, self.objective)?;
        let (plan, module) = (self.plan()?, module.train());
        replica::check(self.replicas, &module, self.config)?;
        let watched = Watched::new(&module, 0);
        thread::scope(|scope| {
            let team = Team::start(scope, self.replicas);
            let running = watched.over(1, || self.start(module, team))?;
            self.follow(running, &plan, &watched, on_event)
        })
    }

    fn pass(&self) -> Pass<'a, M> {
        Pass {
            config: self.config,
            objective: self.objective,
            rows: self.rows,
            step_rows: self.step_rows,
            held_out: self.held_out,
            pad_id: self.pad_id,
            must_move: self.must_move,
        }
    }

    /// The steps that are left of a plan.
    fn follow(
        &self,
        mut running: Running<M>,
        plan: &Plan,
        watched: &Watched,
        on_event: &mut Callback<'_>,
    ) -> Result<Trained<M>, TrainError> {
        let steps = plan.windows.len();
        let (done, untrained_rows) = (running.done, plan.untrained_rows);
        let mut flow = on_event(TrainerEvent::Planned {
            steps,
            done,
            untrained_rows,
        });
        if flow.is_continue() && self.is_evaluated_first(done) {
            let evaluated = || self.evaluated(&mut running, 0.0, on_event);
            flow = watched.over(1, evaluated)?.1;
        }
        for (index, window) in plan.windows.iter().enumerate().skip(done) {
            let is_over = running.watch.seen.is_over(self.config);
            if is_over || flow.is_break() || self.is_cancelled() {
                break;
            }
            let advance = || self.advance(running, (index, steps), window, on_event);
            (running, flow) = watched.over(index + 1, advance)?;
        }
        let done = running.done;
        watched.over(done, || self.end(running, steps, on_event))
    }

    fn is_cancelled(&self) -> bool {
        self.cancel
            .is_some_and(|cancel| cancel.load(Ordering::Relaxed))
    }

    /// Checks the rows and lays out the run.
    fn plan(&self) -> Result<Plan, TrainError> {
        let sizes = row_sizes(self.rows);
        for set in [TRAINING, HELD_OUT] {
            self.pass().check_known(set)?;
        }
        guard::something_trained(TRAINING, &sizes)?;
        guard::held_out(self.config, HELD_OUT, &row_sizes(self.held_out))?;
        guard::can_be_planned(self.config, sizes.len())?;
        let plan = Plan::new(&sizes, self.config);
        guard::warms_up(self.config, plan.windows.len())?;
        Ok(plan)
    }

    /// One window with all that follows from it: logs, evaluation, checkpoint, events.
    fn advance(
        &self,
        mut running: Running<M>,
        (index, steps): (usize, usize),
        window: &Window,
        on_event: &mut Callback<'_>,
    ) -> Result<(Running<M>, ControlFlow<()>), TrainError> {
        let _span = debug_span!("step", step = index + 1, steps).entered();
        let began = Instant::now();
        let rate = learning_rate(self.config, index, steps);
        let start = StepStart {
            step: index + 1,
            window,
            module: &running.module,
            average: running.average.as_ref(),
        };
        let stepped = self
            .pass()
            .step(&running.team, &mut running.optimizer, rate, start);
        if let Err(TrainError::DeviceLost { .. }) = stepped {
            // The run's own device has the state of the step before, which can be resumed.
            let _ = running.save(on_event)?;
        }
        let (module, row, tokens) = stepped?;
        running.average(&module, self.average_rate);
        running.module = module;
        running.done = index + 1;
        let timing = TimingRow::new(index + 1, tokens, began);
        debug!(
            loss = row.loss,
            gradient_norm = row.grad_norm,
            seconds = timing.seconds,
            tokens,
            "a step is done"
        );
        self.pass().guard_moved(&running.module, index, steps)?;
        if let Some(store) = &mut running.store {
            store.log_step(&row, &timing)?;
        }
        let (row, timing) = (&row, &timing);
        let mut flows = vec![on_event(TrainerEvent::Step { row, timing })];
        let mut is_best = false;
        if self.is_evaluated(running.done, steps, window) {
            let (row, flow) = self.evaluated(&mut running, window.epoch, on_event)?;
            is_best = running.watch.add(&row, &running.module, self.config);
            flows.push(flow);
        }
        let every = self.config.checkpoint_every;
        if is_best || (every > 0 && running.done.is_multiple_of(every)) {
            flows.push(running.save(on_event)?);
        }
        let flow = flows.into_iter().find(ControlFlow::is_break);
        Ok((running, flow.unwrap_or(ControlFlow::Continue(()))))
    }
}
