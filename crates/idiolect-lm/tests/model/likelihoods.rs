//! Likelihoods of texts that begin alike, against those of each text computed by itself.

use idiolect_lm::{LanguageModel, ScoredText, TokenCount, token_scores};
use idiolect_tokens::{IGNORE, TokenBatch, TokenRow};

use crate::tiny::{model, tiny};

/// Token ids that follow from `seed` alone.
fn ids(seed: u32, count: u32) -> Vec<u32> {
    (0..count)
        .map(|at| (seed * 31 + at * at * 7 + at * 3) % 200 + 3)
        .collect()
}

/// A context and choices behind it.
fn question(head: &[u32], own: &[u32], choices: &[&[u32]]) -> Vec<ScoredText> {
    let context = [head, own].concat();
    let text = |choice: &&[u32]| ScoredText {
        ids: [&context, *choice].concat(),
        start: context.len(),
    };
    choices.iter().map(text).collect()
}

/// The plain way: a text alone in its batch, without a cache.
fn alone(model: &LanguageModel, text: &ScoredText) -> (f64, bool) {
    let label = |(at, id): (usize, &u32)| {
        if at < text.start {
            IGNORE
        } else {
            i64::from(*id)
        }
    };
    let row = TokenRow {
        id: 0.into(),
        input_ids: text.ids.clone(),
        labels: text.ids.iter().enumerate().map(label).collect(),
        teacher: Vec::new(),
    };
    let batch = TokenBatch::new(&[&row], model.pad_id());
    let scores = token_scores(model.decoder(), model.adapter(), &batch);
    scores
        .into_iter()
        .fold((0.0, true), |(sum, all), (nll, first)| {
            (sum - f64::from(nll), all && first)
        })
}

#[test]
fn shared_beginnings_change_no_likelihood_and_are_computed_once() {
    let head = ids(1, 40);
    let long = [ids(5, 3), ids(6, 20), ids(7, 1), ids(8, 9)];
    let long: Vec<&[u32]> = long.iter().map(Vec::as_slice).collect();
    let letters: [&[u32]; 4] = [&[11], &[12], &[13], &[14]];
    let mut questions = vec![
        question(&head, &ids(2, 17), &letters),
        question(&head, &ids(3, 30), &long),
        question(&head, &ids(4, 5), &letters[..2]),
    ];
    // Two contexts of one question, as Winogrande has them.
    let other = question(&head, &ids(9, 7), &[&[20, 21, 22]]);
    questions[2].extend(other);
    for name in ["tiny-llama3", "tiny-mistral"] {
        let Some(model) = model(name) else { return };
        let (found, tokens) = model.likelihoods(&questions).unwrap();
        for (texts, found) in questions.iter().zip(&found) {
            assert_eq!(texts.len(), found.len());
            for (text, found) in texts.iter().zip(found) {
                let (expected, greedy) = alone(&model, text);
                let off = (found.log_likelihood - expected).abs();
                assert!(off < 1e-4, "{name}: {} {expected}", found.log_likelihood);
                assert_eq!(found.greedy, greedy, "{name}");
            }
        }
        let read = questions
            .iter()
            .flatten()
            .map(|text| text.ids.len() - 1)
            .sum();
        // The head once; the first question's own 17, whose letters need nothing more; the second's 30 and its
        // choices but for their last tokens, each after the first with the context's last token again; the
        // third's 5, and 7 + 2 of another context.
        let second = 30 + 2 + (1 + 19) + 1 + (1 + 8);
        assert_eq!(
            tokens,
            TokenCount {
                read,
                computed: 40 + 17 + second + 5 + 9
            },
            "{name}"
        );
        assert!(tokens.computed * 4 < read, "{tokens:?}");
    }
}

#[test]
fn texts_without_a_context_or_without_an_end_have_likelihoods_too() {
    let Some(model) = tiny() else { return };
    let text = |ids: &[u32], start| ScoredText {
        ids: ids.to_vec(),
        start,
    };
    let questions = vec![
        vec![text(&[5, 6, 7], 0), text(&[5], 0), text(&[], 0)],
        vec![text(&[5, 6, 7], 3)],
        Vec::new(),
    ];
    let (found, tokens) = model.likelihoods(&questions).unwrap();
    let (expected, _) = alone(&model, &questions[0][0]);
    assert!((found[0][0].log_likelihood - expected).abs() < 1e-4);
    assert_eq!(found.iter().map(Vec::len).collect::<Vec<_>>(), [3, 1, 0]);
    assert!(
        found[0][1..]
            .iter()
            .chain(&found[1])
            .all(|one| one.log_likelihood.abs() < 1e-12)
    );
    assert_eq!(
        tokens,
        TokenCount {
            read: 2,
            computed: 2
        }
    );
}

#[test]
fn ids_outside_the_vocabulary_and_texts_too_long_are_refused() {
    let Some(model) = tiny() else { return };
    for (ids, part) in [
        (vec![5, 6, 384], "384"),
        (vec![5, 384, 6], "384"),
        (vec![5; 258], "at most 256"),
    ] {
        let error = model.likelihoods(&[vec![ScoredText { ids, start: 1 }]]);
        let error = error.unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}
