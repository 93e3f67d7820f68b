//! A device that another process lends: two programs on 127.0.0.1, without relays, lookups or a network.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::common::kill::lines;
use crate::common::{Place, cache, words};
use crate::{OPTIONS, bytes, call, train};

const TOKEN: (&str, &str) = ("IDIOLECT_DEVICE_TOKEN", "a-token-of-tests");

/// The program that lends the CPU, which ends with the test.
struct Lender {
    child: Child,
    told: BufReader<ChildStderr>,
    /// What the other side calls the device.
    name: String,
}

impl Lender {
    /// Starts it on one thread, with the key of the test's folder.
    fn start(place: &Place) -> Self {
        let key = place.path("device.key");
        let call = [
            "lend",
            "--host",
            "127.0.0.1",
            "--threads",
            "1",
            "--key",
            &key,
            "--log",
            "json",
        ];
        let mut child = Command::new(env!("CARGO_BIN_EXE_idiolect"))
            .args(call)
            .env(TOKEN.0, TOKEN.1)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary");
        let told = BufReader::new(child.stderr.take().expect("its lines"));
        let (mut lender, name) = (
            Self {
                child,
                told,
                name: String::new(),
            },
            "name",
        );
        let ready = lender.line(name).expect("a lent device");
        lender.name = ready[name].as_str().expect("a name").to_owned();
        lender
    }

    /// The next line that tells something under a name; none once the program has ended.
    fn line(&mut self, name: &str) -> Option<Value> {
        let lines = (&mut self.told).lines();
        let mut lines = lines.map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
        lines.find(|line| !line[name].is_null())
    }

    #[cfg(unix)]
    fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status();
        assert!(sent.expect("kill").success());
    }
}

impl Drop for Lender {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A program of the other side.
fn program(call: &[&str]) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_idiolect"));
    program
        .args(call)
        .env(TOKEN.0, TOKEN.1)
        .env("XDG_CACHE_HOME", cache())
        // With it panics are shown that are met.
        .env_remove("RUST_BACKTRACE")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    program
}

/// Standard error of a program that has ended with a status.
#[track_caller]
fn ended(out: &Output, status: i32) -> String {
    let errors = String::from_utf8_lossy(&out.stderr).into_owned();
    assert_eq!(out.status.code(), Some(status), "{errors}");
    assert!(!errors.contains("panicked"), "{errors}");
    errors
}

/// A run with further flags, of the other side.
#[track_caller]
fn train_with(place: &Place, out: &str, more: &[&str]) {
    let call = call(place, out, "2", more);
    ended(&program(&words(&call)).output().unwrap(), 0);
}

#[test]
fn a_lent_cpu_trains_what_one_device_does_to_the_bit() {
    let Some(place) = Place::new() else { return };
    let mut lender = Lender::start(&place);
    let both = format!("cpu,{}", lender.name);
    let short: (&str, &[&str]) = ("bf16", &["--dtype", "bf16", "--max-steps", "4"]);
    for (name, options) in OPTIONS.into_iter().chain([short]) {
        let [one, two] = [1, 2].map(|count| format!("{name}-{count}"));
        train(&place, &one, "2", options);
        train_with(&place, &two, &[options, &["--devices", &both]].concat());
        assert_eq!(bytes(&place, &one), bytes(&place, &two), "{name}");
    }
    let plan: Value = serde_json::from_str(&place.read("plain-2/plan.json")).unwrap();
    assert_eq!(plan["devices"], 2);
    for file in ["run.toml", "plan.json"] {
        assert!(
            !place.read(&format!("plain-2/{file}")).contains(TOKEN.1),
            "{file}"
        );
    }
    // All of a run there, its optimiser too.
    train(&place, "alone-1", "2", &[]);
    train_with(&place, "alone-2", &["--device", &lender.name]);
    assert_eq!(bytes(&place, "alone-1"), bytes(&place, "alone-2"));
    assert_eq!(lender.line("asked").unwrap()["allowed"], true);
}

/// A run of many steps.
fn long(place: &Place, out: &str, more: &[&str]) -> Vec<String> {
    let keeping = [more, &["--checkpoint-every", "1000"]].concat();
    let mut call = call(place, out, "2", &keeping);
    let epochs = call.iter().position(|word| word == "--epochs").unwrap();
    call[epochs + 1] = "40".into();
    call
}

/// Such a run, whose lender is sent a signal once a few steps are done.
#[cfg(unix)]
fn deserted(place: &Place, lender: &Lender, out: &str, devices: [&str; 2]) -> Output {
    let run = program(&words(&long(place, out, &devices)))
        .spawn()
        .unwrap();
    let metrics = place.folder.path().join(out).join("metrics.jsonl");
    let began = Instant::now();
    while lines(&metrics) < 4 {
        assert!(began.elapsed() < Duration::from_mins(2), "no step");
        std::thread::sleep(Duration::from_millis(1));
    }
    lender.signal("-KILL");
    run.wait_with_output().unwrap()
}

