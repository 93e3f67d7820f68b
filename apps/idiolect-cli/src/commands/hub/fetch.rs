//! `idiolect fetch`: files of tasks and data sets into a folder, or what there is.

use idiolect::eval::{DATA_FILES, DataFile, fetch};
use idiolect::hub::Event;
use idiolect::lm::tell_download;

use crate::args::Fetch;
use crate::error::CliError;
use crate::output;
use crate::progress::Bar;
use crate::stop;

/// Runs the command.
pub(crate) fn run(args: &Fetch) -> Result<(), CliError> {
    if args.names.is_empty() {
        let line = |file: &DataFile| format!("{file}\n");
        return output::text(&DATA_FILES.iter().map(line).collect::<String>());
    }
    let bar = Bar::default();
    stop::ends(Some(&args.into));
    let told = |event: Event<'_>| tell_download(&bar, event);
    let fetched = fetch(&args.names, &args.into, &told);
    output::lines(&fetched.map_err(idiolect::Error::from)?)
}
