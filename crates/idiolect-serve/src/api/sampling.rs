//! What both forms of requests have in common: the model, how tokens are drawn, where a text ends, and how many there
//! are.

use idiolect_generate::{GenerationSettings, SamplingSettings};
use idiolect_lm::{GenerateRun, LanguageModel, LmError};
use serde_json::Value;

use super::fields::{Fields, kind};
use super::{Context, Streamed};
use crate::refusal::Refusal;

/// Texts that may end a text.
const STOPS: usize = 16;
/// Bytes of one of them.
const STOP_BYTES: usize = 1024;

/// The fields that both forms have.
pub(super) struct Common<'a> {
    pub(super) name: &'a str,
    pub(super) model: &'a LanguageModel,
    pub(super) settings: GenerationSettings,
    pub(super) run: GenerateRun,
    pub(super) choices: usize,
    pub(super) stream: Option<Streamed>,
}

impl<'a> Common<'a> {
    pub(super) fn take(fields: &mut Fields, context: Context<'a>) -> Result<Self, Refusal> {
        let asked: Option<String> = fields.take("model", "the name of a model")?;
        let (name, model) = context.models.find(asked.as_deref())?;
        let settings = GenerationSettings {
            stop: stops(fields.value("stop"))?,
            generation_batch_size: context.limits.batch_size,
            ..sampling(fields)?
        };
        settings
            .check()
            .map_err(|error| Refusal::from(LmError::from(error)))?;
        let seed: Option<i64> = fields.take("seed", "a whole number")?;
        Ok(Self {
            name,
            model,
            settings,
            run: GenerateRun {
                seed: seed.map_or(context.seed, i64::cast_unsigned),
                ignore_eos: fields.take("ignore_eos", "true or false")?.unwrap_or(false),
            },
            choices: choices(fields, context)?,
            stream: stream(fields)?,
        })
    }
}

/// How tokens are drawn; `OpenAI`'s defaults.
fn sampling(fields: &mut Fields) -> Result<GenerationSettings, Refusal> {
    let number = "a number";
    let own = SamplingSettings {
        sampler: None,
        temperature: fields.take("temperature", number)?,
        top_k: fields.take("top_k", "a whole number")?,
        top_p: fields.take("top_p", number)?,
        min_p: fields.take("min_p", number)?,
        repetition_penalty: fields.take("repetition_penalty", number)?,
    };
    Ok(own.over(GenerationSettings {
        temperature: 1.0,
        ..GenerationSettings::default()
    }))
}

/// One text, or several.
fn stops(value: Option<Value>) -> Result<Vec<String>, Refusal> {
    let expected = format!("a text or up to {STOPS} texts, none empty or above {STOP_BYTES} bytes");
    let refuse = |value: &Value| Refusal::expected("stop", &expected, kind(value));
    let Some(value) = value else {
        return Ok(Vec::new());
    };
    let found = kind(&value);
    let texts = match value {
        Value::String(text) => vec![text],
        Value::Array(texts) => {
            let text = |value: Value| match value {
                Value::String(text) => Ok(text),
                other => Err(refuse(&other)),
            };
            texts.into_iter().map(text).collect::<Result<Vec<_>, _>>()?
        }
        other => return Err(refuse(&other)),
    };
    let fits = |text: &String| (1..=STOP_BYTES).contains(&text.len());
    if texts.len() <= STOPS && texts.iter().all(fits) {
        return Ok(texts);
    }
    Err(Refusal::expected("stop", expected, found))
}

fn choices(fields: &mut Fields, context: Context<'_>) -> Result<usize, Refusal> {
    let choices = fields.take("n", "a whole number")?.unwrap_or(1);
    let most = context.limits.max_choices;
    if (1..=most).contains(&choices) {
        return Ok(choices);
    }
    Err(Refusal::expected("n", format!("1 to {most}"), choices))
}

fn stream(fields: &mut Fields) -> Result<Option<Streamed>, Refusal> {
    let is_streamed: Option<bool> = fields.take("stream", "true or false")?;
    let options = fields.value("stream_options");
    if !is_streamed.unwrap_or(false) {
        return match options {
            Some(_) => Err(Refusal::field(
                "stream_options",
                "only together with stream: true",
            )),
            None => Ok(None),
        };
    }
    let mut usage = false;
    match options {
        Some(Value::Object(options)) => {
            for (name, value) in &options {
                match (name.as_str(), value) {
                    ("include_usage", Value::Bool(wanted)) => usage = *wanted,
                    ("include_obfuscation", Value::Bool(_)) | (_, Value::Null) => {}
                    _ => {
                        let name = format!("stream_options.{name}");
                        return Err(Refusal::field(&name, "this server knows no such field"));
                    }
                }
            }
        }
        Some(other) => {
            return Err(Refusal::expected(
                "stream_options",
                "an object",
                kind(&other),
            ));
        }
        None => {}
    }
    Ok(Some(Streamed { usage }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields(value: &Value) -> Fields {
        Fields::parse(value.to_string().as_bytes()).unwrap_or_else(|_| unreachable!())
    }

    #[test]
    fn a_stop_is_a_text_or_several() {
        assert_eq!(stops(Some(json!("a"))).unwrap(), ["a"]);
        assert_eq!(stops(Some(json!(["a", "b"]))).unwrap(), ["a", "b"]);
        assert!(stops(None).unwrap().is_empty());
        let long = "x".repeat(STOP_BYTES + 1);
        for wrong in [
            json!(""),
            json!([1]),
            json!(7),
            json!([long]),
            json!(vec!["x"; STOPS + 1]),
        ] {
            assert_eq!(
                stops(Some(wrong)).unwrap_err().param.as_deref(),
                Some("stop")
            );
        }
    }

    #[test]
    fn without_a_word_tokens_are_drawn_at_temperature_1() {
        let found = sampling(&mut fields(&json!({}))).unwrap();
        assert!((found.temperature - 1.0).abs() < 1e-12 && (found.top_p - 1.0).abs() < 1e-12);
        let found = sampling(&mut fields(&json!({"temperature": 0, "top_k": 3}))).unwrap();
        assert_eq!((found.sampling().is_greedy(), found.top_k), (true, 3));
    }

    #[test]
    fn options_of_a_stream_need_one() {
        let usage = json!({"stream": true, "stream_options": {"include_usage": true}});
        assert_eq!(
            stream(&mut fields(&usage)).unwrap(),
            Some(Streamed { usage: true })
        );
        assert_eq!(
            stream(&mut fields(&json!({"stream": false}))).unwrap(),
            None
        );
        let alone = json!({"stream_options": {"include_usage": true}});
        assert!(stream(&mut fields(&alone)).is_err());
        let unknown = json!({"stream": true, "stream_options": {"every": 3}});
        let refusal = stream(&mut fields(&unknown)).unwrap_err();
        assert_eq!(refusal.param.as_deref(), Some("stream_options.every"));
    }
}
