//! Options of `fetch`.

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
