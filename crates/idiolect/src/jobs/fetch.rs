//! Files of tasks and data sets from the Hub.

use std::path::Path;

use idiolect_completion::Progress;
use idiolect_eval::{DataFile, HubFile, Source};
use idiolect_hub::{FetchedFile, FileWanted, Hub, Repo, RepoKind};
use idiolect_lm::tell_download;

use crate::Error;

/// Has the files that tasks or data sets want in a folder; tells where those are that the Hub has not.
///
/// # Errors
///
/// [`Error::Eval`] for a name that wants no file; [`Error::Hub`].
pub fn fetch(
    names: &[String],
    into: &Path,
    progress: &dyn Progress,
) -> Result<Vec<FetchedFile>, Error> {
    let (hub, mut fetched) = (Hub::of_user()?, Vec::new());
    for file in DataFile::wanted(names)? {
        let Source::Hub(place) = file.source else {
            progress.note(&format!("{}: {}", file.path, file.how()));
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
            fetched.extend(hub.fetch(&wanted, into, &|event| tell_download(progress, event))?);
        }
    }
    Ok(fetched)
}
