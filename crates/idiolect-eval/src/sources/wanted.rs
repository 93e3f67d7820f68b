//! The files that tasks, suites and data sets want, by their names.

use crate::error::EvalError;
use crate::sources::data_file::DataFile;
use crate::sources::table::DATA_FILES;

impl DataFile {
    /// The files that tasks or data sets want, each once, in the order of the table.
    ///
    /// # Errors
    ///
    /// [`EvalError::Task`] for a name that wants no file.
    pub fn wanted(names: &[String]) -> Result<Vec<Self>, EvalError> {
        let plain = |name: &String| name.replace('-', "_");
        let known = Self::names();
        if let Some(name) = names.iter().find(|name| !known.contains(&&*plain(name))) {
            let known = known.into_iter().map(str::to_owned).collect();
            let name = name.clone();
            return Err(EvalError::DataSet { name, known });
        }
        let names: Vec<String> = names.iter().map(plain).collect();
        let is_wanted = |file: &&Self| names.iter().any(|name| file.wanted_by.contains(&&**name));
        Ok(DATA_FILES.iter().filter(is_wanted).copied().collect())
    }

    /// The tasks and data sets that want files, in the order of the table.
    #[must_use]
    pub fn names() -> Vec<&'static str> {
        let mut names: Vec<&str> = Vec::new();
        for name in DATA_FILES.iter().flat_map(|file| file.wanted_by) {
            if !names.contains(name) {
                names.push(name);
            }
        }
        names
    }
}
