//! Names of other programs that mean something of their own by the command or by their value, names that this program has
//! nothing for, letters, and commands.

use super::synonyms::{Synonym, synonym};

/// What is meant where a command has an option of its own for a name that others use: the command, the name, and the key
/// with its values.
const OF_COMMANDS: &[(&str, &str, &str, &str)] = &[
    ("export", "quantization", "stored", TYPES),
    // Unsloth
    ("export", "quantization_method", "stored", TYPES),
    // llama.cpp
    ("export", "outtype", "stored", TYPES),
    ("export", "type", "stored", TYPES),
    ("merge", "type", "stored", "f32, f16 or bf16"),
    ("export", "outfile", "out", ""),
    // What it writes is no run.
    (
        "init",
        "out",
        "config",
        "the file that it writes; --run names the run directory",
    ),
    (
        "init",
        "output",
        "config",
        "the file that it writes; --run names the run directory",
    ),
    ("init", "output_dir", "run", ""),
    (
        "inspect",
        "run",
        "plan",
        "the run.toml of the folder; idiolect report FOLDER shows what a run did",
    ),
];
const TYPES: &str = "the type of the file's matrices, as q8_0";

/// Settings of other programs that this one has none for, each with the reason.
const WITHOUT: &[(&str, &str)] = &[
    ("logging_steps", EACH_STEP),
    ("logging_strategy", EACH_STEP),
    ("steps_per_report", EACH_STEP),
    ("optim", OPTIMISER),
    ("optimizer", OPTIMISER),
    ("mask_prompt", RESPONSES),
    ("train_on_inputs", RESPONSES),
    ("train_on_prompt", RESPONSES),
    ("completion_only_loss", RESPONSES),
    ("assistant_only_loss", RESPONSES),
    ("push_to_hub", "idiolect push uploads what was trained"),
    (
        "train",
        "the command trains, and --data names the file of examples",
    ),
    ("lora_parameters", PARTS),
    ("lora_config", PARTS),
    ("flash_attention", ATTENTION),
    ("flash_attn", ATTENTION),
    ("use_flash_attention", ATTENTION),
    ("attn_implementation", ATTENTION),
];
const PARTS: &str = "its parts are options of their own: --rank, --alpha, --dropout, --targets";
const ATTENTION: &str = "attention is fused wherever the device has a kernel for that";
const EACH_STEP: &str = "each step is in metrics.jsonl of the run directory, and --log-every SECONDS is the time \
                         between two lines of a log";
const OPTIMISER: &str = "the optimiser is AdamW";
const RESPONSES: &str = "responses alone are trained, as idiolect inspect --data shows; the format text trains whole \
                         texts";

/// What is meant by a name with one of its values: the name, the value, and the key with its own value; no key where the
/// value is what this program does without an option.
const BY_VALUE: &[(&str, &str, &str, &str)] = &[
    ("fine_tune_type", "lora", "", ""),
    ("fine_tune_type", "dora", "dora", "true"),
    ("fine_tune_type", "full", "full", "true"),
    ("finetuning_type", "lora", "", ""),
    ("finetuning_type", "full", "full", "true"),
];

/// One letter behind one hyphen, and the key that it stands for in other programs.
const LETTERS: &[(&str, &str)] = &[
    ("c", "config"),
    ("d", "data"),
    ("m", "model"),
    ("n", "max_new_tokens"),
    ("o", "out"),
    ("p", "prompt"),
];

/// Commands of other programs (mlx-lm, LLaMA-Factory, lm-evaluation-harness, the Hub's), and those that do it here.
const COMMANDS: &[(&str, &str)] = &[
    ("lora", "train"),
    ("finetune", "train"),
    ("fine-tune", "train"),
    ("sft", "train"),
    ("fuse", "merge"),
    ("convert", "export"),
    ("evaluate", "eval"),
    ("upload", "push"),
    ("download", "fetch"),
];

/// [`synonym`] for a command, which may have an option of its own for the name.
pub(super) fn synonym_of(command: &str, name: &str) -> Option<Synonym> {
    let own = OF_COMMANDS
        .iter()
        .find(|(of, other, _, _)| (*of, *other) == (command, name));
    own.map(|(_, _, key, value)| Synonym { key, value })
        .or_else(|| synonym(name))
}

/// Why this program has no setting for what others call so; nothing for a name that has one, or that is not known.
pub(super) fn without_counterpart(name: &str) -> Option<&'static str> {
    let found = WITHOUT.iter().find(|(other, _)| *other == name);
    found.map(|(_, why)| *why)
}

/// The command here that does what a command of another program does; nothing for one that is not known.
#[must_use]
pub fn command_synonym(name: &str) -> Option<&'static str> {
    let found = COMMANDS.iter().find(|(other, _)| *other == name);
    found.map(|(_, own)| *own)
}

/// What a name with this value means; its key is empty where the value needs no option.
pub(super) fn synonym_by_value(name: &str, value: &str) -> Option<Synonym> {
    let found = BY_VALUE
        .iter()
        .find(|(other, of, _, _)| (*other, *of) == (name, value));
    found.map(|(_, _, key, value)| Synonym { key, value })
}

/// The key that a letter stands for in other programs.
pub(super) fn letter(flag: &str) -> Option<Synonym> {
    let letter = flag.strip_prefix('-')?;
    let found = LETTERS.iter().find(|(other, _)| *other == letter);
    found.map(|(_, key)| Synonym { key, value: "" })
}
