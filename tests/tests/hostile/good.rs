//! One good file of each kind that the program reads, made here: the tests need no other data.

use std::path::{Path, PathBuf};

use idiolect::completion::{
    AnswerRow, Completion, CompletionError, CompletionJournal, CompletionRequest, JournalRun,
    Prompt, WriterFn, WriterIdentity,
};
use idiolect::finetune::FineTuned;
use idiolect::{BoxError, Dataset, FineTune, LanguageModel, LoraConfig, TrainConfig};
use idiolect_testkit::workspace_root;
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde_json::{Value, json};
use tempfile::TempDir;

const HIDDEN: usize = 16;
const INTER: usize = 24;
const HEAD: usize = 8;
const VOCABULARY: usize = 258;

const CHAT: &str = "{{ bos_token }}{% for message in messages %}[{{ message.role }}] \
                    {{ message.content }}{{ eos_token }}{% endfor %}\
                    {% if add_generation_prompt %}[assistant] {% endif %}";

pub(crate) const SETTINGS: &str = "model = \"model\"\ndata = \"rows.jsonl\"\nformat = \"alpaca\"\n\
    out = \"run\"\nrank = 4\nalpha = 8.0\ndropout = 0.1\ntargets = \"all-linear\"\nepochs = 2\n\
    batch_size = 2\naccumulation = 2\nlearning_rate = 1e-3\nwarmup_steps = 1\nweight_decay = 0.01\n\
    clip_norm = 1.0\nadam_beta1 = 0.9\nadam_beta2 = 0.99\nadam_epsilon = 1e-8\nseed = 7\n\
    validation_share = 0.25\nmax_length = 64\ncheckpoint_every = 2\nkeep_checkpoints = 2\n";

const TEMPLATE: &str = "name = \"interview\"\nuser = [{ text = \"Q: {{content}}\\nA:\" }]\n\
                        assistant = [{ text = \" {{content}}\" }, \"eos\"]\n";

const FORMAT: &str = "name = \"support\"\nid = \"uid\"\nkind = \"turns\"\nturns = \"dialog\"\n\
                      role = \"who\"\ntext = \"says\"\nroles = { user = [\"client\"], assistant = [\"agent\"] }\n";

/// A folder with everything in it.
pub(crate) struct Good {
    folder: TempDir,
}

