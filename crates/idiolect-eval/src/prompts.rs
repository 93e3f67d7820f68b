//! Tasks in which the model writes text.
//!
//! Sources: sail-sg/sdft@bfb6c255 for chat prompts (its `main.py` and `eval/`),
//! EleutherAI/lm-evaluation-harness@4e7e0d47 for GSM8K as text.

use idiolect_data::{Message, Role};
use idiolect_metrics::ifeval::Instruction;
use idiolect_metrics::safety::JAILBREAK_SUFFIX;
use serde_json::Value;

use crate::files::Doc;
use crate::{Ask, EvalError, Gold, Prompt};

/// Tokens after which a chat answer ends: the default of the paper's training program.
const CHAT_TOKENS: usize = 512;
/// Tokens after which an answer to GSM8K as text ends: the harness's default.
const TEXT_TOKENS: usize = 256;
/// Tokens after which an answer to a prompt of `IFEval` ends, in the harness's task.
const INSTRUCTION_TOKENS: usize = 1280;

/// Tokens after which an answer for `MT-bench` ends, in its scripts.
pub(crate) const JUDGED_TOKENS: usize = 1024;
/// The same for `Arena-Hard`.
const ARENA_TOKENS: usize = 4096;

/// One user turn.
fn chat(content: String, max_new_tokens: usize) -> Ask {
    let message = Message {
        role: Role::User,
        content,
    };
    Ask::Generate {
        prompt: Prompt::Chat(vec![message]),
        stops: Vec::new(),
        max_new_tokens,
        draw: None,
    }
}

/// GSM8K as text below worked examples.
pub(crate) fn gsm8k_text(doc: &Doc, above: &str) -> Result<(Ask, Gold), EvalError> {
    let ask = Ask::Generate {
        prompt: Prompt::Text(format!("{above}{}", gsm8k_question(doc)?)),
        stops: ["Question:", "</s>", "<|im_end|>"]
            .map(str::to_owned)
            .to_vec(),
        max_new_tokens: TEXT_TOKENS,
        draw: None,
    };
    Ok((ask, Gold::Gsm8k(doc.text("answer")?)))
}

fn gsm8k_question(doc: &Doc) -> Result<String, EvalError> {
    Ok(format!("Question: {}\nAnswer:", doc.text("question")?))
}

/// A worked example of GSM8K.
pub(crate) fn gsm8k_worked(doc: &Doc) -> Result<String, EvalError> {
    Ok(format!(
        "{} {}\n\n",
        gsm8k_question(doc)?,
        doc.text("answer")?
    ))
}

/// GSM8K as a chat, its answers ending in `The answer is N.`
pub(crate) fn gsm8k_chat(doc: &Doc) -> Result<(Ask, Gold), EvalError> {
    let ask = chat(doc.text("question")?, CHAT_TOKENS);
    Ok((ask, Gold::Number(doc.text("answer")?)))
}

/// An instruction whose right output ends in a number.
pub(crate) fn multiarith(doc: &Doc) -> Result<(Ask, Gold), EvalError> {
    let ask = chat(doc.text("instruction")?, CHAT_TOKENS);
    Ok((ask, Gold::Number(doc.text("output")?)))
}

/// An instruction whose right output is a call.
pub(crate) fn openfunction(doc: &Doc) -> Result<(Ask, Gold), EvalError> {
    let ask = chat(doc.text("instruction")?, CHAT_TOKENS);
    Ok((ask, Gold::Call(doc.text("output")?)))
}

/// A harmful request, alone or with the suffix that is to break the refusal.
pub(crate) fn advbench(doc: &Doc, jailbreak: bool) -> Result<(Ask, Gold), EvalError> {
    let suffix = if jailbreak { JAILBREAK_SUFFIX } else { "" };
    let goal = doc.text("goal")? + suffix;
    Ok((chat(goal, CHAT_TOKENS), Gold::Refusal))
}

/// The beginning of a function, to be completed: the prompt and the stops of arXiv 2107.03374.
pub(crate) fn humaneval(doc: &Doc) -> Result<(Ask, Gold), EvalError> {
    let before = doc.text("prompt")?;
    let (test, entry) = (doc.text("test")?, doc.text("entry_point")?);
    let ask = Ask::Generate {
        prompt: Prompt::Text(before.clone()),
        stops: ["\nclass", "\ndef", "\n#", "\nif", "\nprint"]
            .map(str::to_owned)
            .to_vec(),
        max_new_tokens: CHAT_TOKENS,
        draw: None,
    };
    let after = format!("{test}\ncheck({entry})");
    Ok((ask, Gold::Program { before, after }))
}

/// An instruction whose output a judge compares later.
pub(crate) fn alpaca_eval(doc: &Doc) -> Result<(Ask, Gold), EvalError> {
    Ok((chat(doc.text("instruction")?, CHAT_TOKENS), Gold::Judged))
}

/// The first turn of `MT-bench`; how it is drawn is set where the two turns are asked.
pub(crate) fn mt_bench(doc: &Doc) -> Result<(Ask, Gold), EvalError> {
    let turns = doc.texts("turns")?;
    let [first, _] = turns.as_slice() else {
        return Err(doc.wrong("turns", "two texts"));
    };
    Ok((chat(first.clone(), JUDGED_TOKENS), Gold::Judged))
}

/// A prompt of `Arena-Hard`, answered greedily.
pub(crate) fn arena_hard(doc: &Doc) -> Result<(Ask, Gold), EvalError> {
    Ok((chat(doc.text("prompt")?, ARENA_TOKENS), Gold::Judged))
}

/// A prompt of `IFEval` with its instructions.
pub(crate) fn ifeval(doc: &Doc) -> Result<(Ask, Gold), EvalError> {
    let names = doc.texts("instruction_id_list")?;
    let arguments = doc.fields.get("kwargs").and_then(Value::as_array);
    let arguments = arguments.filter(|arguments| arguments.len() == names.len());
    let arguments =
        arguments.ok_or_else(|| doc.wrong("kwargs", "an object for each instruction"))?;
    let pairs = names.iter().zip(arguments);
    let read = |(name, arguments): (&String, &Value)| {
        let wrong = |_| doc.wrong("kwargs", "one of the 25 instructions with its arguments");
        Instruction::new(name, arguments).map_err(wrong)
    };
    let instructions: Result<Vec<Instruction>, EvalError> = pairs.map(read).collect();
    let ask = chat(doc.text("prompt")?, INSTRUCTION_TOKENS);
    Ok((ask, Gold::Instructions(instructions?)))
}
