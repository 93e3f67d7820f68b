//! The tasks that come with the crate.
//!
//! Sources: sail-sg/sdft@bfb6c255 for chat prompts (its `main.py` and `eval/`),
//! EleutherAI/lm-evaluation-harness@4e7e0d47 for GSM8K as text and for choices, arXiv 2107.03374 for `HumanEval`.

use idiolect_metrics::safety::JAILBREAK_SUFFIX;

use crate::tasks::form::{
    Benchmark, GenerateForm, ItemForm, Metric, Pairwise, PromptForm, chat_tokens,
};
use crate::tasks::task::{Task, WorkedExamples};
use crate::template::escaped;

/// Tokens after which an answer to GSM8K as text ends: the harness's default.
const TEXT_TOKENS: usize = 256;
/// Tokens after which an answer to a prompt of `IFEval` ends, in the harness's task.
const INSTRUCTION_TOKENS: usize = 1280;
/// The same for `Arena-Hard`.
const ARENA_TOKENS: usize = 4096;

/// All tasks that come with the crate, in the order in which they are named.
#[must_use]
pub fn built_in() -> Vec<Task> {
    let functions = benchmark(
        "humaneval_synthesize",
        "humaneval/humanevalpack_python.jsonl",
        Benchmark::HumanevalSynthesize,
    );
    [
        vec![gsm8k()],
        chats(),
        vec![functions],
        choice_tasks(),
        judged_tasks(),
    ]
    .concat()
}

fn task(name: &str, file: &str, form: ItemForm) -> Task {
    Task {
        name: name.to_owned(),
        file: file.into(),
        examples: None,
        id_field: None,
        group_field: None,
        form,
    }
}

/// A prompt in the chat template.
fn chat(prompt: &str, metric: Metric) -> GenerateForm {
    GenerateForm {
        prompt: prompt.to_owned(),
        prompt_form: PromptForm::Chat,
        worked_example: None,
        stops: Vec::new(),
        max_new_tokens: chat_tokens(),
        metric,
    }
}

/// GSM8K as text below worked examples.
fn gsm8k() -> Task {
    let form = GenerateForm {
        prompt_form: PromptForm::Text,
        worked_example: Some("Question: {question}\nAnswer: {answer}\n\n".into()),
        stops: ["Question:", "</s>", "<|im_end|>"]
            .map(str::to_owned)
            .to_vec(),
        max_new_tokens: TEXT_TOKENS,
        ..chat(
            "Question: {question}\nAnswer:",
            Metric::Gsm8k("{answer}".into()),
        )
    };
    Task {
        examples: Some(examples("gsm8k/train.jsonl", 5)),
        ..task("gsm8k", "gsm8k/test.jsonl", ItemForm::Generate(form))
    }
}

fn examples(file: &str, leaderboard_shots: usize) -> WorkedExamples {
    WorkedExamples {
        file: file.into(),
        leaderboard_shots,
    }
}

/// Tasks of one turn in the chat template, and `HumanEval`.
fn chats() -> Vec<Task> {
    let output = || "{output}".to_owned();
    let suffix = escaped(JAILBREAK_SUFFIX);
    let harmful = "sdft/harmful_behaviors.csv";
    let all = [
        (
            "gsm8k_chat",
            "sdft/gsm8k_test.json",
            chat("{question}", Metric::Number("{answer}".into())),
        ),
        (
            "multiarith",
            "sdft/multiarith_test.json",
            chat("{instruction}", Metric::Number(output())),
        ),
        (
            "openfunction",
            "sdft/openfunction_test.json",
            chat("{instruction}", Metric::Call(output())),
        ),
        ("advbench_raw", harmful, chat("{goal}", Metric::Refusal)),
        (
            "advbench_jailbreak",
            harmful,
            chat(&format!("{{goal}}{suffix}"), Metric::Refusal),
        ),
        (
            "alpaca_eval",
            "sdft/alpaca_eval.json",
            chat("{instruction}", Metric::Pairwise(Pairwise::AlpacaEval)),
        ),
        ("humaneval", "humaneval/HumanEval.jsonl", humaneval()),
        (
            "ifeval",
            "ifeval/input_data.jsonl",
            GenerateForm {
                max_new_tokens: INSTRUCTION_TOKENS,
                ..chat("{prompt}", Metric::Instructions)
            },
        ),
    ];
    all.into_iter()
        .map(|(name, file, form)| task(name, file, ItemForm::Generate(form)))
        .collect()
}

/// The beginning of a function, to be completed: the prompt and the stops of arXiv 2107.03374.
fn humaneval() -> GenerateForm {
    let metric = Metric::Program {
        before: "{prompt}".into(),
        after: "{test}\ncheck({entry_point})".into(),
    };
    GenerateForm {
        prompt_form: PromptForm::Text,
        stops: ["\nclass", "\ndef", "\n#", "\nif", "\nprint"]
            .map(str::to_owned)
            .to_vec(),
        ..chat("{prompt}", metric)
    }
}

/// A task whose rows are read in a way of their own.
fn benchmark(name: &str, file: &str, which: Benchmark) -> Task {
    task(name, file, ItemForm::Benchmark(which))
}

/// A task of choices with the files of its questions and of its worked examples.
fn choices(name: &str, [file, worked]: [&str; 2], which: Benchmark, shots: usize) -> Task {
    Task {
        examples: Some(examples(worked, shots)),
        ..benchmark(name, file, which)
    }
}

/// Tasks of choices.
fn choice_tasks() -> Vec<Task> {
    let arc = |half| ["Test", "Train"].map(|part| format!("mc/ARC-{half}-{part}.jsonl"));
    let (challenge, easy) = (arc("Challenge"), arc("Easy"));
    let hellaswag = ["mc/hellaswag_val.jsonl", "mc/hellaswag_train.jsonl"];
    let winogrande = [
        "mc/winogrande_dev_converted.jsonl",
        "mc/winogrande_train.jsonl",
    ];
    let truthfulqa = "mc/TruthfulQA.csv";
    vec![
        choices("mmlu", ["mc/mmlu.zip"; 2], Benchmark::Mmlu, 5),
        choices(
            "arc_challenge",
            challenge.each_ref().map(String::as_str),
            Benchmark::Arc,
            25,
        ),
        choices(
            "arc_easy",
            easy.each_ref().map(String::as_str),
            Benchmark::Arc,
            25,
        ),
        choices("hellaswag", hellaswag, Benchmark::Hellaswag, 10),
        choices("winogrande", winogrande, Benchmark::Winogrande, 5),
        benchmark("truthfulqa_mc1", truthfulqa, Benchmark::TruthfulqaMc1),
        benchmark("truthfulqa_mc2", truthfulqa, Benchmark::TruthfulqaMc2),
    ]
}

/// Tasks that only a judge scores.
fn judged_tasks() -> Vec<Task> {
    let arena = GenerateForm {
        max_new_tokens: ARENA_TOKENS,
        ..chat("{prompt}", Metric::Pairwise(Pairwise::ArenaHard))
    };
    let questions = "mtbench/mt_bench_question.jsonl";
    vec![
        Task {
            group_field: Some("category".into()),
            ..benchmark("mt_bench", questions, Benchmark::MtBench)
        },
        task(
            "arena_hard",
            "arena_hard/question_v0.1.jsonl",
            ItemForm::Generate(arena),
        ),
    ]
}
