//! Completions and manual pages, what a machine has, what a model is.

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::common::{Place, done};

#[test]
fn a_shell_completes_options_and_a_manual_has_every_command() {
    for (shell, part) in [
        ("bash", "--learning-rate"),
        ("zsh", "--learning-rate"),
        ("fish", "learning-rate"),
    ] {
        let script = done(&["completions", shell]);
        assert!(script.contains(part), "{shell}");
        let Ok(mut checked) = Command::new(shell).arg("-n").stdin(Stdio::piped()).spawn() else {
            continue;
        };
        let mut input = checked.stdin.take().unwrap();
        input.write_all(script.as_bytes()).unwrap();
        drop(input);
        assert!(
            checked.wait().unwrap().success(),
            "{shell} cannot read its completions"
        );
    }
    let folder = tempfile::tempdir().unwrap();
    done(&["man", "--out", &folder.path().display().to_string()]);
    for page in ["idiolect.1", "idiolect-train.1", "idiolect-sdft.1"] {
        let text = std::fs::read_to_string(folder.path().join(page)).expect(page);
        assert!(text.contains(".SH"), "{page}");
    }
}

#[test]
fn a_doctor_says_what_there_is() {
    let out = Command::new(env!("CARGO_BIN_EXE_idiolect"))
        .arg("doctor")
        .env("HF_HUB_OFFLINE", "1")
        .env_remove("XDG_RUNTIME_DIR")
        .env("HF_TOKEN", "hf_secret")
        .output()
        .unwrap();
    let found = String::from_utf8(out.stdout).unwrap();
    assert!(out.status.success(), "{found}");
    for part in [
        "version",
        "machine",
        "device cpu",
        "ready",
        "not asked: offline is set",
        "from HF_TOKEN",
    ] {
        assert!(found.contains(part), "{part}: {found}");
    }
    assert!(!found.contains("hf_secret"), "{found}");
    // Drivers say nothing of their own.
    assert_eq!(String::from_utf8_lossy(&out.stderr), "");
}

#[test]
fn what_a_model_is_stands_in_two_columns() {
    let Some(place) = Place::new() else { return };
    let table = done(&["inspect", "--model", &place.model("tiny-llama3")]);
    let longest = "rope_scaling.original_max_position_embeddings";
    let width = table
        .lines()
        .find(|line| line.starts_with(longest))
        .expect("a line")
        .find(" 64")
        .expect("its value");
    for line in table.lines() {
        let name = line.split(' ').next().unwrap();
        assert!(
            name.len() <= width && line.as_bytes()[width] == b' ',
            "{line}"
        );
    }
}
