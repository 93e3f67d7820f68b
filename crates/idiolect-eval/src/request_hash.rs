//! What a journal knows a request by: SHA-256 of the request as JSON.
//!
//! The JSON is part of the journal's form: a request must give the same text in every version, so that a journal
//! of an earlier one is read. It is therefore written down here, apart from the types that requests have elsewhere.

use idiolect_completion::{GivenResponse, LikelihoodRequest, Prompt};
use idiolect_data::{Message, text_hash};
use serde::Serialize;

use crate::item::{Draw, GenerateRequest, ItemRequest};

#[derive(Serialize)]
enum Form<'a, P: Serialize> {
    Generate {
        prompt: P,
        stops: &'a [String],
        max_new_tokens: usize,
        #[serde(skip_serializing_if = "Option::is_none")]
        draw: Option<DrawJson>,
    },
    Choose(&'a [LikelihoodRequest]),
}

/// What earlier versions had no setting for is left out where it changes nothing.
#[derive(Serialize)]
struct DrawJson {
    temperature: f32,
    top_p: f32,
    seed: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    min_p: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    repetition_penalty: Option<f32>,
}

impl From<Draw> for DrawJson {
    fn from(Draw { sampling, seed }: Draw) -> Self {
        let penalty = sampling.repetition_penalty;
        Self {
            temperature: sampling.temperature,
            top_p: sampling.top_p,
            seed,
            top_k: Some(sampling.top_k).filter(|k| 0 < *k),
            min_p: Some(sampling.min_p).filter(|p| 0.0 < *p),
            repetition_penalty: Some(penalty).filter(|by| 0.0 < (by - 1.0).abs()),
        }
    }
}

#[derive(Serialize)]
enum PromptJson<'a, R: Serialize> {
    Text(&'a str),
    Chat(&'a [Message]),
    Rendered(&'a R),
    Given(&'a GivenResponse),
}

/// The hash of an item's request.
pub(crate) fn request_hash(request: &ItemRequest) -> String {
    match request {
        ItemRequest::Choose(all) => json_hash(&Form::<()>::Choose(all)),
        ItemRequest::Generate(GenerateRequest {
            prompt,
            stops,
            max_new_tokens,
            draw,
        }) => json_hash(&Form::Generate {
            prompt: match prompt {
                Prompt::Text(text) => PromptJson::Text(text),
                Prompt::Chat(turns) => PromptJson::Chat(turns),
                Prompt::Rendered(rendered) => PromptJson::Rendered(rendered),
                Prompt::Given(given) => PromptJson::Given(given),
            },
            stops,
            max_new_tokens: *max_new_tokens,
            draw: draw.map(Into::into),
        }),
    }
}

/// The hash of what a judge is shown.
pub(crate) fn turns_hash(prompt: &Prompt) -> String {
    match prompt {
        Prompt::Text(text) => json_hash(text),
        Prompt::Chat(turns) => json_hash(turns),
        Prompt::Rendered(rendered) => json_hash(rendered),
        Prompt::Given(given) => json_hash(given),
    }
}

/// SHA-256 of a value as JSON, in hexadecimal.
fn json_hash<T: Serialize>(value: &T) -> String {
    text_hash(&serde_json::to_string(value).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use idiolect_completion::Sampling;
    use idiolect_data::{Message, Role};

    use super::*;

    fn chat() -> Vec<Message> {
        let turn = |role, content: &str| Message::new(role, content);
        vec![turn(Role::System, "Be brief."), turn(Role::User, "1+1?")]
    }

    fn generate(prompt: Prompt, draw: Option<Draw>) -> String {
        request_hash(&ItemRequest::Generate(GenerateRequest {
            prompt,
            stops: vec!["\n\n".to_owned()],
            max_new_tokens: 512,
            draw,
        }))
    }

    /// The JSON of version 0.1 word for word.
    #[test]
    fn hashes_are_those_of_earlier_journals() {
        let sampling = Sampling {
            temperature: 0.8,
            top_p: 0.95,
            ..Sampling::GREEDY
        };
        let draw = Draw { sampling, seed: 7 };
        let text = r#"{"Generate":{"prompt":{"Text":"Q:"},"stops":["\n\n"],"max_new_tokens":512}}"#;
        assert_eq!(generate(Prompt::Text("Q:".into()), None), text_hash(text));
        let turns = r#"[{"role":"system","content":"Be brief."},{"role":"user","content":"1+1?"}]"#;
        let drawn = format!(
            r#"{{"Generate":{{"prompt":{{"Chat":{turns}}},"stops":["\n\n"],"max_new_tokens":512,"draw":{{"temperature":0.8,"top_p":0.95,"seed":7}}}}}}"#
        );
        assert_eq!(
            generate(Prompt::Chat(chat()), Some(draw)),
            text_hash(&drawn)
        );
        let draw = Draw {
            sampling: Sampling::SDFT_2402,
            seed: 7,
        };
        let more = drawn.replace(
            r#""temperature":0.8,"top_p":0.95,"seed":7"#,
            r#""temperature":0.95,"top_p":0.7,"seed":7,"top_k":50"#,
        );
        assert_eq!(generate(Prompt::Chat(chat()), Some(draw)), text_hash(&more));
        let choice = LikelihoodRequest {
            context: "Q:".into(),
            text: " A".into(),
        };
        assert_eq!(
            request_hash(&ItemRequest::Choose(vec![choice])),
            text_hash(r#"{"Choose":[{"context":"Q:","text":" A"}]}"#)
        );
        assert_eq!(turns_hash(&Prompt::Chat(chat())), text_hash(turns));
    }
}
