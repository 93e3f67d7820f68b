//! One good file of each kind that the program reads, made here: the tests need no other data.

pub(crate) mod evaluation;
pub(crate) mod hub;
mod model;
mod rows;
pub(crate) mod runs;
mod vendor;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use idiolect_testkit::workspace_root;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::scratch::scratch;

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
    /// What readers make of good files.
    known: Mutex<HashMap<&'static str, String>>,
}

impl Good {
    pub(crate) fn new() -> Self {
        let good = Self {
            folder: scratch(),
            known: Mutex::default(),
        };
        good.rows();
        good.settings();
        good.model("model", None);
        good.model("sharded", Some(2));
        let gguf = workspace_root().join("crates/idiolect-model/tests/golden/llama.gguf");
        std::fs::copy(gguf, good.path("model.gguf")).unwrap();
        good.runs();
        good.vendors();
        good.hub();
        good.evaluation();
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

    fn lines(&self, name: &str, rows: &[Value]) {
        let text = rows
            .iter()
            .fold(String::new(), |all, row| format!("{all}{row}\n"));
        self.write(name, text);
    }

    /// What the reader of a file makes of the good one.
    pub(crate) fn expected(&self, file: &'static str, read: impl FnOnce() -> String) -> String {
        let mut known = self.known.lock().unwrap();
        known.entry(file).or_insert_with(read).clone()
    }

    fn settings(&self) {
        self.write("train.toml", SETTINGS);
        self.write("template.toml", TEMPLATE);
        self.write("format.toml", FORMAT);
    }
}
