//! The body of `/v1/completions`: prompts as texts or tokens, and what is wanted of their continuations.

use idiolect_input::counted;
use idiolect_lm::{LanguageModel, ModelPrompt};
use serde_json::Value;

use super::fields::{Fields, kind};
use super::sampling::Common;
use super::{Asked, AskedPrompt, Context, Form};
use crate::refusal::Refusal;

/// New tokens where nobody says how many: `OpenAI`'s number.
const NEW_TOKENS: usize = 16;
/// The most likeliest tokens beside each: `OpenAI`'s number.
const LIKELIEST: usize = 5;
/// What a prompt may be.
const PROMPT: &str = "a text, a list of texts, a list of token ids, or a list of such lists";

/// Reads a request for continuations.
pub(crate) fn completion(body: &[u8], context: Context<'_>) -> Result<Asked, Refusal> {
    let mut fields = Fields::parse(body)?;
    let common = Common::take(&mut fields, context)?;
    let echo = fields.take("echo", "true or false")?.unwrap_or(false);
    let prompts = listed(fields.needed("prompt", PROMPT)?)?;
    let most = context.limits.max_choices;
    let texts = prompts.len().saturating_mul(common.choices);
    if texts > most {
        let expected = format!(
            "at most {} in one request, prompts times n",
            counted(most, "text", "texts")
        );
        return Err(Refusal::expected("prompt", expected, texts));
    }
    let prompts = prompts.into_iter().enumerate();
    let prompts = prompts.map(|(at, value)| prompt(at, value, common.model, echo));
    let prompts = prompts.collect::<Result<Vec<_>, _>>()?;
    let asked = ("max_tokens", fields.take("max_tokens", "a whole number")?);
    let new = context.new_tokens(asked, NEW_TOKENS, &prompts, common.choices)?;
    if new == 0 && !echo {
        return Err(Refusal::expected("max_tokens", "at least 1, or echo", 0));
    }
    let logprobs: Option<usize> = fields.take("logprobs", "a whole number")?;
    if let Some(wrong) = logprobs.filter(|count| *count > LIKELIEST) {
        return Err(Refusal::expected(
            "logprobs",
            format!("at most {LIKELIEST}"),
            wrong,
        ));
    }
    fields.end()?;
    let mut settings = common.settings;
    settings.max_new_tokens = new.max(1);
    Ok(Asked {
        form: Form::Completion,
        name: common.name.to_owned(),
        model: common.model.clone(),
        prompts,
        choices: common.choices,
        settings,
        only_echo: new == 0,
        run: common.run,
        logprobs,
        echo,
        stream: common.stream,
    })
}

/// The prompts one by one, in whichever form they come.
fn listed(value: Value) -> Result<Vec<Value>, Refusal> {
    match value {
        Value::Array(list) if list.first().is_some_and(Value::is_number) => {
            Ok(vec![Value::Array(list)])
        }
        Value::Array(list) if !list.is_empty() => Ok(list),
        one @ Value::String(_) => Ok(vec![one]),
        other => Err(Refusal::expected("prompt", PROMPT, kind(&other))),
    }
}

fn prompt(
    at: usize,
    value: Value,
    model: &LanguageModel,
    echo: bool,
) -> Result<AskedPrompt, Refusal> {
    let name = format!("prompt[{at}]");
    let (ids, text) = match value {
        Value::String(text) => {
            let ids = model.prompt_ids(&ModelPrompt::Text(text.clone()))?;
            (ids, Some(text))
        }
        Value::Array(ids) => {
            let vocab = model.decoder().config.vocab_size;
            let id = |value: &Value| {
                let id = value.as_u64().and_then(|id| u32::try_from(id).ok());
                let id = id.filter(|id| (*id as usize) < vocab);
                let expected = format!("token ids below {vocab}");
                id.ok_or_else(|| Refusal::expected(&name, expected, kind(value)))
            };
            (ids.iter().map(id).collect::<Result<Vec<_>, _>>()?, None)
        }
        other => return Err(Refusal::expected(&name, PROMPT, kind(&other))),
    };
    if ids.is_empty() {
        return Err(Refusal::expected(&name, "at least one token", "none"));
    }
    let echo = match (echo, text) {
        (false, _) => String::new(),
        (true, Some(text)) => text,
        (true, None) => {
            let decoded = model.tokenizer().decode(&ids, true);
            decoded.map_err(|error| Refusal::field(&name, error))?
        }
    };
    Ok(AskedPrompt { ids, echo })
}
