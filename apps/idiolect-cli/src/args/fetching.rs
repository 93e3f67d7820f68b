//! Options of `fetch` and `push`.
#![allow(
    clippy::doc_markdown,
    reason = "what clap prints as help has no markup"
)]

use std::path::PathBuf;

use clap::Args;

/// Arguments of `fetch`.
#[derive(Args, Debug)]
pub(crate) struct Fetch {
    /// Tasks and data sets; without any, all that there are, with files, licences and places
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Folder that the files go into, which is the --data of eval
    #[arg(long, value_name = "FOLDER", default_value = "data")]
    pub into: PathBuf,
}

/// Arguments of `push`.
#[derive(Args, Debug)]
#[command(
    after_help = "The token is that of HF_TOKEN, or of the file that `hf auth login` writes.

Examples:
  idiolect push runs/plain --to me/first --dry-run    # writes the card and lists the files
  idiolect push runs/plain --to me/first --private
  idiolect push merged --to me/merged --license apache-2.0"
)]
pub(crate) struct Push {
    /// Folder of an adapter or a model, or the run directory of one
    #[arg(value_name = "FOLDER")]
    pub folder: PathBuf,
    /// Repository on the Hub, which is made where there is none; OWNER/NAME@BRANCH for another branch than main
    #[arg(long, value_name = "OWNER/NAME")]
    pub to: String,
    /// Make it a private one
    #[arg(long)]
    pub private: bool,
    /// Write the card, list the files, and send nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Licence of the base model, by its name on the Hub [default: the one that its card names]
    #[arg(long, value_name = "NAME")]
    pub license: Option<String>,
}
