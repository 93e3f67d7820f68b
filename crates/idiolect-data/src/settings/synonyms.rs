//! What other programs call settings of this one, so that a name out of habit gets the right one as its answer.
//!
//! Sources: `LoraConfig` of PEFT 0.21, `TrainingArguments` of transformers 5.24 and `SFTConfig` of TRL 1.16, the
//! configuration files of axolotl 0.13 and LLaMA-Factory 0.9, and the parser of mlx-lm 0.29. No name here is a key of
//! this program. What depends on a command or a value, and what there is nothing for, stands in `unlike.rs`.

use std::fmt;

/// A name that others use, the key that it is here, and which value of that is meant, where it is one, or what its values are.
const SYNONYMS: &[(&str, &str, &str)] = &[
    // PEFT
    ("r", "rank", ""),
    ("lora_alpha", "alpha", ""),
    ("lora_dropout", "dropout", ""),
    ("target_modules", "targets", ""),
    ("use_rslora", "rslora", ""),
    ("use_dora", "dora", ""),
    ("init_lora_weights", "init", ""),
    ("layers_to_transform", "layers", ""),
    ("base_model_name_or_path", "model", ""),
    // transformers and TRL
    ("num_train_epochs", "epochs", ""),
    ("per_device_train_batch_size", "batch_size", ""),
    ("gradient_accumulation_steps", "accumulation", ""),
    ("lr_scheduler_type", "schedule", ""),
    ("max_grad_norm", "clip_norm", ""),
    (
        "warmup_ratio",
        "warmup_steps",
        "a number of steps, not a share of them",
    ),
    ("save_steps", "checkpoint_every", ""),
    ("save_strategy", "checkpoint_every", "a number of steps"),
    (
        "eval_strategy",
        "eval_every",
        "a number of steps; 0 is after each epoch",
    ),
    (
        "evaluation_strategy",
        "eval_every",
        "a number of steps; 0 is after each epoch",
    ),
    ("save_total_limit", "keep_checkpoints", ""),
    ("eval_steps", "eval_every", ""),
    ("eval_dataset", "eval_data", ""),
    ("output_dir", "out", ""),
    ("load_best_model_at_end", "return_best", ""),
    ("early_stopping_patience", "patience", ""),
    ("gradient_checkpointing", "activation_checkpointing", WHEN),
    ("report_to", "track", "mlflow:URL; or tensorboard = true"),
    ("torch_dtype", "dtype", ""),
    ("bf16", "dtype", "bf16"),
    ("fp16", "dtype", "f16"),
    ("max_seq_length", "max_length", ""),
    ("dataset_name", "data", ""),
    (
        "resume_from_checkpoint",
        "resume",
        "without a value, it resumes from the latest checkpoint of --out",
    ),
    ("dataset_text_field", "format", "text"),
    // axolotl
    ("base_model", "model", ""),
    ("datasets", "data", ""),
    ("test_datasets", "eval_data", ""),
    ("sequence_len", "max_length", ""),
    ("micro_batch_size", "batch_size", ""),
    ("num_epochs", "epochs", ""),
    ("lora_r", "rank", ""),
    ("lora_target_modules", "targets", ""),
    ("lora_target_linear", "targets", "all-linear"),
    ("lora_modules_to_save", "modules_to_save", ""),
    ("val_set_size", "validation_share", ""),
    ("sample_packing", "packing", ""),
    ("lr_scheduler", "schedule", ""),
    ("load_in_8bit", "quantize", "8"),
    ("load_in_4bit", "quantize", "4"),
    ("peft_use_dora", "dora", ""),
    ("peft_use_rslora", "rslora", ""),
    ("loraplus_lr_ratio", "lora_plus_ratio", ""),
    ("chat_template", "template", ""),
    ("evals_per_epoch", "eval_every", ""),
    ("saves_per_epoch", "checkpoint_every", ""),
    ("lora_model_dir", "init_adapter", ""),
    // LLaMA-Factory
    ("model_name_or_path", "model", ""),
    ("dataset", "data", ""),
    ("cutoff_len", "max_length", ""),
    ("lora_rank", "rank", ""),
    ("lora_target", "targets", ""),
    (
        "finetuning_type",
        "full",
        "true for every weight; without it LoRA",
    ),
    ("quantization_bit", "quantize", ""),
    ("quantization", "quantize", "8 or 4 bits"),
    ("val_size", "validation_share", ""),
    ("max_samples", "sample", ""),
    ("additional_target", "modules_to_save", ""),
    ("add_special_tokens", "add_tokens", ""),
    ("new_special_tokens", "add_tokens", ""),
    ("adapter_name_or_path", "adapter", ""),
    ("infer_dtype", "dtype", ""),
    // mlx-lm
    ("iters", "max_steps", ""),
    (
        "num_layers",
        "layers",
        "the numbers of the blocks, from 0, not how many of the last",
    ),
    ("adapter_path", "adapter", ""),
    ("resume_adapter_file", "init_adapter", ""),
    (
        "fine_tune_type",
        "full",
        "true for every weight; without it LoRA",
    ),
    ("steps_per_eval", "eval_every", ""),
    ("save_every", "checkpoint_every", ""),
    ("grad_checkpoint", "activation_checkpointing", WHEN),
    ("grad_accumulation_steps", "accumulation", ""),
    ("temp", "temperature", ""),
    ("max_tokens", "max_new_tokens", ""),
    (
        "val_batches",
        "eval_sample",
        "a number of rows, not of batches",
    ),
    // vLLM, and trackers
    ("lora_modules", "adapter", "as NAME=FOLDER"),
    ("wandb", "track", TRACKERS),
    ("use_wandb", "track", TRACKERS),
    ("wandb_project", "track", TRACKERS),
    // In short
    ("lr", "learning_rate", ""),
    ("warmup", "warmup_steps", ""),
    ("bs", "batch_size", ""),
    ("n_epochs", "epochs", ""),
    ("model_path", "model", ""),
    ("train_data", "data", ""),
    ("train_file", "data", ""),
    ("train_path", "data", ""),
    ("training_data", "data", ""),
    ("data_path", "data", ""),
    ("dataset_path", "data", ""),
    ("data_files", "data", ""),
    ("val_data", "eval_data", ""),
    ("valid_data", "eval_data", ""),
    ("validation_data", "eval_data", ""),
    ("test_data", "eval_data", ""),
    ("system_prompt", "system", ""),
    ("config_file", "config", ""),
    ("output", "out", ""),
    ("num_fewshot", "shots", ""),
    ("tasks", "task", ""),
];

