//! A request as it goes to the server: the teacher's settings, with what the request wants otherwise.

use idiolect_completion::{CompletionRequest, GivenResponse, Prompt, Sampling};
use serde::Serialize;
use serde_json::Value;

use crate::TeacherError;
use crate::config::TeacherConfig;

/// One request, checked and with every setting decided.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) id: &'a Value,
    pub(crate) form: Form<'a>,
    pub(crate) sampling: Sampling,
    pub(crate) max_new_tokens: usize,
    pub(crate) stop: Vec<&'a str>,
    pub(crate) seed: u64,
}

/// What the model is shown; it decides which address the request goes to.
#[derive(Debug, PartialEq)]
pub(crate) enum Form<'a> {
    /// Text to continue: `/completions`.
    Text(&'a str),
    /// Turns to answer: `/chat/completions`.
    Chat(Vec<Turn<'a>>),
    /// A response to score, as token ids: `/completions`.
    Given(&'a GivenResponse),
}

/// A turn of a chat, as the interface has it.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Turn<'a> {
    role: &'a str,
    content: &'a str,
}

impl<'a> Call<'a> {
    /// Refuses overrides out of range, and prompts that no server reads.
    pub(crate) fn new(
        config: &'a TeacherConfig,
        request: &'a CompletionRequest,
    ) -> Result<Self, TeacherError> {
        check_overrides(request)?;
        let overrides = &request.overrides;
        let stop = config.stop.iter().chain(&overrides.stops);
        Ok(Self {
            id: &request.id,
            form: form(config, request)?,
            sampling: overrides.sampling.unwrap_or(config.sampling),
            max_new_tokens: overrides.max_new_tokens.unwrap_or(config.max_new_tokens),
            stop: stop.map(String::as_str).collect(),
            seed: request.seed,
        })
    }
}

impl Form<'_> {
    /// The end of the address.
    pub(crate) fn path(&self) -> &'static str {
        match self {
            Self::Text(_) | Self::Given(_) => "completions",
            Self::Chat(_) => "chat/completions",
        }
    }

    /// Bytes of text.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Chat(turns) => turns.iter().map(|turn| turn.content.len() + 16).sum(),
            // A token is counted as two bytes.
            Self::Given(given) => 2 * given.tokens(),
        }
    }
}

/// A rendered prompt is refused. As text it would become another prompt: how a model spells its first token
/// is unknown here, servers put one before every text by themselves, and some read what a message says as
/// special tokens where it looks like them.
fn form<'a>(
    config: &TeacherConfig,
    request: &'a CompletionRequest,
) -> Result<Form<'a>, TeacherError> {
    match &request.prompt {
        Prompt::Text(text) => Ok(Form::Text(text)),
        Prompt::Chat(turns) => {
            let turns = turns.iter().map(|turn| Turn {
                role: turn.role_name(),
                content: &turn.content,
            });
            Ok(Form::Chat(turns.collect()))
        }
        Prompt::Given(given) if config.logprobs.is_some() => Ok(Form::Given(given)),
        Prompt::Given(_) => {
            let expected =
                "logprobs in the settings, for a given response is scored and not written";
            Err(refused(request, "prompt", expected, "none"))
        }
        Prompt::Rendered(_) => {
            let expected = "a text or a chat, for a server has its own template and special tokens";
            Err(refused(request, "prompt", expected, "a rendered prompt"))
        }
    }
}

fn check_overrides(request: &CompletionRequest) -> Result<(), TeacherError> {
    let overrides = &request.overrides;
    if let Some(Err(error)) = overrides.sampling.map(|sampling| sampling.check()) {
        let found = error.to_string();
        return Err(refused(request, "sampling", "values in range", &found));
    }
    if overrides.max_new_tokens == Some(0) {
        return Err(refused(request, "max_new_tokens", "at least 1", "0"));
    }
    if overrides.stops.iter().any(String::is_empty) {
        return Err(refused(request, "stops", "no empty text", "\"\""));
    }
    Ok(())
}

fn refused(
    request: &CompletionRequest,
    name: &'static str,
    expected: &'static str,
    found: &str,
) -> TeacherError {
    TeacherError::Request {
        id: request.id.clone(),
        name,
        expected,
        found: found.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use idiolect_completion::Overrides;
    use serde_json::json;

    use super::*;

    fn request(overrides: Overrides) -> CompletionRequest {
        CompletionRequest {
            overrides,
            ..CompletionRequest::new(json!("a"), Prompt::user("Hi"), 1)
        }
    }

    #[test]
    fn what_a_request_wants_otherwise_is_taken_and_the_rest_stays() {
        let config = TeacherConfig {
            stop: vec!["###".into()],
            ..TeacherConfig::new("https://a.b")
        };
        let plain = request(Overrides::default());
        let call = Call::new(&config, &plain).unwrap();
        assert_eq!(
            (call.sampling, call.max_new_tokens),
            (Sampling::GREEDY, 512)
        );
        assert_eq!(call.stop, ["###"]);
        let other = request(Overrides {
            sampling: Some(Sampling::SDFT_2402),
            max_new_tokens: Some(3),
            stops: vec!["END".into()],
        });
        let call = Call::new(&config, &other).unwrap();
        assert_eq!(
            (call.sampling, call.max_new_tokens),
            (Sampling::SDFT_2402, 3)
        );
        assert_eq!(call.stop, ["###", "END"]);
    }

    #[test]
    fn overrides_out_of_range_name_the_request() {
        let config = TeacherConfig::new("https://a.b");
        let told = |overrides| {
            let request = request(overrides);
            Call::new(&config, &request).unwrap_err().to_string()
        };
        let none = Overrides {
            max_new_tokens: Some(0),
            ..Overrides::default()
        };
        assert_eq!(
            told(none),
            "id \"a\": max_new_tokens: expected at least 1, found 0"
        );
        let sampling = Sampling {
            top_p: f32::NAN,
            ..Sampling::GREEDY
        };
        let wrong = Overrides {
            sampling: Some(sampling),
            ..Overrides::default()
        };
        assert!(
            told(wrong).starts_with("id \"a\": sampling: expected values in range, found top_p")
        );
        let empty = Overrides {
            stops: vec![String::new()],
            ..Overrides::default()
        };
        assert!(told(empty).starts_with("id \"a\": stops: "));
    }
}
