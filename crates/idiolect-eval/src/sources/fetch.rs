//! The files of tasks and data sets, from the Hub into a folder.

use std::path::Path;

use idiolect_hub::{Event, FetchedFile, FileWanted, Hub, Repo, RepoKind};

use crate::error::EvalError;
use crate::sources::data_file::{DataFile, HubFile, Source};

/// Has the files that tasks, suites or data sets want in a folder, from the Hub that the environment names; tells
/// where those are that the Hub has not.
///
/// # Errors
///
/// [`EvalError::DataSet`] for a name that wants no file; [`EvalError::Hub`].
pub fn fetch(
    names: &[String],
    into: &Path,
    told: &dyn Fn(Event<'_>),
) -> Result<Vec<FetchedFile>, EvalError> {
    let (hub, mut fetched) = (Hub::of_user()?, Vec::new());
    for file in DataFile::wanted(names)? {
        let Source::Hub(place) = file.source else {
            told(Event::Note(&format!("{}: {}", file.path, file.how())));
            continue;
        };
        let repo = Repo::new(RepoKind::Dataset, place.repository, place.revision)?;
        for HubFile { from, to } in place.files {
            let (repo, licence) = (&repo, file.licence);
            let wanted = FileWanted {
                repo,
                from,
                to,
                licence,
            };
            fetched.extend(hub.fetch(&wanted, into, told)?);
        }
    }
    Ok(fetched)
}
