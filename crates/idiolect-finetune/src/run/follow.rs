//! The loop followed to its end: its events told, its directory written, and what it gives.

use std::ops::ControlFlow;
use std::sync::atomic::AtomicBool;

use burn::module::Module;
use idiolect_data::{RunDir, RunSession, write_atomically};
use idiolect_report::curves;
use idiolect_train::{EvaluationRow, Rows, RunFolder, StepRow, Trained, Trainer, TrainerEvent};

use super::fixed::Fixed;
use super::layout::Layout;
use super::mlflow::MlflowRun;
use super::options::{Listener, RunOptions};
use super::tensorboard::Board;
use crate::{FineTuneError, MemoryPlan, Tracker, TrainReport, TrainSettings, TrainingEvent};

/// Fewer steps than these teach an adapter little at the usual learning rates.
const FEW_STEPS: usize = 20;

/// How a run is followed.
pub(crate) struct Follow<'a> {
    /// The run directory; without one nothing is written.
    pub(crate) run: Option<&'a RunDir>,
    /// Whether to resume from its latest checkpoint.
    pub(crate) resume: bool,
    /// Ends the run with a checkpoint once it is true.
    pub(crate) stop: Option<&'a AtomicBool>,
    /// Whether `tensorboard/` is written too.
    pub(crate) tensorboard: bool,
    /// Memory and work.
    pub(crate) plan: &'a MemoryPlan,
    /// The settings of the training.
    pub(crate) settings: &'a TrainSettings,
    /// What `run.toml` is to hold where that is more than these settings.
    pub(crate) run_toml: Option<String>,
    /// What is evaluated.
    pub(crate) held_out: &'a dyn Rows,
    /// What makes the run beside the settings of the loop.
    pub(crate) fixed: &'a Fixed,
}

impl<'a> Follow<'a> {
    /// A run with its plan.
    pub(crate) fn new(
        options: &'a RunOptions<'_>,
        layout: &'a Layout,
        held_out: &'a dyn Rows,
        fixed: &'a Fixed,
    ) -> Self {
        Self {
            run: options.run.as_ref(),
            resume: options.resume,
            stop: options.stop,
            tensorboard: options.settings.finetune.tensorboard,
            plan: &layout.plan,
            settings: &layout.settings,
            run_toml: None,
            held_out,
            fixed,
        }
    }
}

/// What a run that came to its end gives.
pub(crate) struct Followed<M> {
    /// The trained module, still with autodiff.
    pub(crate) module: M,
    pub(crate) report: TrainReport,
}

impl Follow<'_> {
    /// Runs a trainer and gives the module once it is finished.
    ///
    /// # Errors
    ///
    /// [`FineTuneError::Train`] for what ends the loop, [`FineTuneError::Stopped`] where it was asked to stop,
    /// and those of writing the directory.
    pub(crate) fn to_the_end<M: Module>(
        &self,
        trainer: Trainer<'_, M>,
        module: M,
        listener: &mut Listener<'_>,
    ) -> Result<Followed<M>, FineTuneError> {
        let folder = self.run.map(|run| RunFolder {
            path: &run.root,
            resume: self.resume,
            fixed: self.fixed,
        });
        let trainer = Trainer {
            held_out: self.held_out,
            folder,
            cancel: self.stop,
            ..trainer
        };
        let mut hearing = Hearing::default();
        let trained = trainer.run(module, &mut |event| hearing.event(self, &event, listener))?;
        if let Some(error) = hearing.failed {
            return Err(error);
        }
        if let Some(problem) = hearing.tracked.and_then(MlflowRun::end) {
            listener(TrainingEvent::NotTracked { problem });
        }
        if let Some(run) = self.run {
            curves::draw(&run.root)?;
        }
        if let Some(session) = hearing.session {
            session.end()?;
        }
        let Trained {
            module,
            steps,
            finished,
            best,
        } = trained;
        if !finished {
            let kept = self.run.is_some() && self.settings.train.checkpoint_every > 0;
            return Err(FineTuneError::Stopped { steps, kept });
        }
        let report = TrainReport {
            plan: self.plan.clone(),
            done: steps,
            steps: hearing.steps,
            evaluations: hearing.evaluations,
            best,
            returned_best: self.settings.train.return_best,
            forgetting: None,
        };
        Ok(Followed { module, report })
    }

    /// Notes the session: the loop has accepted the directory.
    fn session(&self) -> Result<Option<RunSession>, FineTuneError> {
        let device = &self.settings.model.device;
        let begin = |run| RunSession::begin(run, device);
        Ok(self.run.map(begin).transpose()?)
    }

    /// Writes `run.toml` and `plan.json`: the loop has accepted the directory, so no other run's are lost.
    fn begin(&self, done: usize) -> Result<Option<Board>, FineTuneError> {
        let Some(run) = self.run else {
            return Ok(None);
        };
        match &self.run_toml {
            Some(text) => write_atomically(&run.run_toml(), |out| out.write_all(text.as_bytes()))?,
            None => idiolect_data::settings::write(self.settings, &run.run_toml())?,
        }
        self.plan.write(&run.plan())?;
        let board = self
            .tensorboard
            .then(|| Board::new(&run.tensorboard(), done));
        board.transpose()
    }
}

