//! Further devices of a run: each has a copy of the module, takes its part of every window, and
//! gives the sum of its gradients once a step.
//!
//! The first device is the run's own: optimiser, guards, checkpoints and evaluations are there.
//! Parameters go out and gradients come back as one list of numbers through the host, and are added
//! in the order of the devices, so that a run is the same each time. Burn's own collectives are not
//! used; docs/decisions/0012 says why.
//!
//! Each device has one thread for the whole run: a tape belongs to the thread that wrote it, and a
//! GPU keeps streams and memory by thread.

mod lost;

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvError, RecvTimeoutError, Sender, channel};
use std::thread::Scope;
use std::time::Duration;

use burn::module::Module;
use burn::optim::GradientsParams;
use idiolect_tokens::TokenBatch;

pub(crate) use self::lost::Watched;
use crate::params::{self, Flat};
use crate::{Objective, StepContext, TrainConfig, TrainError, guard};

/// How long a thread of the CPU's pool waits before it looks for work to help with.
const HELP_AFTER: Duration = Duration::from_micros(50);

/// A further device of a run.
pub struct Replica<'a, M> {
    /// A copy of the trained module there, with whatever is frozen in it. Its trained parameters are
    /// overwritten by the run's.
    pub module: &'a M,
    /// The same loss as the run's, over what is frozen there.
    pub objective: &'a (dyn Objective<M> + Sync),
}

/// A micro-batch, with what an objective is told of it.
pub(crate) struct Part {
    /// Its place in the window.
    pub(crate) place: usize,
    pub(crate) batch: TokenBatch,
    pub(crate) trained_tokens: usize,
    pub(crate) step: StepContext,
}

/// What came out of micro-batches: each one's place and sum of losses, and the sum of gradients.
pub(crate) struct Sums<G> {
    pub(crate) losses: Vec<(usize, f64)>,
    pub(crate) gradients: G,
}

/// Losses and the sum of the gradients of some micro-batches, in their order; the sum is in f32.
pub(crate) fn measure<M: Module>(
    objective: &dyn Objective<M>,
    module: &M,
    (step, parts): (usize, &[Part]),
) -> Result<Sums<GradientsParams>, TrainError> {
    let (mut gradients, mut losses) = (GradientsParams::new(), Vec::new());
    for part in parts {
        let measured = objective.gradients(module, &part.batch, part.step);
        let measured = measured.map_err(|source| TrainError::Objective { step, source })?;
        guard::counted(step, measured.loss, part.trained_tokens)?;
        losses.push((part.place, measured.loss.sum));
        params::accumulate(module, &mut gradients, measured.gradients);
    }
    Ok(Sums { losses, gradients })
}

/// One window's work for one device.
struct Job {
    step: usize,
    parameters: Arc<Flat>,
    parts: Vec<Part>,
}

type Answer = Result<Sums<Flat>, TrainError>;

/// The further devices at work.
pub(crate) struct Team {
    workers: Vec<(Sender<Job>, Receiver<Answer>)>,
}

impl Team {
    /// Starts a thread for each device; it ends when the team is dropped.
    pub(crate) fn start<'scope, 'env, M: Module + 'scope>(
        scope: &'scope Scope<'scope, 'env>,
        replicas: &[Replica<'env, M>],
    ) -> Self {
        let start = |(index, replica): (usize, &Replica<'env, M>)| {
            let (jobs, to_do) = channel();
            let (done, answers) = channel();
            let (objective, module) = (replica.objective, replica.module.clone().train());
            let watched = Watched::new(&module, index + 1);
            scope.spawn(move || work(objective, module, &watched, (&to_do, &done)));
            (jobs, answers)
        };
        Self {
            workers: replicas.iter().enumerate().map(start).collect(),
        }
    }

    /// Measures a window on all devices, its micro-batches dealt to them in turn. Losses come in the
    /// order of the devices.
    pub(crate) fn measure<M: Module>(
        &self,
        objective: &dyn Objective<M>,
        module: &M,
        (step, parts): (usize, Vec<Part>),
    ) -> Result<Sums<GradientsParams>, TrainError> {
        let (own, others) = deal(parts, self.workers.len());
        let busy = self.hand_out(module, step, others);
        let sums = measure(objective, module, (step, &own));
        // All answers are waited for, also where this device failed: nobody works on unseen.
        let answers: Vec<Answer> = busy.map(|answers| wait(answers, step)).collect();
        let mut sums = sums?;
        for answer in answers {
            let more = answer?;
            sums.losses.extend(more.losses);
            params::add_gradients(module, &mut sums.gradients, more.gradients);
        }
        Ok(sums)
    }

