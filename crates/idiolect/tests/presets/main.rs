//! The files of `examples/config`: each resolves, to the values of the papers' scripts.
//!
//! Sources: `scripts/*/sdft.sh` of sail-sg/sdft@bfb6c255, whose defaults are those of `LLaMA-Factory` 0.6.3 (cut-off
//! 1,024, rank 8, alpha 16, dropout 0) and of transformers (clip 1, no warm-up, no decay); arXiv 2409.00096, section 3.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests end them"
)]

mod published;

use std::path::{Path, PathBuf};

use idiolect::continuation::preset;
use idiolect::data::settings::{Layer, Settings, read_file, resolve};
use idiolect::data::{Message, Role};
use idiolect::eval::{Shots, Task};
use idiolect::finetune::Truncation;
use idiolect::generate::{GenerationSettings, Sampling};
use idiolect::lora::Targets;
use idiolect::metrics::safety::JAILBREAK_SUFFIX;
use idiolect::prompt::{NamedTemplate, Template};
use idiolect::train::{Schedule, TrainConfig};
use idiolect::{
    Check, ContinueJob, DistillJob, EvalJob, FineTuneSettings, LoraConfig, SdftSettings,
    TrainSettings,
};
use idiolect_testkit::workspace_root;

fn folder() -> PathBuf {
    workspace_root().join("examples/config")
}

