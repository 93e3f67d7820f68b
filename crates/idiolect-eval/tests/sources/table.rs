//! The table of files against the tasks that name them, and docs/DATA.md against the table.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;

use idiolect_eval::{DATA_FILES, DataFile, HubSource, Source, Task, built_in};
use idiolect_testkit::workspace_root;

#[test]
fn every_file_of_every_task_is_in_the_table() {
    for task in built_in() {
        let examples = task.examples.iter().map(|examples| &examples.file);
        for file in std::iter::once(&task.file).chain(examples) {
            let path = file.to_str().unwrap();
            let known = DATA_FILES.iter().find(|known| known.path == path);
            let known = known.unwrap_or_else(|| panic!("{path} of {}", task.name));
            assert!(
                known.wanted_by.contains(&&*task.name),
                "{path}: {}",
                task.name
            );
        }
    }
    let beside = DataFile::wanted(&["mt-bench".into()]).unwrap();
    assert_eq!(beside.len(), 3);
    let names = DataFile::names();
    assert!(Task::names().iter().all(|task| names.contains(&&**task)));
}

#[test]
fn no_path_stands_twice_and_every_commit_and_address_is_whole() {
    let (mut paths, mut places) = (BTreeSet::new(), BTreeSet::new());
    for file in DATA_FILES {
        assert!(paths.insert(file.path), "{}", file.path);
        if let Source::Hub(HubSource {
            repository,
            revision,
            files,
        }) = file.source
        {
            assert_eq!(repository.split('/').count(), 2, "{repository}");
            let is_hex =
                |text: &str| text.len() == 40 && text.bytes().all(|b| b.is_ascii_hexdigit());
            assert!(revision.is_none_or(is_hex), "{repository}");
            for hub in files {
                assert!(places.insert(hub.to), "{}", hub.to);
            }
        } else {
            let address = file.source.to_string();
            let begins = "https://raw.githubusercontent.com/";
            assert!(
                address.starts_with(begins) && !address.contains(' '),
                "{address}"
            );
        }
    }
}

#[test]
fn a_wrong_name_is_answered_with_the_nearest_or_with_all() {
    let error = DataFile::wanted(&["gsm9k".into()]).unwrap_err().to_string();
    let near =
        "nothing is known of \"gsm9k\": expected a task or a data set (the nearest is gsm8k)";
    assert_eq!(error, near);
    let error = DataFile::wanted(&["?".into()]).unwrap_err().to_string();
    assert!(error.contains("a data set (one of gsm8k, "), "{error}");
}

fn source(file: &DataFile) -> String {
    if let Source::Hub(HubSource {
        repository,
        revision,
        files,
    }) = file.source
    {
        let at = revision.map_or_else(
            || "newest".to_owned(),
            |commit| format!("`{}`", &commit[..12]),
        );
        let files: Vec<String> = files
            .iter()
            .map(|file| format!("`{}`", file.from))
            .collect();
        format!(
            "[{repository}](https://huggingface.co/datasets/{repository}) at {at}: {}",
            files.join(", ")
        )
    } else {
        let address = file.source.to_string();
        let name = address
            .split('/')
            .skip(3)
            .take(2)
            .collect::<Vec<_>>()
            .join("/");
        format!("by hand: [{name}]({address})")
    }
}

/// `UPDATE_DATA_TABLE=1` in the environment writes the page anew.
#[test]
fn the_page_shows_the_table() {
    let mut table =
        String::from("| file | wanted by | licence | where it is |\n|---|---|---|---|\n");
    for file in DATA_FILES {
        let names: Vec<String> = file
            .wanted_by
            .iter()
            .map(|name| format!("`{name}`"))
            .collect();
        let (path, names) = (file.path, names.join(", "));
        writeln!(
            table,
            "| `{path}` | {names} | {} | {} |",
            file.licence,
            source(file)
        )
        .unwrap();
    }
    let path = workspace_root().join("docs/DATA.md");
    let page = fs::read_to_string(&path).unwrap();
    let begin = page.find("| file |").expect("a table");
    let end = begin
        + page[begin..]
            .find("\n\n")
            .map_or(page.len() - begin, |end| end + 1);
    if std::env::var_os("UPDATE_DATA_TABLE").is_some() {
        let new = format!("{}{table}{}", &page[..begin], &page[end..]);
        fs::write(&path, new).unwrap();
        return;
    }
    assert!(
        page[begin..end] == table,
        "docs/DATA.md differs: UPDATE_DATA_TABLE=1 writes its table anew"
    );
}
