//! Options of an OpenAI-compatible server.
#![allow(
    clippy::doc_markdown,
    reason = "what clap prints as help has no markup"
)]

use clap::Args;
use serde::Serialize;

/// How a server is asked.
#[derive(Args, Debug, Clone, Default, Serialize)]
#[command(next_help_heading = "Server")]
pub(crate) struct ServerOptions {
    /// The server's name for its model [default: the only one that it serves]
    #[arg(long, value_name = "NAME")]
    pub server_model: Option<String>,
    /// Environment variable that holds the server's key [default: no key is sent]
    #[arg(long, value_name = "VARIABLE")]
    pub key_variable: Option<String>,
    /// Requests under way at once [default: 8]
    #[arg(long)]
    pub in_flight: Option<usize>,
    /// Seconds that one attempt may take [default: 300]
    #[arg(long)]
    pub timeout: Option<u64>,
    /// Attempts at a request before the run ends; those after which the server asks to wait do not count
    /// [default: 6]
    #[arg(long)]
    pub attempts: Option<u32>,
    /// Seconds that a server may make a request wait in all, by Retry-After or because its model is loading
    /// [default: 600]
    #[arg(long, value_name = "SECONDS")]
    pub max_wait: Option<u64>,
    /// How the most new tokens are named in a chat: auto, max_tokens until a server asks for the other; max_tokens;
    /// or max_completion_tokens [default: auto]
    #[arg(long, value_name = "NAME")]
    pub limit_field: Option<String>,
    /// Leave the temperature out, for servers that refuse it: theirs is used then
    #[arg(long, num_args = 0..=1, default_missing_value = "true")]
    pub omit_temperature: Option<bool>,
    /// Most tokens of prompts and texts that this call may spend
    #[arg(long, value_name = "TOKENS")]
    pub budget_tokens: Option<u64>,
    /// Most money that this call may spend, in the currency of the prices
    #[arg(long, value_name = "MONEY")]
    pub budget_money: Option<f64>,
    /// Price of a million tokens of prompts [default: 0]
    #[arg(long)]
    pub prompt_price: Option<f64>,
    /// Price of a million tokens of texts [default: 0]
    #[arg(long)]
    pub text_price: Option<f64>,
    /// Most bytes of an answer [default: 67108864]
    #[arg(long, value_name = "BYTES")]
    pub reply_bytes: Option<u64>,
    /// Allow http to other machines, over which key and texts can be read on the way
    #[arg(long, num_args = 0..=1, default_missing_value = "true")]
    pub plain_http: Option<bool>,
}
