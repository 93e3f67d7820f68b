//! Parquet files above a limit.

use idiolect_data::Format;

use crate::said;
use crate::written::write_parquet;

/// Calls this test of this program again with another limit in the environment; none where it was called so.
fn again(test: &str, limit: (&str, &str)) -> Option<String> {
    std::env::var_os(limit.0).is_none().then(|| {
        let mut own = std::process::Command::new(std::env::current_exe().unwrap());
        let called = own
            .args(["--exact", test, "--nocapture"])
            .env(limit.0, limit.1)
            .output();
        String::from_utf8_lossy(&called.unwrap().stdout).into_owned()
    })
}

#[test]
fn a_parquet_file_above_its_limits_is_refused_before_it_is_unpacked() {
    let name = "limits::a_parquet_file_above_its_limits_is_refused_before_it_is_unpacked";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.parquet");
    write_parquet(&path, "(STRING)", [&[b"a", b"b"], &[b"c", b"d"]]);
    let limits = [
        (
            "IDIOLECT_LIMIT_TABLE_VALUES",
            "5",
            "at most 5 values of a Parquet file, found 6",
        ),
        (
            "IDIOLECT_LIMIT_TABLE_BYTES",
            "20",
            "at most 20 unpacked bytes of a file of rows",
        ),
        (
            "IDIOLECT_LIMIT_COLUMNS",
            "2",
            "at most 2 columns of a table, found 3",
        ),
        (
            "IDIOLECT_LIMIT_ROW_BYTES",
            "8",
            "row 0, column any: not readable as Parquet: expected at most 8 bytes",
        ),
        (
            "IDIOLECT_LIMIT_ROW_BYTES",
            "some",
            "IDIOLECT_LIMIT_ROW_BYTES: expected a whole number from 1, found some",
        ),
    ];
    if limits
        .iter()
        .any(|limit| std::env::var_os(limit.0).is_some())
    {
        println!("said {}", said(&path, Format::Alpaca));
        return;
    }
    for (variable, value, expected) in limits {
        let said = again(name, (variable, value)).unwrap();
        assert!(said.contains(expected), "{variable}: {said}");
    }
    assert_eq!(said(&path, Format::Alpaca), "no error\n");
}

#[test]
fn packed_rows_are_read_as_plain_ones_and_refused_above_the_limit() {
    let name = "limits::packed_rows_are_read_as_plain_ones_and_refused_above_the_limit";
    let limit = ("IDIOLECT_LIMIT_TABLE_BYTES", "60");
    let folder = tempfile::tempdir().unwrap();
    let [plain, packed] = ["rows.jsonl", "rows.jsonl.zst"].map(|name| folder.path().join(name));
    let rows = "{\"instruction\": \"a\", \"output\": \"b\"}\n".repeat(2);
    std::fs::write(&plain, &rows).unwrap();
    std::fs::write(&packed, zstd::encode_all(rows.as_bytes(), 1).unwrap()).unwrap();
    if std::env::var_os(limit.0).is_some() {
        println!("said {}", said(&packed, Format::Alpaca));
        return;
    }
    let read = |path| idiolect_data::read_rows(path).unwrap().rows;
    assert_eq!(read(&packed), read(&plain));
    let said = again(name, limit).unwrap();
    assert!(
        said.contains("at most 60 unpacked bytes of a file of rows"),
        "{said}"
    );
    // What is compressed by its name and is no archive says so.
    std::fs::write(&packed, &rows).unwrap();
    let error = idiolect_data::read_rows(&packed).unwrap_err().to_string();
    assert!(error.contains("cannot read"), "{error}");
}
