//! Files, names, texts and sizes that are refused or made safe.

use std::io::{ErrorKind, Seek, SeekFrom, Write};
use std::path::Path;

use idiolect_input::{
    Limit, file_name, guarded, limits, open_growing, open_regular, read_bytes, read_text, shown,
    shown_text,
};

const SMALL: Limit = Limit {
    variable: "IDIOLECT_LIMIT_OF_A_TEST",
    what: "bytes of a note",
    default: 4,
};

#[test]
fn a_file_up_to_its_limit_is_read_and_a_longer_one_named_with_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("note");
    std::fs::write(&path, "four").unwrap();
    assert_eq!(read_text(&path, &SMALL).unwrap(), "four");
    std::fs::write(&path, "fives").unwrap();
    let error = read_bytes(&path, &SMALL).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert_eq!(
        error.to_string(),
        "expected at most 4 bytes of a note, found 5 (the environment variable IDIOLECT_LIMIT_OF_A_TEST sets \
         another limit)"
    );
    std::fs::write(&path, b"a\xff").unwrap();
    let error = read_text(&path, &SMALL).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
}

#[cfg(unix)]
#[test]
fn a_pipe_a_socket_a_device_and_a_folder_are_not_opened() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let socket = folder.path().join("socket");
    let _open = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let refused = |path: &Path, found: &str| {
        for error in [open_regular(path), open_growing(path)].map(Result::unwrap_err) {
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert_eq!(
                error.to_string(),
                format!("expected a regular file, found {found}")
            );
        }
    };
    refused(&pipe, "a pipe");
    refused(&socket, "a socket");
    refused(Path::new("/dev/null"), "a device");
    let error = open_regular(folder.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::IsADirectory);
    let error = open_growing(folder.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::IsADirectory);
    let grown = folder.path().join("grown");
    for _ in 0..2 {
        let mut file = open_growing(&grown).unwrap();
        file.seek(SeekFrom::End(0)).unwrap();
        file.write_all(b"row\n").unwrap();
    }
    assert_eq!(std::fs::read(&grown).unwrap(), b"row\nrow\n");
    let link = folder.path().join("link");
    std::os::unix::fs::symlink("Cargo.toml", &link).unwrap();
    assert_eq!(open_regular(&link).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn names_stay_in_their_folder() {
    for good in [
        "model.safetensors",
        "model-00001-of-00002.safetensors",
        "..a",
        "é",
    ] {
        assert_eq!(file_name(good), Ok(good));
    }
    let long = "a".repeat(256);
    for bad in [
        "",
        ".",
        "..",
        "/etc/x",
        "../x",
        "a/b",
        "a\\b",
        "c:x",
        "a\nb",
        "a\u{1b}[2J",
        "a\0",
        "\u{202e}x",
        &long,
    ] {
        let error = file_name(bad).unwrap_err();
        assert!(
            !error.to_string().contains(['\n', '\u{1b}', '\0']),
            "{error}"
        );
    }
}

#[test]
fn text_for_a_terminal_is_escaped_and_cut() {
    assert_eq!(shown("plain é text", 20), "plain é text");
    assert_eq!(
        shown("a\u{1b}]0;b\u{7}\nc\u{9b}", 20),
        "a\\u{1b}]0;b\\u{7}\\nc\\u{9b}"
    );
    assert_eq!(shown("a\u{202e}b", 20), "a\\u{202e}b");
    assert_eq!(shown("ééé", 2), "éé ... (2 more bytes)");
    assert_eq!(shown_text("a\tb\n\u{1b}c", 20), "a\tb\n\\u{1b}c");
}

#[test]
fn every_limit_is_named_after_its_variable_once() {
    let names: Vec<&str> = limits::ALL.iter().map(|limit| limit.variable).collect();
    assert!(names.is_sorted());
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
    for limit in limits::ALL {
        assert!(limit.variable.starts_with("IDIOLECT_LIMIT_"));
        assert!(limit.check(limit.default).is_ok() && limit.check(limit.default + 1).is_err());
    }
}

#[test]
fn a_panic_of_a_library_is_an_error_that_says_why() {
    assert_eq!(guarded(|| 7), Ok(7));
    let list: Vec<u32> = Vec::new();
    let error = guarded(|| list[3]).unwrap_err().to_string();
    assert!(error.contains("gave up: index out of bounds"), "{error}");
    let error = guarded(|| std::panic::panic_any(3)).unwrap_err();
    assert_eq!(error.message, "no reason");
}
