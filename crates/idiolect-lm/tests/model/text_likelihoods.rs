//! A model as a scorer: likelihoods of texts after their contexts.

use idiolect_completion::{LikelihoodRequest, Quiet, Scorer};
use idiolect_generate::GenerationSettings;
use idiolect_lm::LanguageModel;

use crate::tiny::tiny;

fn asked(context: &str, text: &str) -> LikelihoodRequest {
    LikelihoodRequest {
        context: context.into(),
        text: text.into(),
    }
}

#[test]
fn likelihoods_of_texts_are_those_of_their_tokens() {
    let Some(model) = tiny() else { return };
    let question = [
        asked("Is it red?", " yes"),
        asked("Is it red?", " no, it is blue"),
    ];
    let other = [asked("And now?", " yes")];
    let mut writer = model.writer(&GenerationSettings::default()).unwrap();
    let found = writer.likelihoods(&[&question, &other]).unwrap();
    assert_eq!(found.iter().map(Vec::len).collect::<Vec<_>>(), [2, 1]);
    let plain = |model: &LanguageModel, one: &LikelihoodRequest| {
        let tokenizer = model.tokenizer();
        let ids = |text: &str| {
            let mut ids: Vec<u32> = tokenizer.bos().into_iter().collect();
            ids.extend(tokenizer.encode_text(text).unwrap());
            ids
        };
        let start = ids(&one.context).len();
        let mut row = idiolect_tokens::TokenRow::all_trained(
            0.into(),
            ids(&format!("{}{}", one.context, one.text)),
        );
        row.labels[..start].fill(idiolect_tokens::IGNORE);
        -model.score(&[row], 1, &Quiet).unwrap()[0].nll
    };
    for (found, one) in found.concat().iter().zip(question.iter().chain(&other)) {
        let expected = plain(&model, one);
        assert!(
            (found.log_likelihood - expected).abs() < 1e-4,
            "{found:?} {expected}"
        );
    }
    let tokens = writer.scored_tokens();
    assert!(
        0 < tokens.computed && tokens.computed < tokens.read,
        "{tokens:?}"
    );
    // A context that is too long loses its beginning.
    let long = [asked(&"word ".repeat(300), " yes")];
    assert!(
        writer.likelihoods(&[&long]).unwrap()[0][0]
            .log_likelihood
            .is_finite()
    );
}
