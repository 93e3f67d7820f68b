//! A data set rewritten on several machines, and their journals joined.
#![allow(clippy::unwrap_used, reason = "a test's own files")]

mod common;

use std::fs;
use std::path::PathBuf;

use common::{Folder, Scripted, answers, identity, math, sums};
use idiolect_completion::WriterIdentity;
use idiolect_distill::{DistillConfig, Shard, distill, distill_shard, join_shards};
use idiolect_testkit::without_checksums;
use proptest::prelude::*;
use serde_json::json;

fn journal(folder: &Folder, index: usize) -> PathBuf {
    folder.0.path().join(format!("shard-{index}.jsonl"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn shards_joined_are_the_whole(rows in 1_usize..12, count in 1_usize..5, share in 0..=4) {
        let folder = Folder::new();
        let set = sums(folder.0.path(), rows);
        let settings = DistillConfig { mix_ratio: f64::from(share) / 4.0, ..math() };
        let whole = folder.run(&set, &settings, &mut answers(&set)).unwrap();
        let mut parts = 0;
        for index in 1..=count {
            let shard = Shard { index, count };
            let path = journal(&folder, index);
            let part = distill_shard(&set, &settings, shard, &mut answers(&set), &path).unwrap();
            parts += part.set.rows.len();
            let own = whole.set.rows.iter().enumerate().filter(|(row, _)| shard.has(*row));
            prop_assert!(own.map(|(_, row)| row).eq(&part.set.rows));
        }
        prop_assert_eq!(parts, rows);
        let journals: Vec<_> = (1..=count).map(|index| journal(&folder, index)).collect();
        let joined = folder.0.path().join("joined.jsonl");
        let report = join_shards(&set, &settings, &identity(), &journals, &joined).unwrap();
        prop_assert!(report.is_complete(), "{:?}", report);
        prop_assert_eq!((report.asked, report.texts), (whole.records.len(), whole.records.len()));
        prop_assert_eq!(fs::read(&joined).unwrap(), fs::read(folder.journal()).unwrap());
        let mut nobody = Scripted { fails_after: Some(0), ..Scripted::default() };
        prop_assert_eq!(distill(&set, &settings, &mut nobody, &joined).unwrap(), whole);
    }
}

#[test]
fn missing_double_and_foreign_rows_are_told_and_missing_ones_can_be_written() {
    let folder = Folder::new();
    let set = sums(folder.0.path(), 6);
    let whole = folder.run(&set, &math(), &mut answers(&set)).unwrap();
    // Rows of an earlier version have no checksum, so that they may be made up from others.
    let lines: Vec<String> = without_checksums(&fs::read_to_string(folder.journal()).unwrap())
        .unwrap()
        .lines()
        .map(Into::into)
        .collect();
    let other = lines[2].replace("I forgot.", "It is 4.");
    let seed = |id: &str| math().row_seed(&json!(id)).to_string();
    let foreign = lines[5].replace("\"row 5\"", "\"row 99\"");
    let foreign = foreign.replace(&seed("row 5"), &seed("row 99"));
    let write = |index: usize, lines: &[&String], torn: &str| {
        let mut text: String = lines
            .iter()
            .flat_map(|line| {
                [
                    line.as_str(),
                    "
",
                ]
            })
            .collect();
        text.push_str(torn);
        fs::write(journal(&folder, index), text).unwrap();
    };
    write(1, &[&lines[4], &lines[0], &lines[2]], "{\"id\": ");
    write(2, &[&other, &lines[4], &foreign], "");
    let journals = [journal(&folder, 1), journal(&folder, 2)];
    let joined = folder.0.path().join("joined.jsonl");
    let report = join_shards(&set, &math(), &identity(), &journals, &joined).unwrap();
    assert_eq!(
        report.missing,
        [json!("row 1"), json!("row 3"), json!("row 5")]
    );
    assert_eq!(report.foreign, [json!("row 99")]);
    let double: Vec<_> = report
        .double
        .iter()
        .map(|double| (&double.id, double.equal))
        .collect();
    assert_eq!(double, [(&json!(2), false), (&json!(4), true)]);
    assert_eq!(report.double[0].journals, journals);
    assert_eq!(
        (report.asked, report.texts, report.is_complete()),
        (6, 3, false)
    );
    assert!(
        fs::read_to_string(&journals[0])
            .unwrap()
            .ends_with("{\"id\": ")
    );
    let mut rest = answers(&set);
    assert_eq!(distill(&set, &math(), &mut rest, &joined).unwrap(), whole);
    assert_eq!(rest.wrote.len(), 3);
}

#[test]
fn journals_that_cannot_be_joined_are_refused() {
    let folder = Folder::new();
    let set = sums(folder.0.path(), 2);
    folder.run(&set, &math(), &mut answers(&set)).unwrap();
    let joined = folder.0.path().join("joined.jsonl");
    let told = |identity: &WriterIdentity, journals: &[PathBuf]| {
        let error = join_shards(&set, &math(), identity, journals, &joined)
            .unwrap_err()
            .to_string();
        error.replace(&format!("{}/", folder.0.path().display()), "")
    };
    let other = WriterIdentity {
        model: "other".into(),
        ..identity()
    };
    assert!(
        told(&other, &[folder.journal()]).starts_with("journal.jsonl: id 0: the option model was ")
    );
    assert!(told(&identity(), &[journal(&folder, 7)]).starts_with("shard-7.jsonl: cannot read: "));
    assert!(!journal(&folder, 7).exists() && !joined.exists());
    fs::write(&joined, "").unwrap();
    assert_eq!(
        told(&identity(), &[folder.journal()]),
        "joined journal: expected a file that is not there yet, found joined.jsonl"
    );
}