impl Follow<'_> {
    /// Begins, or resumes, the run of the server that the settings name.
    fn track(&self, done: usize) -> Result<Option<MlflowRun>, FineTuneError> {
        let (Some(run), Some(Tracker::Mlflow(url))) = (self.run, &self.settings.finetune.track)
        else {
            return Ok(None);
        };
        let file = run.tracker();
        MlflowRun::begin(url, &file, self.settings, done > 0).map(Some)
    }
}

/// What has been heard of a run.
#[derive(Default)]
struct Hearing {
    session: Option<RunSession>,
    board: Option<Board>,
    tracked: Option<MlflowRun>,
    total: usize,
    steps: Vec<StepRow>,
    evaluations: Vec<EvaluationRow>,
    failed: Option<FineTuneError>,
}

impl Hearing {
    /// Notes an event and passes it on; ends the run where it cannot be written down.
    fn event(
        &mut self,
        follow: &Follow<'_>,
        event: &TrainerEvent<'_>,
        listener: &mut Listener<'_>,
    ) -> ControlFlow<()> {
        if let Err(error) = self.note(follow, event) {
            self.failed.get_or_insert(error);
        }
        let told = self.told(follow, event);
        let few = few_steps(follow, event);
        told.into_iter().chain(few).for_each(listener);
        match self.failed {
            None => ControlFlow::Continue(()),
            Some(_) => ControlFlow::Break(()),
        }
    }

    fn note(&mut self, follow: &Follow<'_>, event: &TrainerEvent<'_>) -> Result<(), FineTuneError> {
        match event {
            TrainerEvent::Planned { done, steps, .. } => {
                self.total = *steps;
                self.session = follow.session()?;
                self.board = follow.begin(*done)?;
                self.tracked = follow.track(*done)?;
            }
            TrainerEvent::Step { row, .. } => {
                self.steps.push((*row).clone());
                if let Some(board) = &mut self.board {
                    board.step(row)?;
                }
                if let Some(tracked) = &self.tracked {
                    tracked.step(row);
                }
            }
            TrainerEvent::Evaluated(row) => {
                self.evaluations.push((*row).clone());
                if let Some(board) = &mut self.board {
                    board.evaluation(row)?;
                }
                if let Some(tracked) = &self.tracked {
                    tracked.evaluation(row);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn told(&self, follow: &Follow<'_>, event: &TrainerEvent<'_>) -> Option<TrainingEvent> {
        Some(match event {
            TrainerEvent::Planned {
                steps,
                done,
                untrained_rows,
            } => TrainingEvent::Planned {
                plan: follow.plan.clone(),
                steps: *steps,
                done: *done,
                untrained_rows: *untrained_rows,
            },
            TrainerEvent::Step { row, timing } => TrainingEvent::Step {
                row: (*row).clone(),
                timing: (*timing).clone(),
                steps: self.total,
            },
            TrainerEvent::Evaluated(row) => TrainingEvent::Evaluated((*row).clone()),
            TrainerEvent::Checkpoint { step, path } => TrainingEvent::Checkpoint {
                step: *step,
                path: path.to_path_buf(),
            },
            TrainerEvent::Done { steps } => TrainingEvent::Done { steps: *steps },
            _ => return None,
        })
    }
}

/// The steps of a new run, where they are few and nobody asked for so many.
fn few_steps(follow: &Follow<'_>, event: &TrainerEvent<'_>) -> Option<TrainingEvent> {
    let TrainerEvent::Planned { steps, done: 0, .. } = event else {
        return None;
    };
    let is_asked = follow.settings.train.max_steps.is_some();
    (*steps < FEW_STEPS && !is_asked).then_some(TrainingEvent::FewSteps { steps: *steps })
}
