//! Options of `lend`.
#![allow(
    clippy::doc_markdown,
    reason = "what clap prints as help has no markup"
)]

use std::net::IpAddr;
use std::path::PathBuf;

use clap::Args;

/// Arguments of `lend`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  export IDIOLECT_DEVICE_TOKEN=a-long-secret      # on both machines
  idiolect lend --device cuda                     # prints remote:ID@10.0.0.5:4433
  idiolect train --config run.toml --devices cuda,remote:ID@10.0.0.5:4433 --accumulation 8   # on the other")]
#[cfg_attr(
    not(feature = "remote"),
    allow(dead_code, reason = "a build that lends nothing")
)]
pub(crate) struct Lend {
    /// Device of this machine: cpu (also called flex), cuda, cuda:1, vulkan, wgpu
    #[arg(help_heading = "Device", long, default_value = "cpu")]
    pub device: String,
    /// Threads of the CPU [default: all cores]
    #[arg(help_heading = "Device", long)]
    pub threads: Option<usize>,
    /// Address to listen at
    #[arg(help_heading = "Connection", long, default_value = "0.0.0.0")]
    pub host: IpAddr,
    /// UDP port to listen at; 0 is any that is free
    #[arg(help_heading = "Connection", long, default_value_t = 0)]
    pub port: u16,
    /// How others come here who cannot do so directly: public, through the relays and the lookup of n0.computer, which
    /// see who talks to whom and nothing of what is said; or the URL of a relay [default: directly alone]
    #[arg(help_heading = "Connection", long, value_name = "public|URL")]
    pub relay: Option<String>,
    /// File with this machine's key, whose public half is the ID; it is made where it is not there [default:
    /// ~/.config/idiolect/device.key]
    #[arg(help_heading = "Connection", long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// Environment variable that holds the token that others must know
    #[arg(
        help_heading = "Connection",
        long,
        value_name = "VARIABLE",
        default_value = "IDIOLECT_DEVICE_TOKEN"
    )]
    pub token_variable: String,
}
