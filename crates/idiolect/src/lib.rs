#![doc = include_str!("../README.md")]

#[cfg(feature = "train")]
mod checks;
mod error;
#[cfg(feature = "train")]
mod jobs;
#[cfg(feature = "train")]
mod sdft;
#[cfg(feature = "train")]
mod settings;

pub use idiolect_completion as completion;
pub use idiolect_continuation as continuation;
pub use idiolect_data as data;
pub use idiolect_distill as distill;
pub use idiolect_eval as eval;
pub use idiolect_generate as generate;
pub use idiolect_input as input;
pub use idiolect_metrics as metrics;
pub use idiolect_prompt as prompt;
pub use idiolect_report as report;
pub use idiolect_tokens as tokens;

#[cfg(feature = "train")]
pub use burn;
#[cfg(feature = "train")]
pub use idiolect_embed as embed;
#[cfg(feature = "train")]
pub use idiolect_finetune as finetune;
#[cfg(feature = "train")]
pub use idiolect_forgetting as forgetting;
#[cfg(feature = "hub")]
pub use idiolect_hub as hub;
#[cfg(feature = "train")]
pub use idiolect_lm as lm;
#[cfg(feature = "train")]
pub use idiolect_lora as lora;
#[cfg(feature = "train")]
pub use idiolect_model as model;
#[cfg(feature = "serve")]
pub use idiolect_serve as serve;
#[cfg(feature = "server")]
pub use idiolect_teacher as teacher;
#[cfg(feature = "train")]
pub use idiolect_train as train;

pub use error::{Blame, Error, error_cause, error_causes, error_line};
pub use idiolect_completion::{BoxError, Progress, Quiet};
pub use idiolect_data::Dataset;
pub use idiolect_distill::Check;

#[cfg(feature = "train")]
pub use idiolect_finetune::{
    FineTune, FineTuneSettings, FineTuned, OnPolicy, OnPolicySettings, TeachingSettings,
    TrainSettings, TrainingEvent,
};
#[cfg(feature = "train")]
pub use idiolect_lm::{LanguageModel, ModelSettings};
#[cfg(feature = "train")]
pub use idiolect_lora::LoraConfig;
#[cfg(feature = "train")]
pub use idiolect_train::TrainConfig;
#[cfg(feature = "train")]
pub use jobs::{
    Rewritten, SelfDistill, continue_text, distil_online, distill as distil, embedding_scores,
    evaluate, merge_shards, read_sample, rewrite_prompts,
};
#[cfg(feature = "train")]
pub use sdft::{Outcome, Sdft};
#[cfg(feature = "train")]
pub use settings::{ContinueJob, DistillJob, EvalJob, SdftSettings};
