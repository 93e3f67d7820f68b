//! Folders that are there whole or not at all, however the process ends.
//!
//! A folder grows under another name and is renamed when it is whole; one that is removed is renamed first. What a
//! killed process leaves behind has a name of its own, is never taken for a whole folder, and goes when the same
//! place is next used.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::DataError;

/// The end of the name of a folder that is not whole.
const UNFINISHED: &str = ".tmp";

/// Makes a folder whole or not at all; one that is there already is replaced.
///
/// `fill` is given the path under which the folder grows, beside its place; the folders above are made.
///
/// # Errors
///
/// [`DataError::Io`], and those of `fill`.
pub fn replace_folder<E: From<DataError>>(
    folder: &Path,
    fill: impl FnOnce(&Path) -> Result<(), E>,
) -> Result<(), E> {
    let beside = unfinished(folder);
    remove_if_there(&beside)?;
    fs::create_dir_all(&beside).map_err(io_error(&beside, "create"))?;
    fill(&beside)?;
    sync_folder(&beside)?;
    if folder.exists() {
        remove_folder(folder)?;
    }
    fs::rename(&beside, folder).map_err(io_error(folder, "write"))?;
    Ok(sync_folder(&above(folder))?)
}

/// Removes a folder with all that is in it; from the first moment on it is no folder of its name.
///
/// # Errors
///
/// [`DataError::Io`].
pub fn remove_folder(folder: &Path) -> Result<(), DataError> {
    let gone = unfinished(&folder.with_file_name(renamed(folder, "gone-")));
    remove_if_there(&gone)?;
    fs::rename(folder, &gone).map_err(io_error(folder, "remove"))?;
    remove_if_there(&gone)
}

/// Removes what killed processes left in a place where [`replace_folder`] and [`remove_folder`] are used.
///
/// # Errors
///
/// [`DataError::Io`].
pub fn remove_unfinished(place: &Path) -> Result<(), DataError> {
    for entry in fs::read_dir(place).map_err(io_error(place, "read"))? {
        let path = entry.map_err(io_error(place, "read"))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') && name.ends_with(UNFINISHED) && path.is_dir() {
            remove_if_there(&path)?;
        }
    }
    Ok(())
}

/// Puts files into a folder that may hold others, all or none of them.
///
/// `fill` writes them into a folder of its own and returns their names. Then those of `before` that are not among
/// them are removed and each file is put in its place; `key`, without which the others are nothing, goes first and
/// comes last, so that a folder that has it has all of them.
///
/// # Errors
///
/// [`DataError::Io`], and those of `fill`.
pub fn fill_folder<E: From<DataError>>(
    folder: &Path,
    (key, before): (&str, &[String]),
    fill: impl FnOnce(&Path) -> Result<Vec<String>, E>,
) -> Result<Vec<String>, E> {
    let own = folder.join(format!(".files{UNFINISHED}"));
    remove_if_there(&own)?;
    fs::create_dir_all(&own).map_err(io_error(&own, "create"))?;
    let files = match fill(&own) {
        Ok(files) => files,
        Err(error) => {
            // The error that counts is the first one.
            let _ = fs::remove_dir_all(&own);
            return Err(error);
        }
    };
    let gone = before.iter().filter(|name| !files.contains(name));
    for name in gone.map(String::as_str).chain([key]) {
        let path = folder.join(name);
        if path.exists() {
            fs::remove_file(&path).map_err(io_error(&path, "remove"))?;
        }
    }
    let (last, first): (Vec<&String>, _) = files.iter().partition(|name| *name == key);
    for name in first.into_iter().chain(last) {
        let path = folder.join(name);
        if let Some(above) = path.parent() {
            fs::create_dir_all(above).map_err(io_error(above, "create"))?;
        }
        fs::rename(own.join(name), &path).map_err(io_error(&path, "write"))?;
    }
    remove_if_there(&own)?;
    Ok(files)
}

fn unfinished(folder: &Path) -> PathBuf {
    let mut name = renamed(folder, ".");
    name.push(UNFINISHED);
    folder.with_file_name(name)
}

fn renamed(folder: &Path, start: &str) -> OsString {
    let mut name = OsString::from(start);
    name.push(folder.file_name().unwrap_or_default());
    name
}

