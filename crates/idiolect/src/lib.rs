#![doc = include_str!("../README.md")]

pub use idiolect_continuation as continuation;
pub use idiolect_data as data;
pub use idiolect_distill as distill;
pub use idiolect_embed as embed;
pub use idiolect_eval as eval;
pub use idiolect_generate as generate;
pub use idiolect_lora as lora;
pub use idiolect_metrics as metrics;
pub use idiolect_model as model;
pub use idiolect_prompt as prompt;
pub use idiolect_teacher as teacher;
pub use idiolect_tokens as tokens;
pub use idiolect_train as train;
