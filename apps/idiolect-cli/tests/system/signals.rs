//! Signals that ask to end, and readers that go away.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::common::kill::lines;
use crate::common::{Place, done, read, words};
use crate::{ended_quietly, start, training};

/// SIGHUP, as SIGTERM, has a training write its checkpoint and end; the same command ends with the same adapter.
#[test]
fn a_terminal_that_goes_stops_a_training_that_then_resumes() {
    let Some(place) = Place::new() else { return };
    let adapter =
        |run: &str| std::fs::read(Path::new(run).join("adapter/adapter_model.safetensors"));
    let whole = place.path("whole");
    done(&words(&training(&place, &whole)));
    for signal in ["HUP", "TERM"] {
        let run = place.path(signal);
        let call = training(&place, &run);
        let mut child = start(&words(&call));
        let metrics = Path::new(&run).join("metrics.jsonl");
        let began = Instant::now();
        while lines(&metrics) < 3 && child.try_wait().unwrap().is_none() {
            assert!(began.elapsed() < Duration::from_mins(2), "no steps");
            std::thread::sleep(Duration::from_micros(200));
        }
        let pid = child.id().to_string();
        let sent = Command::new("kill")
            .args([&format!("-{signal}"), &pid])
            .status();
        assert!(sent.unwrap().success());
        let out = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!(out.status.code(), Some(1), "{said}");
        let last = said.lines().last().unwrap();
        assert!(
            last.starts_with("error: stopped: ") && last.contains("resumes"),
            "{said}"
        );
        done(&words(&call));
        assert_eq!(adapter(&run).unwrap(), adapter(&whole).unwrap());
        assert_eq!(
            read(&Path::new(&run).join("metrics.jsonl")),
            read(&Path::new(&whole).join("metrics.jsonl"))
        );
    }
}

#[test]
fn a_reader_that_goes_away_ends_the_program_in_silence() {
    let Some(place) = Place::new() else { return };
    let model = place.model("tiny-llama3");
    let calls: [&[&str]; 3] = [
        &["inspect", "--model", &model],
        &["--help"],
        &["train", "--help"],
    ];
    for call in calls {
        let mut child = start(call);
        drop(child.stdout.take());
        let (said, status) = ended_quietly(&child.wait_with_output().unwrap());
        assert_eq!((said.as_str(), status), ("", Some(0)), "{call:?}");
    }
}