    /// Sends each device its part; gives those that got one.
    fn hand_out<M: Module>(
        &self,
        module: &M,
        step: usize,
        parts: Vec<Vec<Part>>,
    ) -> impl Iterator<Item = &Receiver<Answer>> {
        let used = parts.iter().filter(|parts| !parts.is_empty()).count();
        let parameters = if used == 0 {
            Flat::default()
        } else {
            params::flat(module, None)
        };
        let parameters = Arc::new(parameters);
        for ((jobs, _), parts) in self.workers.iter().zip(parts).take(used) {
            let parameters = Arc::clone(&parameters);
            // A device that is gone is noticed when its answer is waited for.
            let _ = jobs.send(Job {
                step,
                parameters,
                parts,
            });
        }
        self.workers.iter().take(used).map(|(_, answers)| answers)
    }
}

/// One micro-batch after the other to the first device, the second, and so on: what the first gets,
/// and what the others do.
fn deal(parts: Vec<Part>, others: usize) -> (Vec<Part>, Vec<Vec<Part>>) {
    let mut dealt: Vec<Vec<Part>> = (0..others).map(|_| Vec::new()).collect();
    let mut own = Vec::new();
    for (index, part) in parts.into_iter().enumerate() {
        match (index % (others + 1)).checked_sub(1) {
            None => own.push(part),
            Some(other) => dealt[other].push(part),
        }
    }
    (own, dealt)
}

/// What a device's thread does, until the run is over or the device is lost.
fn work<M: Module>(
    objective: &dyn Objective<M>,
    mut module: M,
    watched: &Watched,
    (jobs, done): (&Receiver<Job>, &Sender<Answer>),
) {
    for job in jobs {
        let own = module.clone();
        let answer = watched.over(job.step, || window(objective, own, &job));
        let (sent, next) = match answer {
            Ok((next, sums)) => (done.send(Ok(sums)), Some(next)),
            Err(error) => (done.send(Err(error)), None),
        };
        match next.filter(|_| sent.is_ok()) {
            Some(next) => module = next,
            None => return,
        }
    }
}

/// One window's work: the module with the run's parameters, and what came out.
fn window<M: Module>(
    objective: &dyn Objective<M>,
    module: M,
    job: &Job,
) -> Result<(M, Sums<Flat>), TrainError> {
    let module = with_parameters(module, &job.parameters);
    let sums = measure(objective, &module, (job.step, &job.parts))?;
    let sums = Sums {
        losses: sums.losses,
        gradients: params::flat(&module, Some(&sums.gradients)),
    };
    Ok((module, sums))
}

fn with_parameters<M: Module>(module: M, parameters: &Flat) -> M {
    let mut at = 0;
    params::from_host(module, &mut |_, shape| {
        let end = at + shape.iter().product::<usize>();
        let values = parameters.values.get(at..end).map(<[f32]>::to_vec);
        at = end;
        values
    })
}

/// A device's answer. Products of the CPU run on rayon's pool, which may be no more than the thread
/// that waits here; so it helps.
fn wait(answers: &Receiver<Answer>, step: usize) -> Answer {
    let gone = || {
        let source = Box::new(RecvError);
        Err(TrainError::Objective { step, source })
    };
    if rayon::current_thread_index().is_none() {
        return answers.recv().unwrap_or_else(|_| gone());
    }
    loop {
        while rayon::yield_now() == Some(rayon::Yield::Executed) {}
        match answers.recv_timeout(HELP_AFTER) {
            Ok(answer) => return answer,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return gone(),
        }
    }
}

/// Refuses devices that would never have work, and copies of another module.
pub(crate) fn check<M: Module>(
    replicas: &[Replica<'_, M>],
    module: &M,
    config: &TrainConfig,
) -> Result<(), TrainError> {
    if !replicas.is_empty() && replicas.len() >= config.accumulation {
        return Err(TrainError::Setting {
            name: "accumulation",
            expected: "a micro-batch for each device",
            found: format!("{} for {}", config.accumulation, replicas.len() + 1),
        });
    }
    for replica in replicas {
        guard::rows_apart(config, replica.objective)?;
    }
    let shapes = params::shapes(module);
    let other =
        |replica: &&Replica<'_, M>| params::shapes(&replica.module.clone().train()) != shapes;
    match replicas.iter().find(other) {
        None => Ok(()),
        Some(other) => Err(TrainError::Setting {
            name: "replicas",
            expected: "the trained parameters of the module",
            found: format!("{:?}", params::shapes(other.module)),
        }),
    }
}
