//! Every file that a task or a data set wants.
//!
//! Repositories and paths of benchmarks are those of lm-evaluation-harness's tasks.
//! A commit is one that public evaluation code pins; where none was seen, the newest is taken.
//! Files of the papers' repositories were read at the commits of their addresses.

use crate::sources::data_file::{DataFile, HubFile, HubSource, Source};

/// A repository on the Hub and a commit of it.
type Pinned = (&'static str, Option<&'static str>);

const ALPACA: Pinned = (
    "tatsu-lab/alpaca",
    Some("dce01c9b08f87459cf36a430d809084718273017"),
);
const ALPACA_EVAL: Pinned = ("tatsu-lab/alpaca_eval", None);
const ARC: Pinned = (
    "allenai/ai2_arc",
    Some("210d026faf9955653af8916fad021475a3f00453"),
);
const ARENA_HARD: Pinned = (
    "lmarena-ai/arena-hard-auto",
    Some("15f3746e21432264ce9b453999bde4f3c946d2e6"),
);
const DOLLY: Pinned = (
    "databricks/databricks-dolly-15k",
    Some("bdd27f4d94b9c1f951818a7da7fd7aeea5dbff1a"),
);
const GSM8K: Pinned = (
    "openai/gsm8k",
    Some("740312add88f781978c0658806c59bc2815b9866"),
);
const HELLASWAG: Pinned = (
    "Rowan/hellaswag",
    Some("218ec52e09a7e7462a5400043bb9a69a41d06b76"),
);
const HUMANEVAL: Pinned = (
    "openai/openai_humaneval",
    Some("7dce6050a7d6d172f3cc5c32aa97f52fa1a2e544"),
);
const HUMANEVALPACK: Pinned = ("bigcode/humanevalpack", None);
const IFEVAL: Pinned = (
    "google/IFEval",
    Some("966cd89545d6b6acfd7638bc708b98261ca58e84"),
);
const MAGICODER: Pinned = ("ise-uiuc/Magicoder-OSS-Instruct-75K", None);
const MMLU: Pinned = (
    "cais/mmlu",
    Some("c30699e8356da336a370243923dbaf21066bb9fe"),
);
const OPENWEBTEXT: Pinned = ("Skylion007/openwebtext", None);
const TRUTHFULQA: Pinned = (
    "truthfulqa/truthful_qa",
    Some("741b8276f2d1982aa3d5b832d3ee81ed3b896490"),
);
const WINOGRANDE: Pinned = (
    "allenai/winogrande",
    Some("01e74176c63542e6b0bcb004dcdea22d94fb67b5"),
);

/// The data of arXiv 2402.13669.
const SDFT: &str =
    "https://raw.githubusercontent.com/sail-sg/sdft/bfb6c255fccdce7459235c20f19a3b9817a9cd5d/data/";
/// The data of MT-bench.
const FASTCHAT: &str = "https://raw.githubusercontent.com/lm-sys/FastChat/\
                        0e6d3e4beaab66f4d3f93db72541a4abab8af28d/fastchat/llm_judge/data/";

const MIT: &str = "MIT";
const APACHE: &str = "Apache-2.0";
const BY: &str = "CC BY";
const BY_SA_3: &str = "CC BY-SA 3.0";
const BY_SA_4: &str = "CC BY-SA 4.0";
const BY_NC: &str = "CC BY-NC 4.0";
const CC0: &str = "CC0 1.0";
const OF_LIMA: &str = "CC BY-NC-SA, or stricter by source";
const NOT_STATED: &str = "not stated";

/// Where a row of the table says that its file is.
macro_rules! source {
    (hub $pinned:ident { $($from:literal => $to:literal),+ }) => {
        Source::Hub(HubSource {
            repository: $pinned.0,
            revision: $pinned.1,
            files: &[$(HubFile { from: $from, to: $to }),+],
        })
    };
    (at $folder:ident { $file:literal }) => {
        Source::Address { folder: $folder, file: $file }
    };
}

macro_rules! table {
    ($($path:literal [$($name:literal),+] $licence:ident $kind:ident $place:ident $files:tt)+) => {
        &[$(DataFile {
            path: $path,
            wanted_by: &[$($name),+],
            licence: $licence,
            source: source!($kind $place $files),
        }),+]
    };
}

