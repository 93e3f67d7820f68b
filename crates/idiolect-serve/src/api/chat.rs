//! The body of `/v1/chat/completions`: a conversation, rendered by the model's template.

use std::path::Path;

use idiolect_data::{Columns, DataError, Example, Format, RawRow, Row};
use idiolect_lm::ModelPrompt;
use serde_json::{Map, Value};

use super::fields::Fields;
use super::sampling::Common;
use super::{Asked, AskedPrompt, Context, Form};
use crate::refusal::Refusal;

/// The most likeliest tokens beside each: `OpenAI`'s number.
const LIKELIEST: usize = 20;

/// Reads a request for an answer to a conversation.
pub(crate) fn chat(body: &[u8], context: Context<'_>) -> Result<Asked, Refusal> {
    let mut fields = Fields::parse(body)?;
    let common = Common::take(&mut fields, context)?;
    let example = conversation(fields.needed("messages", "the turns of a conversation")?)?;
    let ids = common
        .model
        .prompt_ids(&ModelPrompt::Example(Box::new(example)))?;
    let echo = String::new();
    let prompts = vec![AskedPrompt { ids, echo }];
    let most = context.limits.max_new_tokens;
    let new = context.new_tokens(new_tokens(&mut fields)?, most, &prompts, common.choices)?;
    let logprobs = logprobs(&mut fields)?;
    fields.end()?;
    let mut settings = common.settings;
    settings.max_new_tokens = new;
    Ok(Asked {
        form: Form::Chat,
        name: common.name.to_owned(),
        model: common.model.clone(),
        prompts,
        choices: common.choices,
        settings,
        only_echo: false,
        run: common.run,
        logprobs,
        echo: false,
        stream: common.stream,
    })
}

/// The turns, as rows of data sets have them.
fn conversation(messages: Value) -> Result<Example, Refusal> {
    let mut fields = Map::new();
    fields.insert("messages".into(), messages);
    let row = RawRow { line: 1, fields };
    let format = Format::Messages.with(&Columns::default());
    let row = Row::new(Path::new("messages"), 0, row, &format).map_err(|error| match error {
        DataError::Field {
            field,
            expected,
            found,
            ..
        } => Refusal::expected(&field, expected, found),
        other => Refusal::field("messages", other),
    })?;
    if row.example.response().is_some() {
        let expected = "a last turn that is not the assistant's";
        return Err(Refusal::expected("messages", expected, "one that is"));
    }
    Ok(row.example)
}

/// The most new tokens, under either name.
fn new_tokens(fields: &mut Fields) -> Result<(&'static str, Option<usize>), Refusal> {
    let number = "a whole number";
    let older = fields.take("max_tokens", number)?;
    let newer = fields.take("max_completion_tokens", number)?;
    let (name, found) = match (older, newer) {
        (Some(older), Some(newer)) if older != newer => {
            let problem = "another number than max_tokens";
            return Err(Refusal::field("max_completion_tokens", problem));
        }
        (_, Some(newer)) => ("max_completion_tokens", Some(newer)),
        (older, None) => ("max_tokens", older),
    };
    match found {
        Some(0) => Err(Refusal::expected(name, "at least 1", 0)),
        found => Ok((name, found)),
    }
}

/// How many likeliest tokens stand beside each; none where no log-probabilities are wanted.
fn logprobs(fields: &mut Fields) -> Result<Option<usize>, Refusal> {
    let wanted: Option<bool> = fields.take("logprobs", "true or false")?;
    let likeliest: Option<usize> = fields.take("top_logprobs", "a whole number")?;
    match (wanted.unwrap_or(false), likeliest) {
        (_, Some(wrong)) if wrong > LIKELIEST => {
            let expected = format!("at most {LIKELIEST}");
            Err(Refusal::expected("top_logprobs", expected, wrong))
        }
        (false, Some(count)) if count > 0 => {
            let problem = "only together with logprobs: true";
            Err(Refusal::field("top_logprobs", problem))
        }
        (false, _) => Ok(None),
        (true, likeliest) => Ok(Some(likeliest.unwrap_or(0))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields(value: &Value) -> Fields {
        Fields::parse(value.to_string().as_bytes()).unwrap_or_else(|_| unreachable!())
    }

    #[test]
    fn turns_are_those_of_data_sets_and_end_with_somebody_elses() {
        let turns = json!([
            {"role": "system", "content": "Be short."},
            {"role": "user", "content": [{"type": "text", "text": "Say "}, {"type": "text", "text": "red."}]},
        ]);
        let example = conversation(turns).unwrap_or_else(|error| panic!("{error:?}"));
        assert_eq!(example.messages[1].content, "Say red.");
        let told = |turns| {
            conversation(turns)
                .err()
                .map(|error| error.message)
                .unwrap_or_default()
        };
        let image = json!([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]);
        assert!(told(image).starts_with("messages[0].content[0]: expected"));
        assert!(told(json!([{"role": "assistant", "content": "x"}])).contains("last turn"));
        assert!(told(json!("x")).starts_with("messages: expected"));
        assert!(!told(json!([])).is_empty());
    }

    #[test]
    fn the_most_new_tokens_have_two_names() {
        let both = |older, newer| {
            new_tokens(&mut fields(
                &json!({"max_tokens": older, "max_completion_tokens": newer}),
            ))
        };
        assert_eq!(
            both(json!(3), json!(null)).unwrap(),
            ("max_tokens", Some(3))
        );
        assert_eq!(both(json!(3), json!(3)).unwrap().1, Some(3));
        assert!(both(json!(3), json!(4)).is_err() && both(json!(0), json!(null)).is_err());
        assert!(both(json!(-1), json!(null)).is_err());
    }

    #[test]
    fn likeliest_tokens_need_log_probabilities() {
        let found = |value| logprobs(&mut fields(&value));
        assert_eq!(
            found(json!({"logprobs": true, "top_logprobs": 2})).unwrap(),
            Some(2)
        );
        assert_eq!(found(json!({"logprobs": true})).unwrap(), Some(0));
        assert_eq!(
            found(json!({"logprobs": false, "top_logprobs": 0})).unwrap(),
            None
        );
        assert!(found(json!({"top_logprobs": 2})).is_err());
        assert!(found(json!({"logprobs": true, "top_logprobs": 21})).is_err());
    }
}
