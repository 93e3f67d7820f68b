//! What the program calls things: options and their help, names of other programs, lists of names.

use crate::common::{Place, done, refused};

/// Flags and keys of the parsers of other programs, and what they are here.
const OTHERS: [(&str, &str); 62] = [
    ("r", "rank"),
    ("lora-alpha", "alpha"),
    ("lora_alpha", "alpha"),
    ("lora-dropout", "dropout"),
    ("lora_dropout", "dropout"),
    ("target-modules", "targets"),
    ("target_modules", "targets"),
    ("use_rslora", "rslora"),
    ("use_dora", "dora"),
    ("init_lora_weights", "init"),
    ("layers_to_transform", "layers"),
    ("num_train_epochs", "epochs"),
    ("per_device_train_batch_size", "batch-size"),
    ("gradient_accumulation_steps", "accumulation"),
    ("lr_scheduler_type", "schedule"),
    ("max_grad_norm", "clip-norm"),
    ("save_steps", "checkpoint-every"),
    ("save_total_limit", "keep-checkpoints"),
    ("eval_steps", "eval-every"),
    ("output_dir", "out"),
    ("load_best_model_at_end", "return-best"),
    ("early_stopping_patience", "patience"),
    ("gradient_checkpointing", "activation-checkpointing"),
    ("report_to", "track"),
    ("torch_dtype", "dtype"),
    ("bf16", "dtype bf16"),
    ("max_seq_length", "max-length"),
    ("dataset_name", "data"),
    ("base_model", "model"),
    ("datasets", "data"),
    ("sequence_len", "max-length"),
    ("micro_batch_size", "batch-size"),
    ("num_epochs", "epochs"),
    ("lora_r", "rank"),
    ("lora-r", "rank"),
    ("lora_target_modules", "targets"),
    ("lora_target_linear", "targets all-linear"),
    ("lora_modules_to_save", "modules-to-save"),
    ("val_set_size", "validation-share"),
    ("sample_packing", "packing"),
    ("load_in_8bit", "quantize 8"),
    ("load_in_4bit", "quantize 4"),
    ("peft_use_dora", "dora"),
    ("loraplus_lr_ratio", "lora-plus-ratio"),
    ("chat_template", "template"),
    ("lora_model_dir", "init-adapter"),
    ("model_name_or_path", "model"),
    ("cutoff_len", "max-length"),
    ("lora_rank", "rank"),
    ("lora_target", "targets"),
    ("finetuning_type", "full"),
    ("quantization_bit", "quantize"),
    ("val_size", "validation-share"),
    ("max_samples", "sample"),
    ("additional_target", "modules-to-save"),
    ("new_special_tokens", "add-tokens"),
    ("iters", "max-steps"),
    ("num-layers", "layers"),
    ("resume-adapter-file", "init-adapter"),
    ("steps-per-eval", "eval-every"),
    ("lr", "learning-rate"),
    ("bs", "batch-size"),
];

#[test]
fn names_of_other_programs_are_answered_with_those_of_this_one() {
    let help = done(&["train", "--help"]);
    for (other, own) in OTHERS {
        let flag = format!("--{other}");
        refused(
            &["train", &flag, "1"],
            &[&format!("{flag} is called --{own} here")],
        );
        assert!(
            own.split(' ')
                .next()
                .is_some_and(|own| help.contains(&format!("--{own}"))),
            "{own} is no option of train"
        );
    }
    let Some(place) = Place::new() else { return };
    refused(
        &["train", "--warmup-ratio", "0.1"],
        &["--warmup-ratio is called --warmup-steps here: a number of steps, not a share of them"],
    );
    refused(
        &["train", "--adapter-path", "a"],
        &["--adapter-path is called --out here, where an adapter is written, or --init-adapter"],
    );
    refused(
        &["generate", "--adapter-path", "a"],
        &["--adapter-path is called --adapter here"],
    );
    refused(
        &["fuse"],
        &["fuse is called merge here: idiolect merge --help"],
    );
    let config = place.write("run.toml", "load_in_4bit = true\n");
    refused(
        &["train", "--config", &config],
        &["run.toml: key: expected quantize = 4, as it is called here, found load_in_4bit"],
    );
    let config = place.write("run.toml", "lora_r = 8\n");
    refused(
        &["train", "--config", &config],
        &["run.toml: key: expected rank, as it is called here, found lora_r"],
    );
    let config = place.write("run.toml", "epochs = 1\n[lora]\nr = 8\nlora_alpha = 16\n");
    refused(
        &["train", "--config", &config],
        &[
            "run.toml: key: expected settings at the top level, outside of tables: alpha for lora_alpha, rank for r, found [lora]",
        ],
    );
}

#[test]
fn all_that_is_missing_is_named_at_once() {
    refused(
        &["train"],
        &["--model, --data, --out: expected a value for each, found nothing"],
    );
    refused(
        &["distill", "--model", "m"],
        &["--data, --out: expected a value for each"],
    );
    refused(
        &["sdft"],
        &["--model, --data, --eval-data, --out: expected a value for each"],
    );
    refused(
        &["train", "--model", "m", "--data", "d"],
        &["--out: expected a run directory"],
    );
}

#[test]
fn help_is_there_without_a_word_and_has_headings_and_examples() {
    let alone = done(&[]);
    assert!(
        alone.contains("Usage: idiolect [OPTIONS] <COMMAND>")
            && alone.contains("Start here:\n  idiolect init"),
        "{alone}"
    );
    let help = done(&["train", "--help"]);
    for part in [
        "Usage: idiolect train --model <MODEL> --data <FILE> --out <FOLDER> [OPTIONS]",
        "Model and device:",
        "Adapter:",
        "Evaluation and checkpoints:",
        "Examples:",
    ] {
        assert!(help.contains(part), "{part}: {help}");
    }
    assert!(!done(&["generate", "--help"]).contains("--generation-batch-size"));
}

#[test]
fn names_that_options_take_are_listed() {
    let has = |command: &str, names: &[&str]| {
        let listed = done(&[command]);
        for name in names {
            assert!(
                listed
                    .lines()
                    .any(|line| line.split(' ').next() == Some(*name)),
                "{command}: {name}"
            );
        }
    };
    has("templates", &["alpaca", "chatml", "sdft-2402/main/alpaca"]);
    has(
        "presets",
        &[
            "using",
            "refer",
            "gsm8k",
            "unaided",
            "sdft-2402/main/using",
            "nift-2409",
            "sdft-2402",
        ],
    );
    has("tasks", &["gsm8k", "arc_challenge", "humaneval"]);
    let Some(place) = Place::new() else { return };
    let (model, data) = (place.model("tiny-llama3"), place.alpaca());
    let call = [
        "distill",
        "--model",
        &model,
        "--data",
        &data,
        "--preset",
        "usin",
        "--out",
        &place.path("o"),
    ];
    refused(&call, &["--preset", "using, refer, gsm8k", "found usin"]);
}
