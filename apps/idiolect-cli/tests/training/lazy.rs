//! Rows that are read as they are needed, and the cache of their tokens.

use std::path::Path;

use serde_json::json;

use crate::common::{Place, done, refused, with};
use crate::flags;

/// Records of a cache of tokens.
fn records(path: &Path) -> usize {
    let bytes = std::fs::read(path).expect("a cache");
    let mut at = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    let mut count = 0;
    while at < bytes.len() {
        let size = bytes[at + 4..at + 8].try_into().unwrap();
        at += 12 + u32::from_le_bytes(size) as usize;
        count += 1;
    }
    count
}

#[test]
fn rows_read_as_they_are_needed_train_as_rows_in_memory() {
    let Some(place) = Place::new() else { return };
    let word = |at: usize| json!({"instruction": format!("Say {at}."), "output": "x".repeat(at)});
    let data = place.rows("rows.jsonl", &(1..16).map(word).collect::<Vec<_>>());
    let mut flags = flags(&place);
    flags[4] = data;
    let out = [true, false].map(|lazy| {
        let name = if lazy { "lazy" } else { "held" };
        let folder = place.path(name);
        let more = [
            ["--sample", "12"],
            ["--validation-share", "0.25"],
            ["--out", &folder],
        ];
        let mut more = more.as_flattened().to_vec();
        more.push("--no-length-grouping");
        if lazy {
            more.push("--lazy");
        }
        done(&with(&flags, &more));
        let file = |file: &str| std::fs::read(Path::new(&folder).join(file)).unwrap();
        [
            file("metrics.jsonl"),
            file("adapter/adapter_model.safetensors"),
        ]
    });
    assert_eq!(out[0], out[1]);
    // In four epochs each of the twelve rows was encoded once; another limit begins anew.
    let cache = place.folder.path().join("lazy/tokens.cache");
    assert_eq!(records(&cache), 12);
    let before = std::fs::read(&cache).unwrap();
    let folder = place.path("lazy");
    for (limit, same) in [("256", true), ("200", false)] {
        let more = ["--lazy", "--sample", "12", "--max-steps", "1"];
        let more = [&more[..], &["--max-length", limit, "--out", &folder]].concat();
        std::fs::remove_dir_all(Path::new(&folder).join("checkpoints")).unwrap();
        done(&with(&flags, &more));
        assert_eq!(std::fs::read(&cache).unwrap() == before, same, "{limit}");
    }
    // By bytes the order differs, and the run resumes only with the file that it began with.
    let folder = place.path("grouped");
    let more = ["--lazy", "--checkpoint-every", "4", "--out", &folder];
    done(&with(&flags, &more));
    let rows = place.lines("grouped/metrics.jsonl");
    assert_eq!(rows.len(), 32);
    place.rows("rows.jsonl", &(2..17).map(word).collect::<Vec<_>>());
    let again = [
        "--lazy",
        "--checkpoint-every",
        "4",
        "--resume",
        "--out",
        &folder,
    ];
    refused(&with(&flags, &again), &["training rows"]);
}
