//! A task of the user's own with its results, what judges are asked with, and an encoder of sentences.

use std::path::Path;

use idiolect::eval::EvalSettings;
use idiolect::{BoxError, EvalJob, ModelSettings, Quiet};
use serde_json::{Value, json};

use super::Good;
use super::model::tokenizer;

const TASK: &str = "name = \"sums\"\nfile = \"rows.jsonl\"\nid_field = \"id\"\ngroup_field = \"kind\"\n\n\
    [form.generate]\nprompt = \"Say {number}.\"\nstops = [\"x\"]\nmax_new_tokens = 4\n\
    metric = { exact_match = \"{answer}\" }\n";

/// Width of the encoder, and of its inner layer.
const WIDTH: usize = 8;

impl Good {
    pub(super) fn evaluation(&self) {
        self.write("eval/task.toml", TASK);
        let row = |at: usize| json!({"id": at, "number": at, "answer": at, "kind": "whole"});
        self.lines("eval/rows.jsonl", &[row(1), row(2), row(3)]);
        let answer = |at: usize| json!({"id": at, "text": format!("{at} it is")});
        self.lines("eval/baseline.jsonl", &[answer(1), answer(2)]);
        let scored = |at: usize| json!({"id": at, "reference": "a b", "hypothesis": "a c"});
        self.lines("eval/scored.jsonl", &[scored(1), scored(2)]);
        self.mt_bench();
        evaluate(self.root()).unwrap();
        self.encoder();
    }

    fn mt_bench(&self) {
        let question = |at: usize, kind: &str| json!({"question_id": at, "category": kind, "turns": ["Say 1.", "And 2."]});
        let questions = [question(81, "writing"), question(82, "math")];
        self.lines("eval/mtbench/mt_bench_question.jsonl", &questions);
        let reference = json!({"question_id": 82, "choices": [{"index": 0, "turns": ["1", "2"]}]});
        self.lines(
            "eval/mtbench/mt_bench_reference_answer_gpt-4.jsonl",
            &[reference],
        );
        let names = [
            "single-v1",
            "single-v1-multi-turn",
            "single-math-v1",
            "single-math-v1-multi-turn",
        ];
        let form = |name| json!({"name": name, "system_prompt": "Rate.", "prompt_template": "{question}|{answer}"});
        self.lines("eval/mtbench/judge_prompts.jsonl", &names.map(form));
    }

    fn encoder(&self) {
        let config = json!({
            "model_type": "bert", "hidden_act": "gelu", "position_embedding_type": "absolute", "vocab_size": 258,
            "hidden_size": WIDTH, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": WIDTH,
            "max_position_embeddings": 32, "type_vocab_size": 2, "layer_norm_eps": 1e-12,
        });
        self.json("encoder/config.json", &config);
        self.json(
            "encoder/sentence_bert_config.json",
            &json!({"max_seq_length": 16}),
        );
        let mut tokenizer = tokenizer();
        let special = |name: &str| json!({"SpecialToken": {"id": name, "type_id": 0}});
        let (begin, end) = (special("<s>"), special("</s>"));
        let ids = |name: &str, id: u32| json!({"id": name, "ids": [id], "tokens": [name]});
        tokenizer["post_processor"] = json!({
            "type": "TemplateProcessing", "pair": [],
            "single": [begin, {"Sequence": {"id": "A", "type_id": 0}}, end],
            "special_tokens": {"<s>": ids("<s>", 256), "</s>": ids("</s>", 257)},
        });
        self.json("encoder/tokenizer.json", &tokenizer);
        let tables = [("word", 258), ("position", 32), ("token_type", 2)];
        let mut shapes: Vec<(String, Vec<usize>)> = tables
            .map(|(name, rows)| {
                (
                    format!("embeddings.{name}_embeddings.weight"),
                    vec![rows, WIDTH],
                )
            })
            .to_vec();
        let block = |name: &str| format!("encoder.layer.0.{name}");
        let linear = [
            "attention.self.query",
            "attention.self.key",
            "attention.self.value",
            "attention.output.dense",
            "intermediate.dense",
            "output.dense",
        ];
        let linear = linear.map(|name| (block(name), vec![WIDTH, WIDTH]));
        let norms = [
            block("attention.output.LayerNorm"),
            block("output.LayerNorm"),
            "embeddings.LayerNorm".into(),
        ];
        let norms = norms.map(|name| (name, vec![WIDTH]));
        for (name, shape) in linear.into_iter().chain(norms) {
            shapes.push((format!("{name}.weight"), shape));
            shapes.push((format!("{name}.bias"), vec![WIDTH]));
        }
        self.weights("encoder/model.safetensors", &shapes);
    }
}

/// The results of the task, whose folder is begun or gone on with.
pub(crate) fn evaluate(root: &Path) -> Result<Value, BoxError> {
    let job = EvalJob {
        model: ModelSettings {
            model: root.join("model").display().to_string(),
            ..ModelSettings::default()
        },
        eval: EvalSettings {
            task: root.join("eval/task.toml").display().to_string(),
            data: root.join("eval"),
            batch_size: 2,
            ..EvalSettings::default()
        },
        out: Some(root.join("eval/out")),
        ..EvalJob::default()
    };
    Ok(idiolect::evaluate(&job, &Quiet)?)
}