const WHEN: &str = "auto, on or off";
const TRACKERS: &str = "mlflow:URL; or --tensorboard, there is no Weights & Biases";

/// What a name of another program means here; shown as the key, with its value where one is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Synonym {
    /// The key.
    pub key: &'static str,
    /// The value that the other name stands for, or in several words what its values are; empty where they are the same.
    pub value: &'static str,
}

impl fmt::Display for Synonym {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, value } = self;
        match *value {
            "" => f.write_str(key),
            value if value.contains(' ') => write!(f, "{key} ({value})"),
            value if value == "true" || value.parse::<u8>().is_ok() => write!(f, "{key} = {value}"),
            value => write!(f, "{key} = {value:?}"),
        }
    }
}

/// What a name of another program means here; nothing for a name that no other program is known to use.
///
/// Hyphens count as underscores.
///
/// ```
/// # use idiolect_data::settings::synonym;
/// assert_eq!(synonym("lora-r").unwrap().key, "rank");
/// assert_eq!(synonym("bf16").unwrap().to_string(), "dtype = \"bf16\"");
/// assert_eq!(synonym("rank"), None);
/// ```
#[must_use]
pub fn synonym(name: &str) -> Option<Synonym> {
    let name = name.replace('-', "_");
    let found = SYNONYMS.iter().find(|(other, _, _)| *other == name)?;
    let (_, key, value) = *found;
    Some(Synonym { key, value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_has_one_answer() {
        for (at, (name, own, _)) in SYNONYMS.iter().enumerate() {
            assert!(
                SYNONYMS[..at].iter().all(|(other, _, _)| other != name),
                "{name}"
            );
            assert_eq!(
                synonym(own),
                None,
                "{name} means {own}, which means another"
            );
        }
    }
}