#[cfg(unix)]
#[test]
fn a_run_that_loses_a_device_keeps_its_last_step_and_resumes_without_it() {
    let Some(place) = Place::new() else { return };
    let lender = Lender::start(&place);
    let both = format!("cpu,{}", lender.name);
    let out = deserted(&place, &lender, "torn", ["--devices", &both]);
    let errors = ended(&out, 1);
    let last = errors.lines().last().unwrap();
    for part in [lender.name.as_str(), "is lost", "--resume"] {
        assert!(last.contains(part), "{errors}");
    }
    let steps = lines(&place.folder.path().join("torn/metrics.jsonl"));
    let kept = format!("torn/checkpoints/step-{steps}");
    assert!(Path::new(&place.path(&kept)).is_dir(), "{kept}: {errors}");
    crate::common::done(&words(&long(&place, "whole", &[])));
    crate::common::done(&words(&long(
        &place,
        "torn",
        &["--resume", "--devices", "cpu"],
    )));
    assert_eq!(bytes(&place, "torn"), bytes(&place, "whole"));
}

#[cfg(unix)]
#[test]
fn a_run_on_a_device_that_is_lost_says_so() {
    let Some(place) = Place::new() else { return };
    let lender = Lender::start(&place);
    let out = deserted(&place, &lender, "gone", ["--device", &lender.name]);
    let errors = ended(&out, 1);
    let last = errors.lines().last().unwrap();
    assert!(
        last.contains(&lender.name) && last.contains("is lost"),
        "{errors}"
    );
}

#[test]
fn devices_that_cannot_be_had_are_refused_in_a_line() {
    let Some(place) = Place::new() else { return };
    let lender = Lender::start(&place);
    let (id, _) = lender.name.split_once('@').unwrap();
    let wrong = |more: &[&str], token: Option<&str>, parts: &[&str]| {
        let call = call(&place, "no", "2", more);
        let mut program = program(&words(&call));
        match token {
            Some(token) => program.env(TOKEN.0, token),
            None => program.env_remove(TOKEN.0),
        };
        let errors = ended(&program.output().unwrap(), 2);
        assert_eq!(errors.lines().count(), 1, "{errors}");
        for part in parts {
            assert!(errors.contains(part), "{part}: {errors}");
        }
    };
    let own = Some(TOKEN.1);
    let both = format!("cpu,{}", lender.name);
    wrong(
        &["--devices", &both],
        Some("another"),
        &["--devices", "token", "rejected"],
    );
    wrong(
        &["--devices", &both],
        None,
        &["--devices", TOKEN.0, "no token"],
    );
    wrong(
        &["--devices", &both, "--quantize", "8"],
        own,
        &["--quantize", "floats"],
    );
    wrong(
        &["--device", &lender.name, "--full"],
        own,
        &["full", "an adapter"],
    );
    let twice = format!("{},{}", lender.name, lender.name);
    wrong(&["--devices", &twice], own, &["--devices", "each GPU once"]);
    let second = format!("cpu,{}", lender.name.replace('@', "/1@"));
    wrong(
        &["--devices", &second],
        own,
        &["--devices", "0 to 0", "only 1 device"],
    );
    wrong(&["--device", "remote:abc"], own, &["--device", "remote:ID"]);
    wrong(
        &["--device", &format!("{id}@nowhere")],
        own,
        &["--device", "HOST:PORT"],
    );
    // Somebody who does not speak the protocol: a port that is bound and silent.
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let nobody = format!("cpu,{id}@{}", silent.local_addr().unwrap());
    wrong(
        &["--devices", &nobody],
        own,
        &["--devices", "that answers", "timed out"],
    );
}

#[cfg(unix)]
#[test]
fn a_lender_keeps_its_id_needs_a_token_and_ends_when_it_is_asked_to() {
    let Some(place) = Place::new() else { return };
    let ids = [(), ()].map(|()| {
        let mut lender = Lender::start(&place);
        lender.signal("-INT");
        assert_eq!(lender.child.wait().unwrap().code(), Some(0));
        let (id, _) = lender.name.split_once('@').unwrap();
        id.to_owned()
    });
    assert_eq!(ids[0], ids[1]);
    let mut bare = program(&["lend", "--host", "127.0.0.1"]);
    let errors = ended(&bare.env_remove(TOKEN.0).output().unwrap(), 2);
    assert!(
        errors.contains(TOKEN.0) && errors.lines().count() == 1,
        "{errors}"
    );
    let mut far = program(&["lend", "--device", &ids[0]]);
    let errors = ended(&far.output().unwrap(), 2);
    assert!(errors.contains("this machine"), "{errors}");
}
