//! Processes killed at many points, which end with what nobody disturbed writes.

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

use crate::common::kill::{self, kill_after, points};
use crate::common::{Place, done, words};
use crate::loopback::{Act, Asked, Server};
use crate::{DISTILL, call, run};

/// Lines of all journals of a run, whole or torn.
fn lines(run: &str) -> usize {
    let Ok(journals) = std::fs::read_dir(Path::new(run).join("journal")) else {
        return 0;
    };
    let journals = journals.filter_map(Result::ok);
    journals.map(|journal| kill::lines(&journal.path())).sum()
}

/// Each line of a journal once, sorted: with several requests in flight their order is chance.
fn journal(place: &Place, file: &str) -> Vec<String> {
    let text = place.read(file);
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let ids = place.lines(file);
    let ids: HashSet<String> = ids.iter().map(|row| row["id"].to_string()).collect();
    assert_eq!(ids.len(), lines.len(), "{file}: a row is there twice");
    lines.sort();
    lines
}

/// A file as it is, but for what a server cost: what a killed run has asked twice is paid twice.
fn end(place: &Place, file: &str) -> String {
    if file.ends_with("logprobs.bin") {
        return format!("{:?}", std::fs::read(place.path(file)).expect("a file"));
    }
    let text = place.read(file);
    if !file.ends_with("summary.json") || !text.contains("\"spent\"") {
        return text;
    }
    let mut summary: Value = serde_json::from_str(&text).expect("JSON");
    let spent = summary
        .as_object_mut()
        .and_then(|all| all.shift_remove("spent"));
    assert!(spent.is_some_and(|spent| spent["teacher"]["attempts"].is_u64()));
    format!("{summary:#}\n")
}

/// Kills `count` runs at seeded points and lets them end: the files and journals are those of `whole`.
fn killed(place: &Place, text: &str, (seed, count): (u64, usize), [files, journals]: [&[&str]; 2]) {
    let total = lines(&place.path("whole"));
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut alive = 0;
    for point in 0..count {
        let name = format!("run-{seed}-{point}");
        let call = call(place, &format!("{text} --out $OUT/{name}"));
        // Twice in one life where it lasts.
        for _ in 0..=point % 2 {
            let so_far = lines(&place.path(&name));
            if so_far >= total {
                // On a busy machine it was through before the first kill came.
                break;
            }
            let wanted = random.random_range(so_far..total).max(1);
            let so_far = || lines(&place.path(&name));
            alive += usize::from(kill_after(&words(&call), so_far, wanted));
        }
        done(&words(&call));
        for file in files {
            let [whole, again] = ["whole", &name].map(|run| end(place, &format!("{run}/{file}")));
            assert!(whole == again, "{name}: {file} differs");
        }
        for file in journals {
            let [whole, again] =
                ["whole", &name].map(|run| journal(place, &format!("{run}/{file}")));
            assert!(whole == again, "{name}: {file} differs");
        }
        std::fs::remove_dir_all(place.path(&name)).expect("removed");
    }
    // Up to three kills for two runs, of which some come late where there are few.
    assert!(
        3 * alive >= 2 * count,
        "only {alive} kills of {count} runs came before their end"
    );
}

#[test]
fn distill_killed_at_any_point_ends_with_the_same_bytes() {
    let Some(place) = Place::new() else { return };
    let distill = format!("{DISTILL} --logprobs 3");
    run(&place, &format!("{distill} --out $OUT/whole"));
    let files = [
        "distilled.json",
        "summary.json",
        "journal/rewrites.jsonl",
        "journal/logprobs.bin",
    ];
    killed(
        &place,
        &distill,
        (20, points()),
        [&files, &["journal/rewrites.jsonl"]],
    );
}

#[test]
fn continue_killed_at_any_point_ends_with_the_same_rows() {
    let Some(place) = Place::new() else { return };
    // The text depends on what is shown alone.
    let server = Server::start(|asked: &Asked| {
        let shown = asked.shown();
        let text = match shown.contains("Answer with one word") {
            true if shown.len().is_multiple_of(3) => "Yes".to_owned(),
            true => "No".to_owned(),
            false => format!("and {} bytes before", shown.len()),
        };
        Act::Slow(Duration::from_millis(1), Box::new(Act::text(asked, &text)))
    });
    let text = |in_flight: usize| {
        let url = &server.url;
        format!(
            "continue --corpus $C --documents 20 --teacher openai:{url} --server-model m \
             --filters empty,capital,conversational --window 7 --threads 1 --in-flight {in_flight}"
        )
    };
    run(&place, &format!("{} --out $OUT/whole", text(1)));
    let files = ["rows.jsonl", "verdicts.jsonl", "summary.json"];
    let journals = [
        "journal/continuations.jsonl",
        "journal/conversational.jsonl",
    ];
    for in_flight in [1, 4] {
        killed(
            &place,
            &text(in_flight),
            (in_flight as u64, points()),
            [&files, &journals],
        );
    }
    assert!(server.at_once.load(std::sync::atomic::Ordering::SeqCst) > 1);
}
