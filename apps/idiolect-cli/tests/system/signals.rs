//! Signals that ask to end, and readers that go away.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::common::kill::lines;
use crate::common::{Place, distillation, done, read, with, words};
use crate::{ended_quietly, start, training};

fn send(signal: &str, to: &Child) {
    let call = [&format!("-{signal}"), &to.id().to_string()];
    assert!(Command::new("kill").args(call).status().unwrap().success());
}

/// Waits until a file has so many lines, or the process is over.
fn wait(child: &mut Child, file: &Path, wanted: usize) {
    let began = Instant::now();
    while lines(file) < wanted && child.try_wait().unwrap().is_none() {
        assert!(began.elapsed() < Duration::from_mins(2), "no line {wanted}");
        std::thread::sleep(Duration::from_micros(200));
    }
}

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
        wait(&mut child, &Path::new(&run).join("metrics.jsonl"), 3);
        send(signal, &child);
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
fn a_distillation_that_is_interrupted_says_what_is_kept_and_how_it_resumes() {
    let Some(place) = Place::new() else { return };
    let run = place.path("own");
    let call = distillation(&place);
    // Rows one after the other, so that it is at work when the first is written.
    let more = ["--generation-batch-size", "1", "--out", &run];
    let call = with(&call, &more);
    let call: Vec<&str> = call
        .iter()
        .map(|word| if *word == "12" { "150" } else { word })
        .collect();
    let mut child = start(&call);
    let journal = Path::new(&run).join("journal/rewrites.jsonl");
    wait(&mut child, &journal, 2);
    send("INT", &child);
    let (said, status) = ended_quietly(&child.wait_with_output().unwrap());
    assert_eq!(status, Some(1), "{said}");
    let kept = format!("error: stopped: what was done is kept in {run}; the same command resumes");
    assert_eq!(said.lines().last(), Some(&*kept), "{said}");
    let written = read(&journal);
    done(&call);
    assert!(read(&journal).starts_with(written.trim_end_matches(|char| char != '\n')));
}

#[test]
fn a_conversation_says_in_a_line_what_the_signal_does() {
    let Some(place) = Place::new() else { return };
    let model = place.model("tiny-llama3");
    let mut talk = Command::new(env!("CARGO_BIN_EXE_idiolect"))
        .args(["chat", "--model", &model])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = BufReader::new(talk.stderr.take().unwrap());
    let mut line = || {
        let mut line = String::new();
        told.read_line(&mut line).unwrap();
        line
    };
    writeln!(talk.stdin.as_mut().unwrap(), "/undo").unwrap();
    while !line().contains("no turn to take back") {}
    send("INT", &talk);
    assert_eq!(line(), "Ctrl-C again, or /exit, ends the conversation\n");
    send("INT", &talk);
    // Its input stays open meanwhile: the end of that would end it too.
    let mut rest = String::new();
    told.read_to_string(&mut rest).unwrap();
    assert_eq!((talk.wait().unwrap().code(), &*rest), (Some(1), ""));
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
