//! Distributions beside a journal: what is written is read, what no row points to is cut, and damage is refused.

use std::fs;
use std::path::{Path, PathBuf};

use idiolect_completion::{
    CompletionError, LogprobFile, LogprobHead, LogprobReader, LogprobTail, Logprobs,
    StoredLogprobs, TokenLogprob,
};
use serde_json::json;

fn head() -> LogprobHead {
    LogprobHead {
        count: 3,
        vocabulary: "v".to_owned(),
        tail: LogprobTail::Lumped,
    }
}

fn text(tokens: u32, first: u32) -> Logprobs {
    let entry = |at: u32, of: u32| TokenLogprob {
        token: first + 10 * at + of,
        log_probability: -0.5 - of as f32,
    };
    let likeliest = (0..tokens).map(|at| (0..3).map(|of| entry(at, of)).collect());
    Logprobs {
        entries: likeliest.collect(),
        tail: LogprobTail::Lumped,
        end: Some(9),
    }
}

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("logprobs.bin");
    (folder, path)
}

/// Two texts, of 4 and 2 tokens.
fn two(path: &Path) -> [StoredLogprobs; 2] {
    let mut file = LogprobFile::open(path, head(), 0).unwrap();
    let first = file.append(&json!("a"), &text(4, 70_000)).unwrap();
    [first, file.append(&json!("b"), &text(2, 1)).unwrap()]
}

fn refusal(found: Result<impl Sized, CompletionError>) -> String {
    match found.map(drop).unwrap_err() {
        CompletionError::Stored {
            what,
            expected,
            found,
            ..
        } => format!("{what}: {expected} / {found}"),
        other => format!("another error: {other}"),
    }
}

#[test]
fn what_is_written_is_read_and_takes_five_bytes_an_entry() {
    let (_folder, path) = folder();
    let [first, second] = two(&path);
    assert_eq!((first.offset, first.tokens, first.end), (0, 4, Some(9)));
    assert_eq!((second.offset, second.behind()), (4, 6));
    let line = fs::read(&path)
        .unwrap()
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap()
        .len()
        + 1;
    assert_eq!(fs::read(&path).unwrap().len(), line + 6 * 3 * 5);
    let reader = LogprobReader::open(&path).unwrap();
    assert_eq!(reader.head(), &head());
    let all: Vec<TokenLogprob> = text(2, 1).entries.concat();
    assert_eq!(reader.read_text(&json!("b"), &second).unwrap(), all);
    assert_eq!(reader.read(5, 1).unwrap(), all[3..]);
    let outside = refusal(reader.read(5, 2));
    assert_eq!(outside, "tokens: 2 from number 5 on / 6");
}

#[test]
fn what_no_row_points_to_is_cut_off_and_written_anew_to_the_same_bytes() {
    let (_folder, path) = folder();
    let [first, second] = two(&path);
    let whole = fs::read(&path).unwrap();
    // Killed before the row of the second text was written, and within its bytes.
    for torn in [whole.len(), whole.len() - 7] {
        fs::write(&path, &whole[..torn]).unwrap();
        let mut file = LogprobFile::open(&path, head(), first.behind()).unwrap();
        assert_eq!(file.append(&json!("b"), &text(2, 1)).unwrap(), second);
        assert_eq!(fs::read(&path).unwrap(), whole);
    }
    // A row without its bytes is no crash: they are written first.
    fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    let short = refusal(LogprobFile::open(&path, head(), second.behind()));
    assert_eq!(short, "tokens: at least 6 / 5");
}

