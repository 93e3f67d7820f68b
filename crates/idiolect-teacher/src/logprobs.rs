//! The likeliest tokens at each token of a text, as servers give them beside it.
//!
//! Sources: llama.cpp's server, which has the id of each token in `logprobs.content` of a chat and of a text; vLLM's,
//! which writes `token_id:N` in the place of a token's text where `return_tokens_as_token_ids` is asked for, and of a
//! text has the lists `tokens` and `top_logprobs`. Both are of the model's own distribution, before temperature.
//! vLLM puts the token that was taken first; where it is none of the likeliest, a chat has one of those less.
//! Interfaces that give texts of tokens alone are of no use: several tokens may have one text.

use std::fmt;
use std::sync::Arc;

use idiolect_completion::{LogprobTail, Logprobs, TokenLogprob};
use serde_json::Value;

use crate::words::shortened;

/// The text of some tokens in a vocabulary, without special ones; none where they are not all of it.
pub type DecodeTokens = dyn Fn(&[u32]) -> Option<String> + Send + Sync;

/// What is asked for at each token of a text.
#[derive(Clone)]
pub struct AskedLogprobs {
    /// How many of the likeliest tokens, at least 1. Servers have limits of their own: 20 of `OpenAI` and, by default, of
    /// vLLM.
    pub count: usize,
    /// The vocabulary that the server's ids must be of: the text of each reply is compared with that of its ids.
    pub decode: Arc<DecodeTokens>,
}

impl fmt::Debug for AskedLogprobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AskedLogprobs")
            .field("count", &self.count)
            .finish_non_exhaustive()
    }
}

impl PartialEq for AskedLogprobs {
    fn eq(&self, other: &Self) -> bool {
        self.count == other.count && Arc::ptr_eq(&self.decode, &other.decode)
    }
}

/// The tokens of a text, and the likeliest at each of them and at the one that ended it.
#[derive(Debug, PartialEq)]
pub(crate) struct ScoredTokens {
    pub(crate) ids: Vec<u32>,
    pub(crate) logprobs: Logprobs,
}

/// A place of a text: the token that was taken, and those that were likely.
struct ScoredPlace {
    own: u32,
    likeliest: Vec<TokenLogprob>,
}

/// What a choice says of the tokens of its `text`, or what is wrong with it.
pub(crate) fn scored_tokens(
    choice: &Value,
    text: &str,
    asked: &AskedLogprobs,
) -> Result<ScoredTokens, String> {
    let given = choice.get("logprobs").filter(|given| !given.is_null());
    let given = given.ok_or_else(|| format!("no logprobs in {}", shown(choice)))?;
    let places = match given.get("content").and_then(Value::as_array) {
        Some(content) => content
            .iter()
            .map(of_content)
            .collect::<Result<Vec<_>, _>>()?,
        None => of_lists(given)?,
    };
    let mut ids: Vec<u32> = places.iter().map(|place| place.own).collect();
    let entries = places.into_iter();
    let entries = entries.map(|place| best(place.likeliest, place.own, asked.count));
    let entries = entries.collect::<Result<Vec<_>, _>>()?;
    let is_special = |id: &u32| (asked.decode)(&[*id]).is_some_and(|text| text.is_empty());
    let has_ended = choice.get("finish_reason").and_then(Value::as_str) == Some("stop");
    let end = ids.pop_if(|id| has_ended && is_special(id));
    let decoded = (asked.decode)(&ids).ok_or_else(|| "ids of another vocabulary".to_owned())?;
    // A stop text may begin within the last token, and white space around a text is the server's.
    if !decoded.trim().starts_with(text.trim()) {
        let decoded = shortened(&decoded);
        return Err(format!(
            "ids of another vocabulary: {decoded:?} for {:?}",
            shortened(text)
        ));
    }
    Ok(ScoredTokens {
        ids,
        logprobs: Logprobs {
            entries,
            tail: LogprobTail::Lumped,
            end,
        },
    })
}

/// The `count` likeliest in the place of token `own`, the likeliest first, of equal ones the lower id.
pub(crate) fn best(
    mut likeliest: Vec<TokenLogprob>,
    own: u32,
    count: usize,
) -> Result<Vec<TokenLogprob>, String> {
    let found = likeliest.len();
    let order = |a: &TokenLogprob, b: &TokenLogprob| {
        let by_value = b.log_probability.total_cmp(&a.log_probability);
        by_value.then(a.token.cmp(&b.token))
    };
    likeliest.sort_by(order);
    likeliest.dedup_by_key(|entry| entry.token);
    likeliest.truncate(count);
    if likeliest.len() == count {
        return Ok(likeliest);
    }
    Err(format!(
        "{found} likeliest tokens at token {own}, of {count}"
    ))
}

/// A place of `content`.
fn of_content(place: &Value) -> Result<ScoredPlace, String> {
    let likeliest = place.get("top_logprobs").and_then(Value::as_array);
    let entries = likeliest.into_iter().flatten().map(|entry| {
        Some(TokenLogprob {
            token: id_of(entry)?,
            log_probability: number(entry.get("logprob")?)?,
        })
    });
    let place = id_of(place)
        .zip(entries.collect())
        .ok_or_else(|| no_ids(place))?;
    Ok(ScoredPlace {
        own: place.0,
        likeliest: place.1,
    })
}

