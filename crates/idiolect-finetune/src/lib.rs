#![doc = include_str!("../README.md")]

mod devices;
mod error;
mod event;
mod finetune;
mod forecast;
mod init;
mod job;
mod loss;
mod memory;
mod on_policy;
mod outcome;
mod rows;
mod run;
mod settings;
mod train_settings;

pub use devices::check_device;
pub use error::FineTuneError;
pub use event::TrainingEvent;
pub use finetune::FineTune;
pub use forecast::{Forecast, TimePlan};
pub use idiolect_tokens::Truncation;
pub use init::{InitSettings, Initialised, init};
pub use job::{Hooks, TrainOutcome, forecast, plan, train};
pub use loss::{AdapterLoss, FullLoss, Loss, StoredDistributions, trainable};
pub use memory::MemoryPlan;
pub use on_policy::{
    AnswerSource, Asked, AveragedOver, DivergenceKind, DrawnAnswer, Feedback, GroupSettings,
    Judged, OnPolicy, OnPolicySettings, Reward, SupportKind, TeacherKind, TeachingSettings,
    distill_online, plan_online,
};
pub use outcome::{FineTuned, FullyFineTuned, TrainReport};
pub use rows::{LazyRows, StoredCount, TrainingData};
pub use run::{CalledRun, claim, with_vocabulary};
pub use settings::{ActivationCheckpointing, FineTuneSettings, Tracker};
pub use train_settings::TrainSettings;
