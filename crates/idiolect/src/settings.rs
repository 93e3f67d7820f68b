//! The settings of each job: the parts that its libraries take, in one flat file.
//!
//! Every struct here is a configuration file as it is ([`idiolect_data::settings`]); what a run resolved stands
//! in its `run.toml`.

use std::path::PathBuf;

use idiolect_continuation::ContinuationSettings;
use idiolect_data::DataSettings;
use idiolect_distill::DistillSettings;
use idiolect_eval::EvalSettings;
use idiolect_finetune::FineTuneSettings;
use idiolect_forgetting::ForgettingSettings;
use idiolect_generate::GenerationSettings;
use idiolect_lm::{Dtype, ModelSettings};
use idiolect_lora::LoraConfig;
use idiolect_teacher::ServerSettings;
use idiolect_train::TrainConfig;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Prompts on which the whole job measures forgetting by itself.
pub(crate) const FORGETTING: usize = 64;

/// Settings of a distillation: which model rewrites which answers, and what becomes of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[allow(missing_docs, reason = "the parts say what they are")]
pub struct DistillJob {
    #[serde(flatten)]
    pub model: ModelSettings,
    /// PEFT folder: rewrite with this adapter on the model; by default with the model alone.
    pub adapter: Option<PathBuf>,
    #[serde(flatten)]
    pub data: DataSettings,
    #[serde(flatten)]
    pub distill: DistillSettings,
    #[serde(flatten)]
    pub generation: GenerationSettings,
    /// Record the distribution at each token of a rewrite by this many tokens, for a training with the loss `stored-kl`:
    /// of the model the likeliest and one drawn from the others, of a server the likeliest; 1 to 1000, and at most the
    /// vocabulary. Default: none are recorded.
    pub logprobs: Option<usize>,
    /// Keep the responses, and record the distributions at their tokens, as the model or the server sees them behind the
    /// question alone; needs `logprobs`, and of a server vLLM's `prompt_logprobs`. Default: false.
    pub keep_responses: bool,
    /// Address of an OpenAI-compatible server that rewrites in the place of the model, which then gives template and
    /// vocabulary, and scores the responses; by default the model rewrites.
    pub server: Option<String>,
    #[serde(flatten)]
    pub asking: ServerSettings,
    /// Part I of N of the rows, written I/N; by default all rows.
    pub shard: Option<String>,
    /// Whether the responses are scored before and after under the model; default true.
    pub likelihood: bool,
    /// Seed of the sample, the mix and the draws; default 42.
    pub seed: u64,
    /// Folder of journal, data set and summary.
    pub out: Option<PathBuf>,
}

impl Default for DistillJob {
    fn default() -> Self {
        Self {
            model: ModelSettings::default(),
            adapter: None,
            data: DataSettings::default(),
            distill: DistillSettings::default(),
            generation: GenerationSettings::default(),
            logprobs: None,
            keep_responses: false,
            server: None,
            asking: ServerSettings::default(),
            shard: None,
            likelihood: true,
            seed: 42,
            out: None,
        }
    }
}

/// Settings of the whole job: distil, train plain and distilled, answer held-out rows, compare.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[allow(missing_docs, reason = "the parts say what they are")]
pub struct SdftSettings {
    #[serde(flatten)]
    pub model: ModelSettings,
    #[serde(flatten)]
    pub data: DataSettings,
    /// Folder of a sentence encoder (`MiniLM`) for the embedding similarity; by default it is not measured.
    pub embedder: Option<PathBuf>,
    #[serde(flatten)]
    pub distill: DistillSettings,
    #[serde(flatten)]
    pub generation: GenerationSettings,
    #[serde(flatten)]
    pub lora: LoraConfig,
    /// The loop; its seed is that of everything random in the job.
    #[serde(flatten)]
    pub train: TrainConfig,
    /// `eval_data` must be given: the base model and both adapters answer it, and each training is evaluated on it.
    #[serde(flatten)]
    pub finetune: FineTuneSettings,
    #[serde(flatten)]
    pub forgetting: ForgettingSettings,
    /// Run directory.
    pub out: Option<PathBuf>,
}

/// Settings of halving and continuing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[allow(missing_docs, reason = "the parts say what they are")]
pub struct ContinueJob {
    #[serde(flatten)]
    pub continuation: ContinuationSettings,
    /// Where a local teacher computes; default cpu.
    pub device: String,
    /// Its type of weights and activations; by default f32 on the CPU, elsewhere that of its weights.
    pub dtype: Option<Dtype>,
    /// Threads of the CPU; as many as cores by default.
    pub threads: Option<usize>,
    /// Template of a local teacher's chats; by default the checkpoint's own, and alpaca where it has none.
    pub template: Option<String>,
    #[serde(flatten)]
    pub server: ServerSettings,
    #[serde(flatten)]
    pub generation: GenerationSettings,
    /// Seed of the sample, the cuts and the draws; default 42.
    pub seed: u64,
    /// Folder of journal, rows and summary.
    pub out: Option<PathBuf>,
}

impl Default for ContinueJob {
    fn default() -> Self {
        let ModelSettings { device, dtype, .. } = ModelSettings::default();
        Self {
            continuation: ContinuationSettings::default(),
            device,
            dtype,
            threads: None,
            template: None,
            server: ServerSettings::default(),
            generation: GenerationSettings::default(),
            seed: 42,
            out: None,
        }
    }
}

/// Settings of an evaluation.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[allow(missing_docs, reason = "the parts say what they are")]
pub struct EvalJob {
    #[serde(flatten)]
    pub model: ModelSettings,
    #[serde(flatten)]
    pub eval: EvalSettings,
    #[serde(flatten)]
    pub server: ServerSettings,
    #[serde(flatten)]
    pub forgetting: ForgettingSettings,
    /// Folder of journal, rows and summary.
    pub out: Option<PathBuf>,
}
