//! A disk that is full: a small file system in memory, which only the test's own processes see.

use std::path::Path;
use std::process::Command;

use crate::common::{Place, distillation, done, with};
use crate::training;

/// Bytes of a page: what a file of this file system takes is a multiple of it.
const PAGE: u64 = 4096;

/// Mounts the disk with `$1` bytes on `$2`, calls the rest with its words for errors in `$3.said` and its status in
/// `$3.status`, copies what is there to `$3.kept`, gives the disk room, calls again, and copies that to `$3.end`.
const SCRIPT: &str = r#"
size=$1 disk=$2 to=$3; shift 3
mount -t tmpfs -o size="$size" tmpfs "$disk" || exit 77
status=0; "$@" >/dev/null 2>"$to.said" || status=$?
echo $status >"$to.status"
cp -r "$disk" "$to.kept"
mount -o remount,size=256m "$disk" || exit 78
"$@" >/dev/null 2>"$to.again" || exit 79
cp -r "$disk/run" "$to.end"
"#;

/// Whether a process may mount in a namespace of its own.
fn may_mount(place: &Place) -> bool {
    let disk = place.path("disk");
    std::fs::create_dir_all(&disk).unwrap();
    let mount = ["-Urm", "mount", "-t", "tmpfs", "tmpfs", &disk];
    let tried = Command::new("unshare").args(mount).output();
    let permitted = tried.is_ok_and(|tried| tried.status.success());
    if !permitted {
        idiolect_testkit::skipped(
            "this system lets no user mount a small file system for a full disk",
        );
    }
    permitted
}

/// What the files below a folder take, in whole pages.
fn room(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).unwrap();
    let sizes = entries.map(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return room(&path);
        }
        path.metadata().unwrap().len().div_ceil(PAGE) * PAGE
    });
    sizes.sum()
}

/// Runs a call, without its folder, on disks that have a share of the room that it needs: it ends with one line, and
/// ends as `whole` once there is room. `check` is given what each full disk had and the end.
fn fills(place: &Place, call: &[String], same: &[&str], check: impl Fn(&Path, &Path)) {
    let whole = place.path("whole");
    done(&with(call, &["--out", &whole]));
    let needed = room(Path::new(&whole));
    let disk = place.path("disk");
    let run = format!("{disk}/run");
    for quarters in 1..4 {
        let size = (needed * quarters / 4 / PAGE * PAGE).to_string();
        let to = place.path(&format!("to-{quarters}"));
        let program = env!("CARGO_BIN_EXE_idiolect");
        let out = Command::new("unshare")
            .args(["-Urm", "sh", "-c", SCRIPT, "sh", &size, &disk, &to, program])
            .args(with(call, &["--out", &run]))
            .env("XDG_RUNTIME_DIR", std::env::temp_dir())
            .output()
            .unwrap();
        let read = |end: &str| std::fs::read_to_string(format!("{to}.{end}")).unwrap_or_default();
        let (said, again) = (read("said"), read("again"));
        assert!(out.status.success(), "{out:?}: {said} {again}");
        let errors: Vec<&str> = said
            .lines()
            .filter(|line| line.starts_with("error: "))
            .collect();
        assert!(
            errors.len() == 1 && errors[0].contains("No space left"),
            "{quarters}: {said}"
        );
        assert_eq!(read("status").trim(), "1", "{said}");
        let [kept, end] = ["kept", "end"].map(|end| format!("{to}.{end}"));
        crate::common::kill::assert_same(&end, &whole, same, &format!("{quarters} quarters"));
        check(Path::new(&kept).join("run").as_path(), Path::new(&end));
    }
}

#[test]
fn a_training_on_a_full_disk_ends_with_one_line_and_the_same_command_resumes() {
    let Some(place) = Place::new().filter(may_mount) else {
        return;
    };
    let mut call = training(&place, "");
    call.truncate(call.len() - 1);
    fills(
        &place,
        &call,
        &["adapter/adapter_model.safetensors", "metrics.jsonl"],
        |_, _| {},
    );
}

#[test]
fn a_distillation_on_a_full_disk_keeps_its_texts_and_the_same_command_resumes() {
    let Some(place) = Place::new().filter(may_mount) else {
        return;
    };
    let journal = "journal/rewrites.jsonl";
    fills(
        &place,
        &distillation(&place),
        &["distilled.json", journal],
        |kept, end| {
            let read = |run: &Path| std::fs::read_to_string(run.join(journal)).unwrap_or_default();
            let (kept, end) = (read(kept), read(end));
            let whole: String = kept
                .split_inclusive('\n')
                .filter(|row| row.ends_with('\n'))
                .collect();
            assert!(end.starts_with(&whole), "{whole}");
        },
    );
}
