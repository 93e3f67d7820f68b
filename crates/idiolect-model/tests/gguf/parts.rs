//! Files in parts, as `gguf-split` cuts them.

use std::path::{Path, PathBuf};

use idiolect_model::gguf::{GgufFile, parts_of};

use crate::golden;

const FIRST: &str = "llama-00001-of-00002.gguf";
const SECOND: &str = "llama-00002-of-00002.gguf";

#[test]
fn the_first_part_brings_the_others() {
    let (whole, parts) = (golden("llama.gguf"), golden(FIRST));
    let [whole, parts] = [&whole, &parts].map(|path| GgufFile::open(path).unwrap());
    assert_eq!(parts.config().unwrap(), whole.config().unwrap());
    assert_eq!(parts.vocabulary().unwrap(), whole.vocabulary().unwrap());
    assert_eq!(parts.tensor_names(), whole.tensor_names());
    for name in whole.tensor_names() {
        let [ours, theirs] = [&parts, &whole].map(|file| file.read(&name).unwrap());
        assert_eq!(
            (ours.shape, ours.values),
            (theirs.shape, theirs.values),
            "{name}"
        );
    }
    assert_eq!(
        parts_of(&golden(FIRST)).unwrap(),
        [FIRST, SECOND].map(golden)
    );
    assert_eq!(
        parts_of(&golden("llama.gguf")).unwrap(),
        [golden("llama.gguf")]
    );
}

/// Both parts in a folder of their own, and what opening one of them says behind its path.
fn refused(change: impl FnOnce(&Path), open: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    for name in [FIRST, SECOND] {
        std::fs::copy(golden(name), folder.path().join(name)).unwrap();
    }
    change(folder.path());
    let error = GgufFile::open(&folder.path().join(open))
        .unwrap_err()
        .to_string();
    error.replace(&format!("{}/", folder.path().display()), "")
}

#[test]
fn a_later_part_names_the_first() {
    let error = refused(|_| (), SECOND);
    let expected =
        format!("{SECOND}: split.no: expected the first of 2 parts, {FIRST}, found part 2");
    assert_eq!(error, expected);
}

#[test]
fn a_missing_part_is_named() {
    let remove = |folder: &Path| std::fs::remove_file(folder.join(SECOND)).unwrap();
    let expected = format!("{FIRST}: part 2 of 2: expected {SECOND} beside it, found no such file");
    assert_eq!(refused(remove, FIRST), expected);
    let rename = |folder: &Path| {
        std::fs::rename(folder.join(FIRST), folder.join("first.gguf")).unwrap();
    };
    let expected =
        "first.gguf: part 2 of 2: expected NAME-00002-of-00002.gguf beside it, found no such file";
    assert_eq!(refused(rename, "first.gguf"), expected);
}

#[test]
fn parts_that_do_not_belong_together_are_refused() {
    let copy = |from: PathBuf| {
        move |folder: &Path| {
            std::fs::copy(from, folder.join(SECOND)).unwrap();
        }
    };
    let expected = format!("{SECOND}: split.no: expected 1, found 0");
    assert_eq!(refused(copy(golden(FIRST)), FIRST), expected);
    let expected = format!("{SECOND}: split.no: expected 1, found nothing");
    assert_eq!(refused(copy(golden("llama.gguf")), FIRST), expected);
}
