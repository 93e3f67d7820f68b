//! Runs of the binary that are killed at work, and how far their files have got.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Lines of a file, whole or torn; none where there is no file.
pub(crate) fn lines(path: &Path) -> usize {
    std::fs::read(path).map_or(0, |bytes| bytes.split(|byte| *byte == b'\n').count() - 1)
}

fn start(call: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_idiolect"))
        .args(call)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary")
}

/// Starts a run and kills it once `lines` says `wanted`; whether it was still at work.
pub(crate) fn kill_after(call: &[&str], lines: impl Fn() -> usize, wanted: usize) -> bool {
    let mut child = start(call);
    let began = Instant::now();
    while lines() < wanted && child.try_wait().expect("a state").is_none() {
        assert!(began.elapsed() < Duration::from_mins(2), "no line {wanted}");
        std::thread::sleep(Duration::from_micros(200));
    }
    // On Unix this is SIGKILL.
    child.kill().expect("killed");
    !child.wait().expect("a state").success()
}

/// At how many points a run is killed: `IDIOLECT_KILLS`, 3 by default; `cargo xtask hostile --long` takes 25.
pub(crate) fn points() -> usize {
    let set = std::env::var("IDIOLECT_KILLS").ok();
    set.and_then(|text| text.parse().ok()).unwrap_or(3)
}

/// Starts a run and kills it after a while; whether it was still at work.
pub(crate) fn kill_at(call: &[&str], moment: Duration) -> bool {
    let mut child = start(call);
    std::thread::sleep(moment);
    child.kill().expect("killed");
    !child.wait().expect("a state").success()
}

/// Compares files of two folders byte by byte.
pub(crate) fn assert_same(found: &str, expected: &str, files: &[&str], what: &str) {
    for file in files {
        let [found, expected] =
            [found, expected].map(|run| std::fs::read(Path::new(run).join(file)).expect(file));
        assert!(found == expected, "{what}: {file} differs");
    }
}