impl Good {
    pub(crate) fn new() -> Self {
        let good = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        good.rows();
        good.settings();
        good.model("model", None);
        good.model("sharded", Some(2));
        let gguf = workspace_root().join("crates/idiolect-model/tests/golden/llama.gguf");
        std::fs::copy(gguf, good.path("model.gguf")).unwrap();
        good.run();
        good.journal();
        let message = json!({"role": "assistant", "content": "1 it is"});
        let choice = json!({"index": 0, "message": message, "finish_reason": "stop"});
        let usage = json!({"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8});
        let reply = json!({"id": "x", "object": "chat.completion", "model": "m", "choices": [choice], "usage": usage});
        good.json("reply.json", &reply);
        good
    }

    pub(crate) fn root(&self) -> &Path {
        self.folder.path()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn json(&self, name: &str, value: &Value) {
        self.write(name, serde_json::to_vec_pretty(value).unwrap());
    }

    fn rows(&self) {
        let rows: Vec<Value> = (0..8)
            .map(|at| json!({"instruction": format!("Say {at}."), "input": "", "output": format!("{at} it is")}))
            .collect();
        let lines = |rows: &[Value]| {
            rows.iter()
                .fold(String::new(), |all, row| format!("{all}{row}\n"))
        };
        self.json("rows.json", &json!(rows));
        self.write("rows.jsonl", lines(&rows));
        self.write(
            "rows.csv",
            "instruction,output\nSay 1.,\"1, it is\"\nSay 2.,2 it is\n",
        );
        let turns = |at: usize| json!({"messages": [{"role": "user", "content": format!("Say {at}.")}, {"role": "assistant", "content": "so"}]});
        self.write("messages.jsonl", lines(&[turns(1), turns(2)]));
        let share = |at: usize| json!({"conversations": [{"from": "human", "value": format!("Say {at}.")}, {"from": "gpt", "value": "so"}]});
        self.write("sharegpt.jsonl", lines(&[share(1), share(2)]));
        let ids = |at: u32| json!({"input_ids": [at, 5, 6, 7], "labels": [-100, -100, 6, 7]});
        self.write("tokens.jsonl", lines(&[ids(3), ids(4)]));
    }

    fn settings(&self) {
        self.write("train.toml", SETTINGS);
        self.write("template.toml", TEMPLATE);
        self.write("format.toml", FORMAT);
    }

    /// A Llama of one block whose weights are a formula of their place.
    fn model(&self, folder: &str, shards: Option<usize>) {
        let config = json!({
            "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu",
            "hidden_size": HIDDEN, "intermediate_size": INTER, "num_hidden_layers": 1,
            "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": HEAD,
            "vocab_size": VOCABULARY, "max_position_embeddings": 128, "rms_norm_eps": 1e-5,
            "rope_theta": 10000.0, "tie_word_embeddings": true, "bos_token_id": 256, "eos_token_id": 257,
            "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
                "high_freq_factor": 4.0, "original_max_position_embeddings": 64},
        });
        self.json(&format!("{folder}/config.json"), &config);
        let ends = json!({"bos_token_id": 256, "eos_token_id": [257]});
        self.json(&format!("{folder}/generation_config.json"), &ends);
        let special = json!({"bos_token": "<s>", "eos_token": "</s>", "model_max_length": 128});
        self.json(&format!("{folder}/tokenizer_config.json"), &special);
        self.json(&format!("{folder}/tokenizer.json"), &tokenizer());
        self.write(&format!("{folder}/chat_template.jinja"), CHAT);
        match shards {
            None => self.weights(&format!("{folder}/model.safetensors"), &shapes()),
            Some(count) => self.sharded(folder, count),
        }
    }

    fn sharded(&self, folder: &str, count: usize) {
        let shapes = shapes();
        let mut map = serde_json::Map::new();
        for (at, part) in shapes.chunks(shapes.len().div_ceil(count)).enumerate() {
            let file = format!("model-{:05}-of-{count:05}.safetensors", at + 1);
            self.weights(&format!("{folder}/{file}"), part);
            map.extend(part.iter().map(|(name, _)| (name.clone(), json!(file))));
        }
        let index = json!({"metadata": {"total_size": 4}, "weight_map": map});
        self.json(&format!("{folder}/model.safetensors.index.json"), &index);
    }

    fn weights(&self, file: &str, shapes: &[(String, Vec<usize>)]) {
        let bytes: Vec<Vec<u8>> = shapes
            .iter()
            .map(|(name, shape)| values(name, shape))
            .collect();
        let views = shapes.iter().zip(&bytes).map(|((name, shape), bytes)| {
            let view = TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap();
            (name.clone(), view)
        });
        self.write(file, safetensors::serialize(views, None).unwrap());
    }

    /// A run of four steps with its checkpoints and its adapter.
    fn run(&self) {
        tune(self.root(), false).unwrap();
        let adapter = self.path("run/adapter");
        assert!(adapter.join("adapter_config.json").is_file());
    }

    fn journal(&self) {
        answer(&self.path("answers.jsonl")).unwrap();
    }
}

/// The run of the folder, begun or resumed.
pub(crate) fn tune(root: &Path, resume: bool) -> Result<FineTuned, BoxError> {
    let model = LanguageModel::open(&root.join("model").display().to_string())?;
    let data = Dataset::open(root.join("rows.jsonl"))?;
    let config = TrainConfig {
        epochs: 1,
        batch_size: 2,
        accumulation: 1,
        checkpoint_every: 2,
        ..TrainConfig::default()
    };
    let run = FineTune::new(&model, &data)
        .lora(LoraConfig {
            rank: 2,
            ..LoraConfig::default()
        })
        .config(config)
        .run_dir(root.join("run"))
        .resume(resume);
    Ok(run.start()?)
}

/// Four answers of a writer that needs no model, in a journal.
pub(crate) fn answer(path: &Path) -> Result<Vec<AnswerRow>, BoxError> {
    let identity = WriterIdentity::named("echo");
    let mut writer = WriterFn::new(identity.clone(), |request: &CompletionRequest| {
        Ok(Completion::new(
            request.id.clone(),
            format!("answer {:?}", request.id),
        ))
    });
    let requests: Vec<CompletionRequest> = (0..4u64)
        .map(|at| CompletionRequest::new(at.into(), Prompt::Text(format!("question {at}")), 1))
        .collect();
    let run = JournalRun::of("answers", identity, &requests);
    let mut journal = CompletionJournal::<AnswerRow>::open(path, run)?;
    let row = &mut |made, completion| Ok::<_, CompletionError>(AnswerRow::new(made, completion));
    Ok(journal.finish(requests, &mut writer, row)?)
}

/// A tokenizer of single bytes, a beginning and an end of text.
fn tokenizer() -> Value {
    let vocabulary: serde_json::Map<String, Value> = letters()
        .into_iter()
        .enumerate()
        .map(|(id, letter)| (letter.to_string(), json!(id)))
        .collect();
    let special = |id: usize, content: &str| {
        json!({"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true})
    };
    let level = json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true});
    json!({
        "version": "1.0", "truncation": null, "padding": null, "normalizer": null,
        "added_tokens": [special(256, "<s>"), special(257, "</s>")],
        "pre_tokenizer": level, "post_processor": null, "decoder": level,
        "model": {"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false,
            "vocab": vocabulary, "merges": []},
    })
}

/// The letter that byte-level tokenizers write for each byte: itself where it is printable, else one past 255.
fn letters() -> Vec<char> {
    let printable = |byte: u32| matches!(byte, 33..=126 | 161..=172 | 174..=255);
    let mut next = 256;
    let letter = |byte: u32| {
        if printable(byte) {
            return char::from_u32(byte).unwrap();
        }
        next += 1;
        char::from_u32(next - 1).unwrap()
    };
    (0..256).map(letter).collect()
}

fn shapes() -> Vec<(String, Vec<usize>)> {
    let block =
        |name: &str, shape: &[usize]| (format!("model.layers.0.{name}.weight"), shape.to_vec());
    let whole = |name: &str, shape: &[usize]| (format!("model.{name}.weight"), shape.to_vec());
    vec![
        whole("embed_tokens", &[VOCABULARY, HIDDEN]),
        block("self_attn.q_proj", &[2 * HEAD, HIDDEN]),
        block("self_attn.k_proj", &[HEAD, HIDDEN]),
        block("self_attn.v_proj", &[HEAD, HIDDEN]),
        block("self_attn.o_proj", &[HIDDEN, 2 * HEAD]),
        block("mlp.gate_proj", &[INTER, HIDDEN]),
        block("mlp.up_proj", &[INTER, HIDDEN]),
        block("mlp.down_proj", &[HIDDEN, INTER]),
        block("input_layernorm", &[HIDDEN]),
        block("post_attention_layernorm", &[HIDDEN]),
        whole("norm", &[HIDDEN]),
    ]
}

fn values(name: &str, shape: &[usize]) -> Vec<u8> {
    let count: usize = shape.iter().product();
    let value = |at: usize| {
        let place = u16::try_from((at * 37 + name.len() * 11) % 101).unwrap();
        let wave = f32::from(place) / 101.0 - 0.5;
        if shape.len() == 1 {
            1.0 + wave / 10.0
        } else {
            wave
        }
    };
    (0..count).flat_map(|at| value(at).to_le_bytes()).collect()
}
