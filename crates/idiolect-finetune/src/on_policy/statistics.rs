//! What a step says of its answers in `metrics.jsonl`, beside the loss.

use std::collections::BTreeMap;

use idiolect_completion::FinishReason;
use idiolect_train::TaughtToken;

use super::batch::{Batch, Context, Drawn};
use super::groups::GroupSettings;

/// Last tokens of an answer, counted from 1, up to which divergences are averaged together, with their names.
const SPANS: [(usize, &str); 5] = [
    (4, "divergence_to_4"),
    (16, "divergence_to_16"),
    (64, "divergence_to_64"),
    (256, "divergence_to_256"),
    (usize::MAX, "divergence_beyond_256"),
];

/// Rewards of judged answers, and what came of them: shares of answers, and of groups, by name.
pub(super) fn of_groups(
    batch: &Batch,
    settings: &GroupSettings,
    rollouts: usize,
) -> BTreeMap<String, f64> {
    let judged = || batch.drawn.iter().filter_map(|drawn| drawn.judged.as_ref());
    let success = |drawn: &Drawn| {
        drawn
            .judged
            .as_ref()
            .is_some_and(|own| settings.is_success(own))
    };
    let any = |group: &[Drawn]| share(group.iter().any(success));
    let of = |is: &dyn Fn(&Drawn) -> bool| mean(batch.drawn.iter().map(|own| share(is(own))));
    let told = |own: &Drawn| {
        own.judged
            .as_ref()
            .is_some_and(|own| own.feedback.is_some())
    };
    let all = [
        ("reward", mean(judged().map(|own| own.reward))),
        ("success", of(&success)),
        (
            "groups_with_success",
            mean(batch.drawn.chunks(rollouts.max(1)).map(any)),
        ),
        ("with_feedback", of(&told)),
        ("masked", of(&|own| own.context == Context::Masked)),
    ];
    let named = all.into_iter();
    named
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect()
}

/// Means over trained tokens and shares of answers, by name. A mean over no token is left out.
pub(super) fn of_batch(batch: &Batch, skip: usize, clip: f64) -> BTreeMap<String, f64> {
    let mut found = BTreeMap::new();
    let mut put = |name: &str, value: Option<f64>| {
        found.extend(value.map(|value| (name.to_owned(), value)));
    };
    let tokens = || batch.drawn.iter().flat_map(|drawn| &drawn.found);
    let over = |of: &dyn Fn(&TaughtToken) -> f64| mean(tokens().map(of));
    put("divergence", over(&|token| f64::from(token.divergence)));
    put("entropy", over(&|token| f64::from(token.entropy)));
    put("importance", over(&|token| f64::from(token.importance)));
    put(
        "clipped",
        over(&|token| share(f64::from(token.importance) >= clip)),
    );
    put("agreement", over(&|token| share(token.agrees)));
    let mut from = 0;
    for (to, name) in SPANS {
        put(
            name,
            mean(
                batch
                    .drawn
                    .iter()
                    .flat_map(|own| within(own, skip, from..to)),
            ),
        );
        from = to;
    }
    let answers = |of: &dyn Fn(&Drawn) -> f64| mean(batch.drawn.iter().map(of));
    put(
        "answer_tokens",
        answers(&|own| own.answer.token_ids.len() as f64),
    );
    put(
        "empty",
        answers(&|own| share(own.answer.text.trim().is_empty())),
    );
    put(
        "cut",
        answers(&|own| share(own.answer.finish_reason == FinishReason::Length)),
    );
    put(
        "skipped",
        answers(&|own| share(own.answer.token_ids.len() <= skip)),
    );
    found
}

/// Divergences of an answer's tokens at these places, counted from 0.
fn within(drawn: &Drawn, skip: usize, places: std::ops::Range<usize>) -> impl Iterator<Item = f64> {
    let tokens = drawn.found.iter().enumerate();
    let tokens = tokens.filter(move |(at, _)| places.contains(&(at + skip)));
    tokens.map(|(_, token)| f64::from(token.divergence))
}

fn share(is_so: bool) -> f64 {
    f64::from(u8::from(is_so))
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (count, sum) = values.fold((0_usize, 0.0), |(count, sum), value| {
        (count + 1, sum + value)
    });
    (count > 0).then(|| sum / count as f64)
}