/// Every file that a task, a suite of tasks or a data set wants: its path, who wants it, its licence, where it is and,
/// on the Hub, how the file is called that stands in its place.
pub const DATA_FILES: &[DataFile] = table! {
    "gsm8k/test.jsonl" ["gsm8k", "open_llm_leaderboard"] MIT
        hub GSM8K { "main/test-00000-of-00001.parquet" => "gsm8k/test.parquet" }
    "gsm8k/train.jsonl" ["gsm8k", "open_llm_leaderboard"] MIT
        hub GSM8K { "main/train-00000-of-00001.parquet" => "gsm8k/train.parquet" }
    "sdft/gsm8k_test.json" ["gsm8k_chat"] MIT at SDFT { "gsm8k/gsm8k_test.json" }
    "sdft/multiarith_test.json" ["multiarith"] NOT_STATED at SDFT { "multiarith_test.json" }
    "sdft/openfunction_test.json" ["openfunction"] APACHE at SDFT { "openfunction/openfunction_test.json" }
    "sdft/harmful_behaviors.csv" ["advbench_raw", "advbench_jailbreak"] MIT at SDFT { "harmful_behaviors.csv" }
    "sdft/alpaca_eval.json" ["alpaca_eval"] BY_NC
        hub ALPACA_EVAL { "alpaca_eval.json" => "sdft/alpaca_eval.json" }
    "humaneval/HumanEval.jsonl" ["humaneval"] MIT
        hub HUMANEVAL { "openai_humaneval/test-00000-of-00001.parquet" => "humaneval/HumanEval.parquet" }
    "humaneval/humanevalpack_python.jsonl" ["humaneval_synthesize"] MIT
        hub HUMANEVALPACK { "data/python/data/humanevalpack.jsonl" => "humaneval/humanevalpack_python.jsonl" }
    "mtbench/mt_bench_question.jsonl" ["mt_bench"] APACHE at FASTCHAT { "mt_bench/question.jsonl" }
    "mtbench/mt_bench_reference_answer_gpt-4.jsonl" ["mt_bench"] APACHE
        at FASTCHAT { "mt_bench/reference_answer/gpt-4.jsonl" }
    "mtbench/judge_prompts.jsonl" ["mt_bench"] APACHE at FASTCHAT { "judge_prompts.jsonl" }
    "arena_hard/question_v0.1.jsonl" ["arena_hard"] APACHE
        hub ARENA_HARD { "data/arena-hard-v0.1/question.jsonl" => "arena_hard/question_v0.1.jsonl" }
    "arena_hard/gpt-4-0314.jsonl" ["arena_hard"] APACHE
        hub ARENA_HARD { "data/arena-hard-v0.1/model_answer/gpt-4-0314.jsonl" => "arena_hard/gpt-4-0314.jsonl" }
    "ifeval/input_data.jsonl" ["ifeval"] APACHE
        hub IFEVAL { "ifeval_input_data.jsonl" => "ifeval/input_data.jsonl" }
    "mc/mmlu.zip" ["mmlu", "open_llm_leaderboard", "sdft_knowledge"] MIT
        hub MMLU {
            "all/test-00000-of-00001.parquet" => "mc/mmlu_test.parquet",
            "all/dev-00000-of-00001.parquet" => "mc/mmlu_dev.parquet"
        }
    "mc/ARC-Challenge-Test.jsonl" ["arc_challenge", "open_llm_leaderboard", "sdft_knowledge"] BY_SA_4
        hub ARC { "ARC-Challenge/test-00000-of-00001.parquet" => "mc/ARC-Challenge-Test.parquet" }
    "mc/ARC-Challenge-Train.jsonl" ["arc_challenge", "open_llm_leaderboard"] BY_SA_4
        hub ARC { "ARC-Challenge/train-00000-of-00001.parquet" => "mc/ARC-Challenge-Train.parquet" }
    "mc/ARC-Easy-Test.jsonl" ["arc_easy", "sdft_knowledge"] BY_SA_4
        hub ARC { "ARC-Easy/test-00000-of-00001.parquet" => "mc/ARC-Easy-Test.parquet" }
    "mc/ARC-Easy-Train.jsonl" ["arc_easy"] BY_SA_4
        hub ARC { "ARC-Easy/train-00000-of-00001.parquet" => "mc/ARC-Easy-Train.parquet" }
    "mc/hellaswag_val.jsonl" ["hellaswag", "open_llm_leaderboard", "sdft_knowledge"] MIT
        hub HELLASWAG { "data/validation-00000-of-00001.parquet" => "mc/hellaswag_val.parquet" }
    "mc/hellaswag_train.jsonl" ["hellaswag", "open_llm_leaderboard"] MIT
        hub HELLASWAG { "data/train-00000-of-00001.parquet" => "mc/hellaswag_train.parquet" }
    "mc/winogrande_dev_converted.jsonl" ["winogrande", "open_llm_leaderboard", "sdft_knowledge"] BY
        hub WINOGRANDE { "winogrande_xl/validation-00000-of-00001.parquet" => "mc/winogrande_dev.parquet" }
    "mc/winogrande_train.jsonl" ["winogrande", "open_llm_leaderboard"] BY
        hub WINOGRANDE { "winogrande_xl/train-00000-of-00001.parquet" => "mc/winogrande_train.parquet" }
    "mc/TruthfulQA.csv" ["truthfulqa_mc1", "truthfulqa_mc2", "open_llm_leaderboard", "sdft_knowledge"] APACHE
        hub TRUTHFULQA { "multiple_choice/validation-00000-of-00001.parquet" => "mc/truthfulqa.parquet" }
    "train/alpaca.parquet" ["alpaca"] BY_NC
        hub ALPACA { "data/train-00000-of-00001-a09b74b3ef9c3b56.parquet" => "train/alpaca.parquet" }
    "train/dolly.jsonl" ["dolly"] BY_SA_3
        hub DOLLY { "databricks-dolly-15k.jsonl" => "train/dolly.jsonl" }
    "train/magicoder.jsonl" ["magicoder"] MIT
        hub MAGICODER { "data-oss_instruct-decontaminated.jsonl" => "train/magicoder.jsonl" }
    "corpus/openwebtext" ["openwebtext"] CC0
        hub OPENWEBTEXT { "plain_text/train-*" => "corpus/openwebtext" }
    "sdft/alpaca_train.json" ["sdft_alpaca"] BY_NC at SDFT { "alpaca/alpaca_train.json" }
    "sdft/dolly_train.json" ["sdft_dolly"] BY_SA_3 at SDFT { "dolly/dolly_train.json" }
    "sdft/gsm8k_train.json" ["sdft_gsm8k"] MIT at SDFT { "gsm8k/gsm8k_train.json" }
    "sdft/lima_train.json" ["sdft_lima"] OF_LIMA at SDFT { "lima/lima_train.json" }
    "sdft/magicoder_train.json" ["sdft_magicoder"] MIT at SDFT { "magicoder/magicoder_train.json" }
    "sdft/openfunction_train.json" ["sdft_openfunction"] APACHE at SDFT { "openfunction/openfunction_train.json" }
    "sdft/openhermes_train.json" ["sdft_openhermes"] NOT_STATED at SDFT { "openhermes/openhermes_train.json" }
};
