//! Requests that one call of the generator can serve, and the settings that they are served with.

use idiolect_completion::{CompletionRequest, Overrides, Prompt};
use idiolect_generate::{GenerationConfig, Request};

/// Places of requests for texts that want the same, in the order of the first of them.
pub(super) fn alike(requests: &[CompletionRequest]) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (at, request) in requests.iter().enumerate() {
        if matches!(request.prompt, Prompt::Given(_)) {
            continue;
        }
        let same = |group: &&mut Vec<usize>| requests[group[0]].overrides == request.overrides;
        match groups.iter_mut().find(same) {
            Some(group) => group.push(at),
            None => groups.push(vec![at]),
        }
    }
    groups
}

/// The settings of requests that want the same.
///
/// A request's own limit of new tokens is a wish: it is cut to what the longest of the prompts leaves of the
/// model's positions. The limit of the settings is not; where it does not fit, the generator says so.
pub(super) fn config_of(
    config: &GenerationConfig,
    overrides: &Overrides,
    requests: &[Request],
    positions: usize,
) -> GenerationConfig {
    let mut config = config.clone();
    if let Some(sampling) = overrides.sampling {
        config.sampling = sampling;
    }
    config.stops.strings.extend(overrides.stops.iter().cloned());
    match overrides.max_new_tokens {
        Some(most) => {
            config.max_new_tokens = most;
            cut(config, requests, positions)
        }
        None => config,
    }
}

/// The settings with as many new tokens as the longest of the prompts leaves of the model's positions, at most.
pub(super) fn cut(
    mut config: GenerationConfig,
    requests: &[Request],
    positions: usize,
) -> GenerationConfig {
    let longest = requests.iter().map(|request| request.prompt.len()).max();
    let room = positions.saturating_sub(longest.unwrap_or(0));
    // A prompt that leaves no room is the generator's to refuse, by name.
    config.max_new_tokens = config.max_new_tokens.min(room).max(1);
    config
}