/// The places of `tokens` and `top_logprobs`.
fn of_lists(given: &Value) -> Result<Vec<ScoredPlace>, String> {
    let list = |name: &str| given.get(name).and_then(Value::as_array);
    let lists = list("tokens").zip(list("top_logprobs"));
    let (tokens, likeliest) = lists.ok_or_else(|| no_ids(given))?;
    let places = tokens.iter().zip(likeliest).map(|(own, likeliest)| {
        let entries = likeliest.as_object()?.iter().map(|(token, value)| {
            Some(TokenLogprob {
                token: written_id(token)?,
                log_probability: number(value)?,
            })
        });
        Some(ScoredPlace {
            own: written_id(own.as_str()?)?,
            likeliest: entries.collect::<Option<_>>()?,
        })
    });
    places.collect::<Option<_>>().ok_or_else(|| no_ids(given))
}

/// The id of an entry: by itself, or in the place of its text.
fn id_of(entry: &Value) -> Option<u32> {
    match entry.get("id") {
        Some(id) => u32::try_from(id.as_u64()?).ok(),
        None => written_id(entry.get("token")?.as_str()?),
    }
}

fn written_id(token: &str) -> Option<u32> {
    token.strip_prefix("token_id:")?.parse().ok()
}

#[allow(clippy::cast_possible_truncation, reason = "the precision of logits")]
pub(crate) fn number(value: &Value) -> Option<f32> {
    value.as_f64().map(|value| value as f32)
}

fn no_ids(found: &Value) -> String {
    format!("no ids of tokens in logprobs: {}", shown(found))
}

fn shown(value: &Value) -> String {
    shortened(&value.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Ids 10 and up are letters; 2 is special.
    fn asked(count: usize) -> AskedLogprobs {
        let letter = |id: &u32| match id {
            2 => Some(String::new()),
            10..=35 => char::from_u32(id - 10 + u32::from(b'a')).map(String::from),
            _ => None,
        };
        let decode = move |ids: &[u32]| ids.iter().map(letter).collect();
        AskedLogprobs {
            count,
            decode: Arc::new(decode),
        }
    }

    fn entry(token: u32, log_probability: f32) -> TokenLogprob {
        TokenLogprob {
            token,
            log_probability,
        }
    }

    fn expected() -> ScoredTokens {
        let entries = vec![
            vec![entry(10, -0.25), entry(12, -2.0)],
            vec![entry(2, -0.5), entry(11, -1.5)],
        ];
        ScoredTokens {
            ids: vec![10],
            logprobs: Logprobs {
                entries,
                tail: LogprobTail::Lumped,
                end: Some(2),
            },
        }
    }

    #[test]
    fn llama_cpps_ids_are_read_and_its_end_is_known() {
        let place = |id: u32, others: [(u32, f64); 2]| {
            let others =
                others.map(|(id, logprob)| json!({"id": id, "token": "x", "logprob": logprob}));
            json!({"id": id, "token": "x", "bytes": [120], "logprob": -1.0, "top_logprobs": others})
        };
        let content = [
            place(10, [(10, -0.25), (12, -2.0)]),
            place(2, [(2, -0.5), (11, -1.5)]),
        ];
        let mut choice = json!({"finish_reason": "stop", "logprobs": {"content": content}});
        assert_eq!(scored_tokens(&choice, "a", &asked(2)), Ok(expected()));
        choice["finish_reason"] = json!("length");
        let found = scored_tokens(&choice, "a", &asked(1)).unwrap();
        assert_eq!((found.ids, found.logprobs.end), (vec![10, 2], None));
        let few = scored_tokens(&choice, "a", &asked(3)).unwrap_err();
        assert_eq!(few, "2 likeliest tokens at token 10, of 3");
        let other = scored_tokens(&choice, "b", &asked(2)).unwrap_err();
        assert_eq!(other, "ids of another vocabulary: \"a\" for \"b\"");
    }

    /// In the form of vLLM 0.32's replies.
    #[test]
    fn vllms_tokens_as_ids_are_read_of_chats_and_of_texts() {
        let place = |id: u32, others: [(u32, f64); 2]| {
            let others = others.map(|(id, logprob)| {
                json!({"token": format!("token_id:{id}"), "logprob": logprob, "bytes": null})
            });
            json!({"token": format!("token_id:{id}"), "logprob": -1.0, "bytes": null, "top_logprobs": others})
        };
        let content = [
            place(10, [(12, -2.0), (10, -0.25)]),
            place(2, [(2, -0.5), (11, -1.5)]),
        ];
        let chat = json!({"finish_reason": "stop", "logprobs": {"content": content}});
        assert_eq!(scored_tokens(&chat, "a", &asked(2)), Ok(expected()));
        let text = json!({"finish_reason": "stop", "logprobs": {
            "tokens": ["token_id:10", "token_id:2"], "token_logprobs": [-0.25, -0.5], "text_offset": [0, 1],
            "top_logprobs": [
                {"token_id:10": -0.25, "token_id:12": -2.0}, {"token_id:2": -0.5, "token_id:11": -1.5},
            ],
        }});
        assert_eq!(scored_tokens(&text, "a", &asked(2)), Ok(expected()));
    }

    #[test]
    fn replies_without_distributions_or_ids_are_refused() {
        let told = |choice: Value| scored_tokens(&choice, "a", &asked(1)).unwrap_err();
        assert!(told(json!({"text": "a"})).starts_with("no logprobs in "));
        assert!(told(json!({"logprobs": null})).starts_with("no logprobs in "));
        let named =
            json!({"logprobs": {"content": [{"token": "a", "logprob": -1.0, "top_logprobs": []}]}});
        assert!(told(named).starts_with("no ids of tokens in logprobs: "));
        let lists = json!({"logprobs": {"tokens": ["a"], "top_logprobs": [{"a": -1.0}]}});
        assert!(told(lists).starts_with("no ids of tokens in logprobs: "));
    }
}
