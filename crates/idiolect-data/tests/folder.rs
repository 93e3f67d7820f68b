//! A folder where a file of rows should be.
#![allow(clippy::unwrap_used, reason = "a test's own files")]

use idiolect_data::{LineIndex, read_rows};

#[test]
fn a_folder_is_answered_with_its_files() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    let told = || {
        let error = read_rows(place).unwrap_err().to_string();
        assert_eq!(LineIndex::new(place).unwrap_err().to_string(), error);
        error.replace(&place.display().to_string(), "D")
    };
    let begin = "D: expected a file of rows (JSON, JSON Lines, CSV or Parquet), found a folder";
    assert_eq!(told(), format!("{begin} without such a file"));
    std::fs::create_dir(place.join("data")).unwrap();
    for name in ["train.jsonl", "README.md", "data/test.parquet"] {
        std::fs::write(place.join(name), "").unwrap();
    }
    let call = ": --data D/train.jsonl --eval-data D/data/test.parquet";
    assert_eq!(
        told(),
        format!("{begin}, with D/data/test.parquet, D/train.jsonl{call}")
    );
    for at in 0..5 {
        std::fs::write(place.join(format!("{at}.csv")), "").unwrap();
    }
    let all = "D/0.csv, D/1.csv, D/2.csv, D/3.csv, D/4.csv and 2 more";
    assert_eq!(told(), format!("{begin}, with {all}{call}"));
}