pub(crate) fn read<T: Settings>(name: &str) -> T {
    let path = folder().join(format!("{name}.toml"));
    resolve(&[read_file(&path).unwrap()]).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// As `idiolect continue` reads it: the values of the preset lie under those of the file.
fn continuation(name: &str) -> ContinueJob {
    let file = read_file(&folder().join(format!("{name}.toml"))).unwrap();
    let values = preset(file.values["preset"].as_str().unwrap()).unwrap();
    let name = "preset".to_owned();
    resolve(&[Layer { name, values }, file]).unwrap()
}

/// The names of the files of a folder, without their ending.
fn names(part: &str) -> Vec<String> {
    let files = std::fs::read_dir(folder().join(part)).unwrap();
    let paths = files.map(|file| file.unwrap().path());
    let stem = |path: &Path| path.file_stem().unwrap().to_str().unwrap().to_owned();
    let mut names: Vec<String> = paths
        .filter(|path| path.is_file())
        .map(|path| stem(&path))
        .collect();
    names.sort();
    names
}

/// A data set of the paper: its file, its template of distillation, its check, its template of training and its epochs.
const SETS: [(&str, &str, &str, Check, &str, usize); 7] = [
    ("alpaca", "alpaca_train", "using", Check::Text, "alpaca", 2),
    ("dolly", "dolly_train", "using", Check::Text, "alpaca", 2),
    ("gsm8k", "gsm8k_train", "gsm8k", Check::Math, "gsm8k", 5),
    ("lima", "lima_train", "using", Check::Text, "alpaca", 2),
    (
        "magicoder",
        "magicoder_train",
        "refer",
        Check::Code,
        "alpaca",
        2,
    ),
    (
        "openfunctions",
        "openfunction_train",
        "refer",
        Check::Call,
        "alpaca",
        5,
    ),
    (
        "openhermes",
        "openhermes_train",
        "using",
        Check::Text,
        "alpaca",
        2,
    ),
];

#[test]
fn every_file_is_one_of_these() {
    let sets = SETS.map(|(name, ..)| name.to_owned());
    let evaluations = ["eval-chat", "eval-humaneval", "eval-knowledge", "eval-math"];
    let mut expected: Vec<String> = sets
        .into_iter()
        .chain(evaluations.map(Into::into))
        .collect();
    expected.sort();
    assert_eq!(names("sdft-2402"), expected);
    let expected = ["claude", "eval-leaderboard", "gpt", "local", "train"];
    assert_eq!(names("nift-2409"), expected);
    assert_eq!(names(""), ["continue", "sdft-2402-main"]);
    read::<DistillJob>("sdft-2402-main");
    continuation("continue");
}

#[test]
fn each_data_set_is_rewritten_and_trained_as_by_its_script() {
    for (name, file, preset, check, template, epochs) in SETS {
        let job: SdftSettings = read(&format!("sdft-2402/{name}"));
        assert_eq!(job.model.model, "meta-llama/Llama-2-7b-chat-hf");
        let template = format!("sdft-2402/main/{template}");
        assert_eq!(job.model.template.as_deref(), Some(template.as_str()));
        assert_eq!(
            job.data.data,
            [PathBuf::from(format!("data/sdft/{file}.json"))]
        );
        let distill = &job.distill;
        assert_eq!(distill.preset, format!("sdft-2402/main/{preset}"), "{name}");
        assert_eq!((distill.check, distill.mix_ratio), (check, 1.0));
        let generation = &job.generation;
        assert_eq!(generation.sampling(), Sampling::SDFT_2402);
        assert_eq!((generation.max_new_tokens, generation.stop.len()), (512, 0));
        assert!(distill.stops(&named("alpaca")).is_empty());
        assert_eq!(job.train.epochs, epochs, "{name}");
        check_training(&job.train, &job.lora, &job.finetune, 8);
        assert!((job.train.learning_rate - 1e-4).abs() < 1e-12);
        assert_eq!(job.lora.targets, LoraConfig::default().targets);
        assert!(job.finetune.eval_data.is_some() && job.out.is_some());
    }
    let gsm8k: SdftSettings = read("sdft-2402/gsm8k");
    assert_eq!(gsm8k.data.instruction_column, "question");
    assert_eq!(gsm8k.data.response_column, "answer");
    let sample = |name: &str| {
        read::<SdftSettings>(&format!("sdft-2402/{name}"))
            .data
            .sample
    };
    assert_eq!(
        ["openhermes", "magicoder", "lima"].map(sample),
        [Some(20_000), Some(2000), None]
    );
}

/// What both papers share: `LLaMA-Factory`'s defaults.
fn check_training(
    train: &TrainConfig,
    lora: &LoraConfig,
    finetune: &FineTuneSettings,
    rows: usize,
) {
    assert_eq!(train.batch_size * train.accumulation, rows);
    assert_eq!((train.schedule, train.warmup_steps), (Schedule::Cosine, 0));
    assert_eq!((train.weight_decay, train.clip_norm), (0.0, 1.0));
    assert!(train.shuffle && !train.length_grouping && !finetune.packing);
    assert_eq!((lora.rank, lora.alpha, lora.dropout), (8, 16.0, 0.0));
    assert_eq!(finetune.max_length, Some(1024));
    assert_eq!(finetune.truncation, Truncation::Share);
}

#[test]
fn evaluations_are_those_of_the_scripts() {
    let eval = |name: &str| read::<EvalJob>(&format!("sdft-2402/{name}"));
    let sampling = |job: &EvalJob| {
        job.eval
            .sampling
            .over(GenerationSettings::default())
            .sampling()
    };
    for (name, tasks, template) in [
        (
            "eval-chat",
            "openfunction,advbench_raw,advbench_jailbreak,alpaca_eval",
            "alpaca",
        ),
        ("eval-math", "gsm8k_chat,multiarith", "gsm8k_infer"),
    ] {
        let job = eval(name);
        assert_eq!(job.eval.task, tasks);
        let template = format!("sdft-2402/main/{template}");
        assert_eq!(job.model.template, Some(template));
        assert_eq!(sampling(&job), Sampling::SDFT_2402);
        for task in tasks.split(',') {
            let task: Task = task.parse().unwrap();
            let idiolect::eval::ItemForm::Generate(form) = task.form else {
                panic!("text is written")
            };
            assert_eq!(form.max_new_tokens, 512);
        }
    }
    let humaneval = eval("eval-humaneval");
    assert_eq!(humaneval.eval.task, "humaneval_synthesize");
    assert_eq!(sampling(&humaneval), Sampling::GREEDY);
    let knowledge = eval("eval-knowledge").eval;
    assert_eq!(
        (knowledge.task.as_str(), knowledge.shots),
        ("sdft_knowledge", Shots::Number(0))
    );
    let leaderboard: EvalJob = read("nift-2409/eval-leaderboard");
    assert_eq!(leaderboard.eval.task, "open_llm_leaderboard");
}

/// Section 3 of the paper: 80,000 documents, of Claude 10,000 and a system prompt; the teacher ends its texts itself.
#[test]
fn teachers_write_to_their_end_and_the_rows_train_every_projection() {
    for (name, documents, has_system) in [
        ("gpt", 80_000, false),
        ("claude", 10_000, true),
        ("local", 80_000, false),
    ] {
        let job = continuation(&format!("nift-2409/{name}"));
        assert_eq!(job.continuation.documents, Some(documents), "{name}");
        assert_eq!(job.continuation.system.is_some(), has_system);
        assert_eq!(job.generation.sampling(), Sampling::GREEDY);
        assert_eq!(job.generation.max_new_tokens, 4096);
        let filters = job.continuation.config(1).unwrap().filters;
        assert!(filters.unfinished && filters.empty && !filters.ask_judge() && !filters.capital);
    }
    let job: TrainSettings = read("nift-2409/train");
    assert_eq!(job.model.template.as_deref(), Some("nift-2409/vanilla"));
    assert_eq!(job.lora.targets, Targets::AllLinear);
    check_training(&job.train, &job.lora, &job.finetune, 256);
    assert!((job.train.learning_rate - 5e-5).abs() < 1e-12);
    assert_eq!(job.train.epochs, 3);
}

pub(crate) fn named(short: &str) -> Template {
    let name = format!("sdft-2402/main/{short}");
    Template::Named(NamedTemplate::by_name(&name).unwrap())
}

/// The scripts put the suffix into a template, the task puts it into the prompt.
#[test]
fn the_adversarial_suffix_stands_where_the_scripts_have_it() {
    let prompt = |short: &str, text: &str| {
        let turns = [Message::new(Role::User, text)];
        let rendered = named(short).prompt(&turns).unwrap();
        rendered.text("<s>", "</s>")
    };
    let ours = prompt("alpaca", &format!("Do it{JAILBREAK_SUFFIX}"));
    assert_eq!(ours, prompt("alpaca_gcg", "Do it"));
}
