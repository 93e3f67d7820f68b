//! Options of `fetch`.

use std::path::PathBuf;

use clap::Args;

/// Arguments of `fetch`.
#[derive(Args, Debug)]
pub(crate) struct Fetch {
    /// Tasks and data sets; without any, all that there are, with files, licences and places
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Folder that the files go into: --data of eval [default: tasks]
    #[arg(
        long,
        value_name = "FOLDER",
        default_value = "tasks",
        hide_default_value = true
    )]
    pub into: PathBuf,
}