fn above(folder: &Path) -> PathBuf {
    match folder.parent() {
        Some(above) if !above.as_os_str().is_empty() => above.to_owned(),
        _ => PathBuf::from("."),
    }
}

fn remove_if_there(folder: &Path) -> Result<(), DataError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(io_error(folder, "remove")(error))
        }
        _ => Ok(()),
    }
}

/// Makes the names in a folder last; only Unix opens a folder as a file.
fn sync_folder(path: &Path) -> Result<(), DataError> {
    if cfg!(unix) {
        let sync = fs::File::open(path).and_then(|folder| folder.sync_all());
        sync.map_err(io_error(path, "write"))?;
    }
    Ok(())
}

fn io_error(path: &Path, action: &'static str) -> impl FnOnce(io::Error) -> DataError {
    let path = path.to_owned();
    move |source| DataError::Io {
        path,
        action,
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name();
        let mut names: Vec<String> = entries
            .map(|entry| name(entry).into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_folder_is_replaced_as_a_whole_and_left_where_filling_fails() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("step-1");
        let write = |name: &'static str| {
            move |at: &Path| {
                fs::write(at.join(name), "x").map_err(io_error(at, "write"))?;
                Ok::<_, DataError>(())
            }
        };
        replace_folder(&folder, write("a")).unwrap();
        assert_eq!(names(&folder), ["a"]);
        let failed = replace_folder(&folder, |at| {
            write("b")(at)?;
            Err(io_error(at, "write")(io::Error::other("disk full")))
        });
        failed.unwrap_err();
        assert_eq!(names(&folder), ["a"]);
        assert_eq!(names(place.path()), [".step-1.tmp", "step-1"]);
        replace_folder(&folder, write("b")).unwrap();
        assert_eq!(
            (names(&folder), names(place.path())),
            (vec!["b".into()], vec!["step-1".into()])
        );
        remove_folder(&folder).unwrap();
        assert_eq!(names(place.path()), Vec::<String>::new());
    }

    #[test]
    fn what_a_killed_process_left_goes_and_nothing_else() {
        let place = tempfile::tempdir().unwrap();
        for name in [
            ".step-1.tmp",
            ".gone-step-2.tmp",
            ".other",
            "step-3",
            "step-4.tmp",
        ] {
            fs::create_dir(place.path().join(name)).unwrap();
            fs::write(place.path().join(name).join("file"), "x").unwrap();
        }
        remove_unfinished(place.path()).unwrap();
        assert_eq!(names(place.path()), [".other", "step-3", "step-4.tmp"]);
    }

    #[test]
    fn files_come_all_or_none_and_those_before_go() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("model");
        let put = |files: &[&str], before: &[&str]| {
            let before: Vec<String> = before.iter().map(ToString::to_string).collect();
            fill_folder(&folder, ("key", &before), |own| {
                for name in files {
                    fs::write(own.join(name), *name).map_err(io_error(own, "write"))?;
                }
                match files {
                    [] => Err(io_error(own, "write")(io::Error::other("disk full"))),
                    _ => Ok(files.iter().map(ToString::to_string).collect()),
                }
            })
        };
        put(&["key", "shard-1", "shard-2"], &[]).unwrap();
        fs::write(folder.join("README"), "mine").unwrap();
        let before = ["shard-1", "shard-2"];
        put(&[], &before).unwrap_err();
        assert_eq!(names(&folder), ["README", "key", "shard-1", "shard-2"]);
        fs::create_dir(folder.join(".files.tmp")).unwrap();
        put(&["whole", "key"], &before).unwrap();
        assert_eq!(names(&folder), ["README", "key", "whole"]);
    }
    #[test]
    fn files_of_folders_below_come_too() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("model");
        for text in ["first", "second"] {
            let filled = fill_folder(&folder, ("key", &[]), |own| {
                fs::create_dir(own.join("more")).map_err(io_error(own, "create"))?;
                for name in ["more/file", "key"] {
                    fs::write(own.join(name), text).map_err(io_error(own, "write"))?;
                }
                Ok::<_, DataError>(vec!["more/file".to_owned(), "key".to_owned()])
            });
            filled.unwrap();
            assert_eq!(fs::read_to_string(folder.join("more/file")).unwrap(), text);
            assert_eq!(names(&folder), ["key", "more"]);
        }
    }
}