#[test]
fn files_of_other_settings_and_damaged_ones_are_refused() {
    let (_folder, path) = folder();
    let [_, second] = two(&path);
    let with = |count, vocabulary: &str| LogprobHead {
        count,
        vocabulary: vocabulary.to_owned(),
        tail: LogprobTail::Lumped,
    };
    let other = |head| refusal(LogprobFile::open(&path, head, 0));
    assert_eq!(other(with(4, "v")), "entries of a token: 4 / 3");
    assert_eq!(other(with(3, "w")), "vocabulary: w / v");
    let reader = LogprobReader::open(&path).unwrap();
    assert!(reader.require_vocabulary("v").is_ok());
    let vocabulary = refusal(reader.require_vocabulary("w"));
    assert_eq!(vocabulary, "vocabulary: that of the model, w / v");
    let mut bytes = fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&path, &bytes).unwrap();
    let reader = LogprobReader::open(&path).unwrap();
    let damaged = refusal(reader.read_text(&json!("b"), &second));
    assert!(damaged.starts_with("checksum of id b: "), "{damaged}");
    for text in [
        "",
        "{}\n",
        "{\"logprobs\":2,\"count\":3,\"vocabulary\":\"v\"}\n",
        "{\"logprobs\":1,\"count\":3,\"vocabulary\":\"v\",\"tail\":\"drawn\"}\n",
        "{\"logprobs\":3,\"count\":3,\"vocabulary\":\"v\",\"tail\":\"drawn\"}\n",
        "{\"logprobs\":2,\"count\":3,\"vocabulary\":\"v\",\"tail\":\"other\"}\n",
    ] {
        fs::write(&path, text).unwrap();
        let none = refusal(LogprobReader::open(&path));
        assert!(none.starts_with("first line: "), "{none}");
        assert!(refusal(LogprobFile::open(&path, head(), 0)).starts_with("first line: "));
    }
}

/// The first line of a file that was written before the tail had two forms.
const EARLIER: &str = "{\"logprobs\":1,\"count\":3,\"vocabulary\":\"v\"}\n";

#[test]
fn the_form_of_the_tail_stands_in_the_first_line_and_earlier_files_have_a_lumped_one() {
    let (_folder, path) = folder();
    let [first, second] = two(&path);
    let lumped = fs::read(&path).unwrap();
    assert!(lumped.starts_with(EARLIER.as_bytes()));
    let drawn = LogprobHead {
        tail: LogprobTail::Drawn,
        ..head()
    };
    let other = refusal(LogprobFile::open(&path, drawn.clone(), 0));
    let expected =
        "entries: the likeliest tokens and one drawn from the others / the likeliest tokens";
    assert_eq!(other, expected);
    fs::remove_file(&path).unwrap();
    let mut file = LogprobFile::open(&path, drawn.clone(), 0).unwrap();
    let wrong = refusal(file.append(&json!("a"), &text(4, 70_000)));
    let expected =
        "id a: the likeliest tokens and one drawn from the others / the likeliest tokens";
    assert_eq!(wrong, expected);
    for (id, text, expected) in [("a", text(4, 70_000), first), ("b", text(2, 1), second)] {
        let text = Logprobs {
            tail: LogprobTail::Drawn,
            ..text
        };
        assert_eq!(file.append(&json!(id), &text).unwrap(), expected);
    }
    drop(file);
    let found = fs::read(&path).unwrap();
    let line = "{\"logprobs\":2,\"count\":3,\"vocabulary\":\"v\",\"tail\":\"drawn\"}\n";
    assert!(found.starts_with(line.as_bytes()));
    // A token has as many bytes as before.
    assert_eq!(found.len() - line.len(), lumped.len() - EARLIER.len());
    assert_eq!(LogprobReader::open(&path).unwrap().head(), &drawn);
}

#[test]
fn texts_that_are_no_distributions_are_refused() {
    let (_folder, path) = folder();
    let mut file = LogprobFile::open(&path, head(), 0).unwrap();
    let mut few = text(2, 1);
    few.entries[1].pop();
    let refused = refusal(file.append(&json!(7), &few));
    assert_eq!(refused, "id 7: 3 different tokens at each / 2");
    let mut twice = text(1, 1);
    twice.entries[0][2].token = 1;
    let refused = refusal(file.append(&json!(7), &twice));
    assert_eq!(refused, "id 7: 3 different tokens at each / 2");
    let mut large = text(1, 1);
    large.entries[0][0].token = 1 << 24;
    assert!(refusal(file.append(&json!(7), &large)).starts_with("id 7: ids below 2^24"));
    // Nothing of them was written.
    let stored = file.append(&json!(8), &text(1, 1)).unwrap();
    assert_eq!(stored.offset, 0);
}
