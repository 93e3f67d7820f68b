//! Plain reads and writes of what a caller has, from programs in the sandbox: by root and by an ordinary user, with
//! the system's namespaces and without them. Each is held, or no program runs, and the sandbox says as whom they run.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests end them, and say what is skipped"
)]

mod list;
mod place;

use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use idiolect_eval::{Ending, Limits, Sandbox};
use list::PROBES;
use place::Place;

/// Says to [`inside`] what is expected: `held` or `refused`.
const EXPECTED: &str = "IDIOLECT_PROBES";
/// Runs the rest of its arguments where nobody makes user namespaces.
const WITHOUT: &str = "echo 0 >/proc/sys/user/max_user_namespaces && exec \"$@\"";
/// Hands down an open file, as callers may by mistake.
const OPEN: &str = "exec 9<\"$1/outside/secret\"; shift; exec \"$@\"";

fn uid() -> u32 {
    std::fs::metadata("/proc/self").unwrap().uid()
}

/// Runs [`inside`] in a process of its own behind `before`, in a folder that every user may write to.
fn run(expected: &str, before: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("probes");
    std::fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
    for (path, mode) in [(folder.path(), 0o777), (&copy, 0o755)] {
        std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }
    std::fs::create_dir(folder.path().join("outside")).unwrap();
    std::fs::set_permissions(folder.path().join("outside"), Permissions::from_mode(0o777)).unwrap();
    std::fs::write(folder.path().join("outside/secret"), "the word").unwrap();
    let all = before.iter().copied();
    let folder_text = folder.path().to_str().unwrap();
    let shell = ["sh", "-c", OPEN, "sh", folder_text, copy.to_str().unwrap()];
    let mut words = all.chain(shell).chain(["--exact", "inside", "--nocapture"]);
    let done = Command::new(words.next().unwrap())
        .args(words)
        .env(EXPECTED, expected)
        .env("TMPDIR", folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "{before:?}: {said}");
    eprint!(
        "{}",
        said.lines()
            .filter(|line| line.starts_with("sandbox"))
            .collect::<String>()
    );
}

const USER: [&str; 6] = [
    "setpriv",
    "--reuid",
    "1000",
    "--regid",
    "1000",
    "--clear-groups",
];

/// An ordinary user, whom root has to become first.
fn user() -> Vec<&'static str> {
    if uid() == 0 {
        USER.to_vec()
    } else {
        vec!["env"]
    }
}

#[test]
fn probes_of_root_are_held() {
    if uid() == 0 {
        run("held", &["env"]);
    } else {
        idiolect_testkit::skipped("only root can try what root is held to");
    }
}

#[test]
fn probes_of_a_user_are_held() {
    run("held", &user());
}

#[test]
fn without_namespaces_no_program_runs() {
    let unshare = ["unshare", "--map-root-user", "sh", "-c", WITHOUT, "sh"];
    run("refused", &[user(), unshare.to_vec()].concat());
    if uid() == 0 {
        // Root of a container, who may not mount.
        run(
            "refused",
            &[
                "setpriv",
                "--bounding-set",
                "-sys_admin",
                "--inh-caps",
                "-sys_admin",
            ],
        );
    }
}

/// Does nothing but where [`run`] calls it.
#[test]
fn inside() {
    let Ok(expected) = std::env::var(EXPECTED) else {
        return;
    };
    let limits = Limits {
        time: Duration::from_secs(10),
        memory: 256 << 20,
        ..Limits::default()
    };
    match Sandbox::new(&python(), limits) {
        Err(error) => {
            let required = std::env::var_os("IDIOLECT_REQUIRE_SANDBOX").is_some();
            assert!(expected == "refused" || !required, "{error}");
            eprintln!("sandbox: {error}");
        }
        Ok(sandbox) => {
            assert_eq!(expected, "held", "programs run without namespaces");
            announced(&sandbox);
            all_held(&sandbox);
        }
    }
}

/// The Python of the one who calls: root's own may lie where only root reads.
fn python() -> PathBuf {
    let system = Path::new("/usr/bin/python3");
    if uid() != 0 && system.is_file() {
        system.into()
    } else {
        "python3".into()
    }
}

fn announced(sandbox: &Sandbox) {
    assert_eq!(sandbox.user(), if uid() == 0 { 65534 } else { uid() });
    let [_, not] = sandbox.limits_held().unwrap().names();
    assert_eq!(not.len(), 0, "{not:?}");
    // As the system sees the processes of programs: none is root's, and some are those of the user that is named.
    let users = std::thread::scope(|scope| {
        let running = scope.spawn(|| sandbox.run("import time; time.sleep(1.5)"));
        let mut users = Vec::new();
        while !running.is_finished() {
            users.extend(users_of_programs());
            std::thread::sleep(Duration::from_millis(50));
        }
        assert_eq!(running.join().unwrap().unwrap(), Ending::Passed);
        users
    });
    assert!(
        users.contains(&sandbox.user()) && !users.contains(&0),
        "{users:?}"
    );
}

/// The users of all processes that run a driver.
fn users_of_programs() -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let runs = |path: &PathBuf| {
        let call = std::fs::read(path.join("cmdline")).unwrap_or_default();
        let words: Vec<_> = call.split(|byte| *byte == 0).collect();
        words.get(3) == Some(&b"/box/driver.py".as_slice())
    };
    let paths = processes.map(|entry| entry.path()).filter(runs);
    paths
        .filter_map(|path| {
            let status = std::fs::read_to_string(path.join("status")).ok()?;
            let line = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
            line.split_whitespace().next()?.parse().ok()
        })
        .collect()
}

/// Each probe reaches what it is after without a sandbox, and nothing in it.
fn all_held(sandbox: &Sandbox) {
    let folder = std::env::temp_dir();
    let place = Place::new(&folder);
    let mut wrong = Vec::new();
    for (name, probe) in PROBES {
        let program = place.program(probe);
        place.renew();
        let plain = Command::new(python())
            .args(["-I", "-S", "-c", &program])
            .current_dir(place.work())
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        if !plain.status.success() {
            wrong.push(format!(
                "{name}, plain: {}",
                String::from_utf8_lossy(&plain.stderr)
            ));
        }
        place.renew();
        let ending = sandbox.run(&program).unwrap();
        if !matches!(ending, Ending::Failed(_)) || !place.is_untouched() {
            wrong.push(format!("{name}, in the sandbox: {ending:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
