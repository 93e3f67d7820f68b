//! Tasks by their names.

use std::path::Path;
use std::str::FromStr;

use crate::error::EvalError;
use crate::tasks::built_in::built_in;
use crate::tasks::task::Task;

impl Task {
    /// The task of this name that comes with the crate; `-` is read as `_`.
    ///
    /// # Errors
    ///
    /// [`EvalError::Task`] names all that there are.
    pub fn by_name(name: &str) -> Result<Self, EvalError> {
        let plain = name.replace('-', "_");
        let found = built_in().into_iter().find(|task| task.name == plain);
        found.ok_or_else(|| EvalError::Task {
            name: name.to_owned(),
            known: Self::names(),
        })
    }

    /// The names of the tasks that come with the crate.
    #[must_use]
    pub fn names() -> Vec<String> {
        built_in().into_iter().map(|task| task.name).collect()
    }

    /// Whether it comes with the crate, as it is.
    #[must_use]
    pub fn is_built_in(&self) -> bool {
        built_in().contains(self)
    }
}

impl FromStr for Task {
    type Err = EvalError;

    /// The name of a task that comes with the crate, or the path of a `.toml` file.
    fn from_str(name: &str) -> Result<Self, EvalError> {
        let is_file = Path::new(name)
            .extension()
            .is_some_and(|end| end.eq_ignore_ascii_case("toml"));
        if is_file {
            Self::from_toml(Path::new(name))
        } else {
            Self::by_name(name)
        }
    }
}
