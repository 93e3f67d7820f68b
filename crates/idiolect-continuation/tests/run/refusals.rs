//! Settings out of range, and corpora that have no documents or the same one twice.

use idiolect_continuation::{ContinuationConfig, Corpus};
use serde_json::json;

use crate::common::{Folder, Scripted, corpus, nobody, settings};

#[test]
fn settings_out_of_range_and_corpora_without_documents_are_refused() {
    let folder = Folder::new();
    let corpus = corpus(folder.0.path(), 3);
    let told = |settings| folder.refusal(&corpus, &settings, &mut nobody());
    let base = settings(3);
    assert_eq!(told(settings(0)), "documents: expected at least 1, found 0");
    assert_eq!(
        told(ContinuationConfig {
            min_words: 1,
            ..base.clone()
        }),
        "min_words: expected at least 2, found 1"
    );
    assert_eq!(
        told(ContinuationConfig {
            max_words: 3,
            ..base.clone()
        }),
        "max_words: expected at least min_words, 8, found 3"
    );
    assert_eq!(
        told(ContinuationConfig {
            window: 0,
            ..base.clone()
        }),
        "window: expected at least 1, found 0"
    );
    assert_eq!(
        told(ContinuationConfig {
            min_words: 1000,
            ..base.clone()
        }),
        "corpus.jsonl: expected a document of at least 1000 words, found 3 documents, none of them such"
    );
    let twice = folder.0.path().join("twice.jsonl");
    let row = json!({"id": 5, "text": "a b c d e f g h i j"}).to_string() + "\n";
    std::fs::write(&twice, row.repeat(2)).unwrap();
    let mut corpus = Corpus::find(&twice).unwrap();
    let ids = |corpus: &Corpus| {
        let folder = Folder::new();
        folder.run(corpus, &base, &mut Scripted::default()).unwrap();
        let verdicts = folder.rows("verdicts.jsonl");
        verdicts
            .iter()
            .map(|row| row["id"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(&corpus), [json!(5), json!("5 (twice.jsonl:2)")]);
    corpus.id = None;
    assert_eq!(
        ids(&corpus),
        [json!("twice.jsonl:1"), json!("twice.jsonl:2")]
    );
}
