//! Corpora in every form: rows, texts, lines, folders, compressed; and broken ones.
#![allow(clippy::unwrap_used, reason = "a test's own files")]

mod common;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use common::shared;
use idiolect_continuation::{Corpus, CorpusKind, Document};
use serde_json::{Value, json};

fn all(corpus: &Corpus) -> Result<Vec<(Value, String)>, String> {
    let pair = |document: Document| (document.id, document.text);
    let documents = corpus.documents().map(|found| found.map(pair));
    let found: Result<Vec<_>, _> = documents.collect();
    found.map_err(|error| {
        let root = corpus.root.parent().unwrap().display().to_string();
        error.to_string().replace(&format!("{root}/"), "")
    })
}

fn written(folder: &Path, name: &str, bytes: impl AsRef<[u8]>) -> Corpus {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, bytes).unwrap();
    Corpus::find(&path).unwrap()
}

fn gzip(text: &str) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(text.as_bytes()).unwrap();
    packer.finish().unwrap()
}

#[test]
fn a_folder_is_read_in_the_order_of_its_paths() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| written(folder.path(), name, bytes);
    write("c/b.txt", b"of b\n");
    write(
        "c/a.jsonl.gz",
        &gzip("{\"id\": 7, \"text\": \"of 7\"}\n\n{\"text\": \"of 3\"}"),
    );
    let packed = zstd::encode_all(&b"of z"[..], 1).unwrap();
    write("c/d/z.md.zst", &packed);
    write("c/.hidden.txt", b"no");
    write("c/picture.png", b"no");
    write("c/empty.txt", b" \n");
    let corpus = Corpus::find(&folder.path().join("c")).unwrap();
    let expected = [
        (json!(7), "of 7"),
        (json!("a.jsonl.gz:3"), "of 3"),
        (json!("b.txt"), "of b\n"),
        (json!("d/z.md.zst"), "of z"),
    ];
    assert_eq!(
        all(&corpus).unwrap(),
        expected.map(|(id, text)| (id, text.to_owned()))
    );
    assert_eq!(all(&corpus), all(&corpus));
    let none = folder.path().join("c/none");
    fs::create_dir(&none).unwrap();
    assert!(
        Corpus::find(&none)
            .unwrap_err()
            .to_string()
            .contains("none: no rows")
    );
}

#[test]
fn a_file_is_what_its_name_its_first_byte_or_the_caller_says() {
    let folder = tempfile::tempdir().unwrap();
    let rows = written(folder.path(), "part-0001", "\u{feff}\n{\"body\": \"x\"}\n");
    let rows = Corpus {
        text: "body".into(),
        id: None,
        ..rows
    };
    assert_eq!(
        all(&rows).unwrap(),
        [(json!("part-0001:2"), "x".to_owned())]
    );
    let text = written(folder.path(), "notes", "a {\nb\n");
    assert_eq!(
        all(&text).unwrap(),
        [(json!("notes"), "a {\nb\n".to_owned())]
    );
    let lines = Corpus {
        kind: Some(CorpusKind::TextLines),
        ..text
    };
    let expected = [("notes:1", "a {"), ("notes:2", "b")];
    assert_eq!(
        all(&lines).unwrap(),
        expected.map(|(id, text)| (json!(id), text.to_owned()))
    );
}

#[test]
fn a_broken_row_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let told = |text: &str| all(&written(folder.path(), "c.jsonl", text)).unwrap_err();
    assert_eq!(
        told("{\"text\": \"a\"}\n{\"id\": 3, \"txt\": \"a\"}"),
        "c.jsonl: row 1 (line 2): text: expected a string, found no such field among txt"
    );
    assert_eq!(
        told("{\"text\": [1]}"),
        "c.jsonl: row 0 (line 1): text: expected a string, found [1]"
    );
    assert_eq!(
        told("{\"id\": {}, \"text\": \"\"}"),
        "c.jsonl: row 0 (line 1): id: expected a string or a number, found {}"
    );
    for text in [
        "[{\"text\": \"a\"}]",
        "{\"text\": \"a",
        "{\"text\": \"a\"} 1",
    ] {
        let error = told(text);
        assert!(error.starts_with("c.jsonl: line 1, column "), "{error}");
    }
    let missing = Corpus::find(&folder.path().join("none")).unwrap_err();
    assert!(
        missing
            .to_string()
            .contains("none: expected a file, found no such file")
    );
}

#[test]
fn the_packed_corpus_has_all_its_articles() {
    let Some(path) = shared("corpus/usgov_articles.jsonl.zst") else {
        return;
    };
    let corpus = Corpus::find(&path).unwrap();
    let documents: Vec<_> = corpus.documents().map(Result::unwrap).collect();
    assert_eq!(documents.len(), 1827);
}

#[cfg(unix)]
#[test]
fn links_in_circles_end_and_a_pipe_is_no_document() {
    use std::os::unix::fs::symlink;

    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| written(folder.path(), name, bytes);
    write("c/a.txt", b"of a");
    write("c/d/b.txt", b"of b");
    write("other/e.txt", b"of e");
    let root = folder.path().join("c");
    symlink(&root, root.join("d/up")).unwrap();
    symlink("../c", root.join("again")).unwrap();
    symlink(folder.path().join("other"), root.join("o")).unwrap();
    let corpus = Corpus::find(&root).unwrap();
    let found = all(&corpus).unwrap();
    let ids: Vec<&str> = found.iter().filter_map(|(id, _)| id.as_str()).collect();
    assert_eq!(ids, ["a.txt", "d/b.txt", "o/e.txt"]);
    let pipe = root.join("p.txt");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let error = all(&Corpus::find(&root).unwrap()).unwrap_err();
    assert!(
        error.contains("expected a regular file, found a pipe"),
        "{error}"
    );
}

/// A file with one column, as the Hub has `OpenWebText`.
fn parquet(texts: &[&str]) -> Vec<u8> {
    use parquet::data_type::{ByteArray, ByteArrayType};
    let schema = "message schema { optional binary text (STRING); }";
    let schema = parquet::schema::parser::parse_message_type(schema).unwrap();
    let mut bytes = Vec::new();
    let mut writer =
        parquet::file::writer::SerializedFileWriter::new(&mut bytes, schema.into(), Arc::default())
            .unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let values: Vec<ByteArray> = texts.iter().map(|text| ByteArray::from(*text)).collect();
    let levels = vec![1; texts.len()];
    let typed = column.typed::<ByteArrayType>();
    typed.write_batch(&values, Some(&levels), None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.close().unwrap();
    bytes
}

#[test]
fn rows_of_a_parquet_file_are_documents() {
    let folder = tempfile::tempdir().unwrap();
    let corpus = written(
        folder.path(),
        "train-0.parquet",
        parquet(&["one\ntwo", "three"]),
    );
    let expected = [
        (json!("train-0.parquet:1"), "one\ntwo".to_owned()),
        (json!("train-0.parquet:2"), "three".to_owned()),
    ];
    assert_eq!(all(&corpus).unwrap(), expected);
    let broken = written(folder.path(), "broken.parquet", b"PAR1 and no more");
    let error = all(&broken).unwrap_err();
    assert!(
        error.contains("broken.parquet") && error.contains("not readable as Parquet"),
        "{error}"
    );
}
