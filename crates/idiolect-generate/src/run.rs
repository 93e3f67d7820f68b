//! A run from its requests to its results: what is refused before it, and which rows run together.

use std::ops::ControlFlow;

use crate::group::Run;
use crate::{
    BoxError, GenerateError, Generated, GenerationConfig, GenerationEvent, NextLogits,
    PromptLimits, Request,
};

/// Continues every request and gives the results in the order of `requests`.
///
/// `decode` turns all new tokens of a row into text; special tokens should be left out.
/// `on_event` sees each token and each finished row, and may break off: then the rows finished so
/// far come back, fewer than the requests, and only then.
///
/// Rows run in the groups of [`groups`], `batch_size` at a time; a row that ends makes room for the
/// group's next one at once.
/// A row's result depends on its own prompt and seed, and on the other rows only by the rounding
/// of the model's logits.
///
/// # Errors
///
/// Before anything runs: [`GenerateError::Setting`] and [`GenerateError::Prompt`].
/// While it runs: [`GenerateError::Model`] and [`GenerateError::Decode`] pass on the caller's own
/// errors, [`GenerateError::LogitsShape`] and [`GenerateError::NotFinite`] refuse the model's
/// output; rows finished before have been given to `on_event`.
pub fn generate(
    model: &mut dyn NextLogits,
    requests: &[Request],
    settings: &GenerationConfig,
    decode: &dyn Fn(&[u32]) -> Result<String, BoxError>,
    on_event: &mut dyn FnMut(GenerationEvent<'_>) -> ControlFlow<()>,
) -> Result<Vec<Generated>, GenerateError> {
    settings.check()?;
    for request in requests {
        check_request(model, request, settings)?;
    }
    let mut results = vec![None; requests.len()];
    let settings = &GenerationConfig {
        share_prefixes: settings.share_prefixes && model.can_share(),
        ..settings.clone()
    };
    let mut run = Run {
        model,
        settings,
        decode,
        on_event,
    };
    for places in groups(requests, settings.batch_size) {
        if run.group(requests, &places, &mut results)?.is_break() {
            break;
        }
    }
    Ok(results.into_iter().flatten().collect())
}

/// Rows of a group for each row of a batch: more lose less at a group's end, where rows leave and none
/// are left to join, and more is repeated after an interruption.
const ROUNDS: usize = 8;

/// Which requests, by their place in `requests`, the model is given one after the other without a
/// pause.
///
/// What stands together in a pass follows from a group's requests and the settings alone: a run that
/// goes on after an interruption leaves out whole groups that are done, repeats the others, and
/// repeats with them what it would have computed.
/// The longest prompts come first, so that memory peaks early, and prompts of similar length stand
/// together; equal lengths keep their order.
/// A `batch_size` of 0 is 1.
#[must_use]
pub fn groups(requests: &[Request], batch_size: usize) -> Vec<Vec<usize>> {
    let mut places: Vec<usize> = (0..requests.len()).collect();
    places.sort_by_key(|&place| std::cmp::Reverse(requests[place].prompt.len()));
    let rows = batch_size.max(1).saturating_mul(ROUNDS);
    places.chunks(rows).map(<[usize]>::to_vec).collect()
}

fn check_request(
    model: &dyn NextLogits,
    request: &Request,
    settings: &GenerationConfig,
) -> Result<(), GenerateError> {
    let Request { index, prompt, .. } = request;
    if request.variant >= model.variants() {
        return Err(GenerateError::Setting {
            name: "variant",
            expected: "one of the model's variants",
            found: format!("{} of {}", request.variant, model.variants()),
        });
    }
    let limits = PromptLimits {
        vocab: model.vocab(),
        context: model.context(),
        max_new_tokens: settings.max_new_tokens,
    };
    limits
        .check(prompt)
        .map_err(|problem| GenerateError::Prompt {
            index: *index,
            problem,
        })
}
