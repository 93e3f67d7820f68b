//! Options that are of no use to a task, and keys in the open.

use crate::common::{Place, idiolect, refused, words};
use crate::{call, tasks};

#[test]
fn options_without_use_and_keys_in_the_open_are_refused() {
    let Some(place) = Place::new() else { return };
    tasks(&place);
    let wrong = |text: &str, parts: &[&str]| {
        refused(
            &words(&call(&place, &format!("{text} --out $OUT/x"))),
            parts,
        );
    };
    wrong(
        "--task alpaca_eval --runs 2",
        &["--runs", "nothing for this task"],
    );
    wrong("--task alpaca_eval --samples 2", &["--samples"]);
    wrong(
        "--task gsm8k --judge openai:a.b",
        &["--judge", "nothing for this task"],
    );
    wrong(
        "--task arena_hard --judge openai:a.b --server-model j",
        &["--baseline"],
    );
    wrong("--task mt_bench --runs 0", &["--runs", "at least 1"]);
    wrong("--task mt_bench --judge gpt-4", &["--judge", "openai:URL"]);
    let judge = "--task mt_bench --judge openai:a.b --server-model j";
    wrong(
        &format!("{judge} --key-variable IDIOLECT_NO_SUCH_KEY"),
        &["IDIOLECT_NO_SUCH_KEY"],
    );
    let out = idiolect(&words(&call(
        &place,
        &format!("{judge} --key-variable sk-secret --out $OUT/y"),
    )));
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(
        out.status.code() == Some(2) && !said.contains("sk-secret"),
        "{said}"
    );
}
