//! Options of `serve`.
#![allow(
    clippy::doc_markdown,
    reason = "what clap prints as help has no markup"
)]

use std::net::IpAddr;

use clap::Args;

use super::ModelOptions;

/// Arguments of `serve`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  idiolect serve --model models/SmolLM2-135M-Instruct.Q4_1.gguf
  idiolect serve --model M --adapter plain=runs/plain --adapter distilled=runs/trained --port 8080
  IDIOLECT_API_KEY=a-long-secret idiolect serve --model M --host 0.0.0.0
  curl http://127.0.0.1:8000/v1/chat/completions -H 'content-type: application/json' \\
    -d '{\"messages\": [{\"role\": \"user\", \"content\": \"Say red.\"}], \"max_tokens\": 20}'")]
pub(crate) struct Serve {
    #[command(flatten)]
    pub model: ModelOptions,
    /// PEFT folder or directory of a run, under the name that requests ask for as their model, else the folder's own;
    /// repeat it for several
    #[arg(help_heading = "Model and device", long, value_name = "[NAME=]FOLDER")]
    pub adapter: Vec<String>,
    /// Template of conversations: a name, FILE.jinja or FILE.toml [default: the adapter's, else the checkpoint's chat
    /// template, else alpaca]
    #[arg(help_heading = "Model and device", long)]
    pub template: Option<String>,
    /// Address to listen at; one that other machines reach needs a key
    #[arg(help_heading = "Server", long, default_value = "127.0.0.1")]
    pub host: IpAddr,
    /// Port to listen at; 0 is any that is free
    #[arg(help_heading = "Server", long, default_value_t = 8000)]
    pub port: u16,
    /// Environment variable that holds the key that requests must send [default: IDIOLECT_API_KEY, where it is set]
    #[arg(help_heading = "Server", long, value_name = "VARIABLE")]
    pub key_variable: Option<String>,
    /// Seed of requests that bring none
    #[arg(help_heading = "Server", long, default_value_t = 42)]
    pub seed: u64,
    /// Texts of one request that are computed together [default: 8]
    #[arg(help_heading = "Limits", long)]
    pub batch_size: Option<usize>,
    /// Most bytes of a request's body [default: 2097152]
    #[arg(help_heading = "Limits", long, value_name = "BYTES")]
    pub max_body_bytes: Option<usize>,
    /// Most tokens of a prompt [default: the model's positions]
    #[arg(help_heading = "Limits", long, value_name = "TOKENS")]
    pub max_prompt_tokens: Option<usize>,
    /// Most new tokens of a text [default: 4096]
    #[arg(help_heading = "Limits", long, value_name = "TOKENS")]
    pub max_new_tokens: Option<usize>,
    /// Most tokens of all prompts and new ones of a request together [default: 131072]
    #[arg(help_heading = "Limits", long, value_name = "TOKENS")]
    pub max_request_tokens: Option<usize>,
    /// Most texts of a request, prompts times n [default: 128]
    #[arg(help_heading = "Limits", long, value_name = "TEXTS")]
    pub max_choices: Option<usize>,
    /// Most requests that wait for the model; more get status 503 [default: 128]
    #[arg(help_heading = "Limits", long, value_name = "REQUESTS")]
    pub max_waiting: Option<usize>,
    /// Most connections at once [default: 256]
    #[arg(help_heading = "Limits", long)]
    pub max_connections: Option<usize>,
    /// Seconds from a request's arrival to the end of its answer [default: 600]
    #[arg(help_heading = "Limits", long, value_name = "SECONDS")]
    pub timeout: Option<u64>,
    /// Seconds that a client may take to send a request, or to read what is sent [default: 30]
    #[arg(help_heading = "Limits", long, value_name = "SECONDS")]
    pub client_timeout: Option<u64>,
}
