//! The distributions at the tokens of a response that was given, as vLLM has them beside a text.
//!
//! Source: `prompt_logprobs` of vLLM's server, checked against the replies of version 0.32: a list with an entry for
//! each token of the prompt, null for the first, else an object by id with `logprob`, `rank` and `decoded_token` of the
//! likeliest, and of the token itself where it is none of them.

use idiolect_completion::{GivenResponse, LogprobTail, Logprobs, TokenLogprob};
use idiolect_input::counted;
use serde_json::{Map, Value};

use crate::logprobs::{AskedLogprobs, best, number};
use crate::words::shortened;

/// What a choice says of the tokens of a response, or what is wrong with it.
pub(super) fn given_logprobs(
    choice: &Value,
    given: &GivenResponse,
    asked: &AskedLogprobs,
) -> Result<Logprobs, String> {
    let places = choice.get("prompt_logprobs").and_then(Value::as_array);
    let places = places.ok_or_else(|| {
        let found = shortened(&choice.to_string());
        format!("no prompt_logprobs, which vLLM's server gives, in {found}")
    })?;
    let (expected, found) = (given.tokens(), places.len());
    if found != expected {
        let tokens = counted(found, "token", "tokens");
        return Err(format!("prompt_logprobs of {tokens}, of {expected}"));
    }
    let places = places.iter().skip(given.prompt.len());
    let entries = places
        .zip(given.scored())
        .map(|(place, own)| at_token(place, own, asked));
    Ok(Logprobs {
        entries: entries.collect::<Result<_, _>>()?,
        tail: LogprobTail::Lumped,
        end: given.end,
    })
}

/// The likeliest tokens in the place of `own`, which must be the server's token too.
fn at_token(place: &Value, own: u32, asked: &AskedLogprobs) -> Result<Vec<TokenLogprob>, String> {
    let all = place.as_object();
    let all = all.ok_or_else(|| format!("no distribution at token {own}: {place}"))?;
    check_token(all, own, asked)?;
    let entry = |(token, said): (&String, &Value)| {
        Some(TokenLogprob {
            token: token.parse().ok()?,
            log_probability: number(said.get("logprob")?)?,
        })
    };
    let entries = all.iter().map(entry).collect::<Option<Vec<_>>>();
    let entries =
        entries.ok_or_else(|| format!("no ids with logprob at token {own}: {}", shown(place)))?;
    best(entries, own, asked.count)
}

/// Refuses a token that the server knows by another text. Special tokens have no text here, and parts of a character
/// none there.
fn check_token(all: &Map<String, Value>, own: u32, asked: &AskedLogprobs) -> Result<(), String> {
    let said = all.get(&own.to_string());
    let said = said.ok_or_else(|| format!("ids of another vocabulary: token {own} is missing"))?;
    let theirs = said.get("decoded_token").and_then(Value::as_str);
    let theirs = theirs.unwrap_or_default().trim();
    let ours = (asked.decode)(&[own]);
    let ours = ours.ok_or_else(|| format!("ids of another vocabulary: token {own}"))?;
    let ours = ours.trim();
    let is_part = |text: &str| text.is_empty() || text.contains('\u{fffd}');
    if ours == theirs || is_part(ours) || is_part(theirs) {
        return Ok(());
    }
    Err(format!(
        "ids of another vocabulary: token {own} is {theirs:?}, here {ours:?}"
    ))
}

fn shown(value: &Value) -> String {
    shortened(&value.to_string())
}
