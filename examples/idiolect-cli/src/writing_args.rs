//! Arguments of the commands that write data: `distill` with its parts, and `continue`.
#![allow(
    clippy::doc_markdown,
    reason = "what clap prints as help has no markup"
)]

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Arguments of `distill`.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Distill {
    /// What to do instead of rewriting.
    #[command(subcommand)]
    pub instead: Option<DistillCommand>,
    /// Flat TOML; its keys are these flags in `snake_case`, and flags win
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub keys: crate::commands::distill::Keys,
}

/// What belongs to `distill`.
#[derive(Subcommand, Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "one is made, when the program starts"
)]
pub enum DistillCommand {
    /// Join the journals of several machines' shards, tell missing and double rows, and export the set
    Merge(DistillMerge),
}

/// Arguments of `distill merge`.
#[derive(Args, Debug)]
pub struct DistillMerge {
    /// Flat TOML, that of the shards
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Journal of a shard, or the --out folder that it is in; repeat it for several
    #[arg(long, required = true, value_name = "PATH")]
    pub from: Vec<PathBuf>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub keys: crate::commands::distill::Keys,
}

/// Arguments of `continue`.
#[derive(Args, Debug)]
pub struct Continue {
    /// Flat TOML; its keys are these flags in `snake_case`, and flags win
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub keys: crate::commands::continuation::Keys,
}
