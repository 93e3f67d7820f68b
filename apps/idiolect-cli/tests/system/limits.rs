//! Files that may not grow.

use std::path::Path;

use crate::common::{Place, done, with, words};
use crate::{behind, training};

const WEIGHTS: &str = "adapter/adapter_model.safetensors";

/// The system's own answer to a file over the limit is a signal that ends a program without a word.
#[test]
fn a_limit_of_files_ends_a_training_with_one_line_and_the_same_command_resumes() {
    let Some(place) = Place::new() else { return };
    let (whole, run) = (place.path("whole"), place.path("run"));
    done(&words(&training(&place, &whole)));
    let call = training(&place, &run);
    // Blocks of 512 bytes: less than a checkpoint has.
    let limited = |blocks: u32| {
        let shell = format!("ulimit -f {blocks}; exec \"$@\"");
        behind(&shell, &words(&call)).output().unwrap()
    };
    for blocks in [2, 8, 40] {
        let out = limited(blocks);
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!(out.status.code(), Some(1), "{blocks}: {said}");
        let errors: Vec<&str> = said
            .lines()
            .filter(|line| line.starts_with("error: "))
            .collect();
        assert!(
            errors.len() == 1 && errors[0].contains("too large"),
            "{blocks}: {said}"
        );
    }
    done(&words(&call));
    let read = |run: &str| std::fs::read(Path::new(run).join(WEIGHTS)).unwrap();
    assert_eq!(read(&run), read(&whole));
}

#[test]
fn a_limit_of_files_leaves_no_half_of_a_merged_model() {
    let Some(place) = Place::new() else { return };
    let run = place.path("run");
    done(&words(&training(&place, &run)));
    let (model, adapter) = (place.model("tiny-llama3"), format!("{run}/adapter"));
    let out = place.path("merged");
    let call = [
        "merge",
        "--model",
        &model,
        "--adapter",
        &adapter,
        "--out",
        &out,
    ];
    let said = behind("ulimit -f 8; exec \"$@\"", &call).output().unwrap();
    assert_eq!(said.status.code(), Some(1));
    let text = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(
        text.lines().count() == 1 && text.contains("too large"),
        "{text}"
    );
    assert!(!Path::new(&out).join("model.safetensors").exists());
    done(&with(&call.map(String::from), &["--overwrite"]));
}
