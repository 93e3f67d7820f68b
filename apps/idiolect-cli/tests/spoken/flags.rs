//! Words that a command does not take: what is said of each.

use crate::common::refused;

#[test]
#[allow(clippy::too_many_lines, reason = "a table")]
fn a_flag_that_a_command_lacks_is_answered_with_what_there_is() {
    let calls: &[(&[&str], &str)] = &[
        (
            &["init", "--out", "runs/first"],
            "--out is called --config here: the file that it writes; --run names the run directory",
        ),
        (
            &["export", "--quantization", "q8_0"],
            "--quantization is called --stored here: the type of the file's matrices, as q8_0",
        ),
        (
            &["export", "--lora-r", "8"],
            "--lora-r is --rank of idiolect train, sdft and distill-online; idiolect export has no such option",
        ),
        (
            &["merge", "--max-new-tokens", "8"],
            "and others; idiolect merge has no such option",
        ),
        (
            &["train", "--optim", "adamw_torch"],
            "--optim has no counterpart here: the optimiser is AdamW",
        ),
        (
            &["train", "--steps-per-report", "10"],
            "--steps-per-report has no counterpart here: each step is in metrics.jsonl",
        ),
        (
            &["train", "--logging-steps", "10"],
            "--log-every SECONDS is the time between two lines",
        ),
        (
            &["train", "--train"],
            "--train has no counterpart here: the command trains, and --data names the file of examples",
        ),
        (
            &["train", "--train-data", "a.jsonl"],
            "--train-data is called --data here",
        ),
        (
            &["train", "--lora-parameters", "a"],
            "--lora-parameters has no counterpart here: its parts are options of their own: --rank, --alpha",
        ),
        (
            &["train", "--resume-from-checkpoint", "a"],
            "--resume-from-checkpoint is called --resume here: without a value",
        ),
        (
            &["train", "--fine-tune-type", "dora"],
            "--fine-tune-type dora is called --dora here",
        ),
        (
            &["train", "--fine-tune-type=lora"],
            "--fine-tune-type lora needs no option here: it is what train does",
        ),
        (
            &["train", "--val-batches", "5"],
            "--val-batches is called --eval-sample here: a number of rows, not of batches",
        ),
        (
            &["train", "--wandb", "a"],
            "--wandb is called --track here: mlflow:URL",
        ),
        (
            &["train", "--flash-attention"],
            "--flash-attention has no counterpart here: attention is fused",
        ),
        (&["train", "-c", "a.toml"], "-c is called --config here"),
        (
            &["train", "peft.yaml"],
            "\"peft.yaml\" stands by itself: idiolect train takes it as --config peft.yaml, as TOML",
        ),
        (
            &["generate", "hello there"],
            "idiolect generate takes it as --prompt \"...\"",
        ),
        (
            &["chat", "--system-prompt", "a"],
            "--system-prompt is called --system here",
        ),
        (
            &["serve", "--lora-modules", "a=b"],
            "--lora-modules is called --adapter here: as NAME=FOLDER",
        ),
        (
            &["export", "--type", "q8_0"],
            "--type is called --stored here: the type of the file's matrices, as q8_0",
        ),
        (
            &["inspect", "--run", "runs/a"],
            "--run is called --plan here: the run.toml of the folder",
        ),
        (
            &["--model", "m"],
            "--model stands behind a command, for example idiolect chat --model ...",
        ),
        (
            &["train", "--nobody-knows"],
            "unexpected argument \"--nobody-knows\" found",
        ),
        (
            &["train", "--epoch", "1"],
            "unexpected argument \"--epoch\" found; tip: ",
        ),
        (
            &["train", "--mask-prompt", "true"],
            "--mask-prompt has no counterpart here: responses alone are trained",
        ),
    ];
    for (call, expected) in calls {
        refused(call, &[expected]);
    }
}
