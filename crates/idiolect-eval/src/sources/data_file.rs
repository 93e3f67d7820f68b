//! A file that a task or a data set wants, and its publisher.

use std::fmt;

/// A file that a task or a data set wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DataFile {
    /// Its path below the data folder, by which tasks name it.
    pub path: &'static str,
    /// The tasks and data sets that want it.
    pub wanted_by: &'static [&'static str],
    /// The licence that its publisher states.
    pub licence: &'static str,
    /// Where it is.
    pub source: Source,
}

/// Where a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// In a data set on the Hugging Face Hub.
    Hub(HubSource),
    /// At an address of its publisher, to be got by hand.
    Address {
        /// The address of a folder, with a slash at its end.
        folder: &'static str,
        /// The file's path in it.
        file: &'static str,
    },
}

/// A data set on the Hub, and what of it stands in a file's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HubSource {
    /// `owner/name`.
    pub repository: &'static str,
    /// The commit that was seen to hold the files; the newest where none was.
    pub revision: Option<&'static str>,
    /// The files.
    pub files: &'static [HubFile],
}

/// A file of a data set on the Hub, and where it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HubFile {
    /// Its path in the repository; with a star at its end, all paths that begin so.
    pub from: &'static str,
    /// Its path below the data folder; the folder of the files where there is a star.
    pub to: &'static str,
}

impl DataFile {
    /// How it is to be had, in a few words.
    #[must_use]
    pub fn how(&self) -> String {
        let licence = self.licence;
        match self.source {
            Source::Hub(_) => {
                let name = self.wanted_by.first().copied().unwrap_or_default();
                format!(
                    "`idiolect fetch {name} --into FOLDER` gets it from {} (licence {licence})",
                    self.source
                )
            }
            Source::Address { .. } => format!("it is at {} (licence {licence})", self.source),
        }
    }
}

impl fmt::Display for DataFile {
    /// Who wants it, its path, its licence and its place.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, licence, .. } = self;
        let names = self.wanted_by.join(", ");
        write!(f, "{names}: {path}, licence {licence}, {}", self.source)
    }
}

impl fmt::Display for Source {
    /// `owner/name@revision on the Hugging Face Hub`, or the address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hub(hub) => {
                f.write_str(hub.repository)?;
                if let Some(revision) = hub.revision {
                    write!(f, "@{revision}")?;
                }
                f.write_str(" on the Hugging Face Hub")
            }
            Self::Address { folder, file } => write!(f, "{folder}{file}"),
        }
    }
}
