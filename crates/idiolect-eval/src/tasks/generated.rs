//! Items in which the model writes text.

use idiolect_completion::Prompt;
use idiolect_data::{Message, Role};
use idiolect_metrics::ifeval::Instruction;
use idiolect_metrics::python::strip;
use serde_json::Value;

use crate::error::EvalError;
use crate::gold::Gold;
use crate::item::GenerateRequest;
use crate::tasks::files::TaskRow;
use crate::tasks::form::{GenerateForm, Metric, PromptForm};

/// Tokens after which an answer for `MT-bench` ends, in its scripts.
pub(crate) const MT_BENCH_TOKENS: usize = 1024;

/// One user turn.
fn user(content: String) -> Vec<Message> {
    vec![Message::new(Role::User, content)]
}

impl GenerateForm {
    /// The request of a row, below worked examples.
    pub(crate) fn request(&self, row: &TaskRow, above: &str) -> Result<GenerateRequest, EvalError> {
        let text = format!("{above}{}", row.filled(&self.prompt)?);
        Ok(GenerateRequest {
            prompt: match self.prompt_form {
                PromptForm::Chat => Prompt::Chat(user(text)),
                PromptForm::Text => Prompt::Text(text),
            },
            stops: self.stops.clone(),
            max_new_tokens: self.max_new_tokens,
            draw: None,
        })
    }
}

impl Metric {
    /// What a row's answer is scored with.
    pub(crate) fn gold(&self, row: &TaskRow) -> Result<Gold, EvalError> {
        Ok(match self {
            Self::ExactMatch(right) => Gold::Exact(row.filled(right)?),
            Self::Number(right) => Gold::Number(row.filled(right)?),
            Self::Gsm8k(right) => Gold::Gsm8k(row.filled(right)?),
            Self::Call(right) => Gold::Call(row.filled(right)?),
            Self::Refusal => Gold::Refusal,
            Self::Program { before, after } => Gold::Program {
                before: row.filled(before)?,
                after: row.filled(after)?,
            },
            Self::Instructions => Gold::Instructions(instructions(row)?),
            Self::Pairwise(_) => Gold::Judged,
        })
    }
}

/// The instructions of a prompt of `IFEval`.
fn instructions(row: &TaskRow) -> Result<Vec<Instruction>, EvalError> {
    let names = row.texts("instruction_id_list")?;
    let arguments = row.fields.get("kwargs").and_then(Value::as_array);
    let arguments = arguments.filter(|arguments| arguments.len() == names.len());
    let arguments =
        arguments.ok_or_else(|| row.wrong("kwargs", "an object for each instruction"))?;
    let pairs = names.iter().zip(arguments);
    let read = |(name, arguments): (&String, &Value)| {
        let wrong = |_| row.wrong("kwargs", "one of the 25 instructions with its arguments");
        Instruction::new(name, arguments).map_err(wrong)
    };
    pairs.map(read).collect()
}

/// The first turn of `MT-bench`; how it is drawn is set where the two turns are asked.
pub(crate) fn mt_bench(row: &TaskRow) -> Result<GenerateRequest, EvalError> {
    let turns = row.texts("turns")?;
    let [first, _] = turns.as_slice() else {
        return Err(row.wrong("turns", "two texts"));
    };
    Ok(GenerateRequest::chat(user(first.clone()), MT_BENCH_TOKENS))
}

/// What stands before every program in the source; `numpy` is left out where there is none, and there every program
/// fails instead.
const IMPORTS: &str = "import math\nimport re\nimport sys\nimport copy\nimport datetime\nimport itertools\n\
    import collections\nimport heapq\nimport statistics\nimport functools\nimport hashlib\n\
    try:\n    import numpy\n    import numpy as np\nexcept ImportError:\n    pass\n\
    import string\nfrom typing import *\nfrom collections import *\n";

/// Tokens after which a function ends; the source ends prompt and function together at 2,048.
const FUNCTION_TOKENS: usize = 1536;

/// A function of `HumanEvalPack` from its instruction and its beginning.
///
/// Source: bigcode-project/bigcode-evaluation-harness `tasks/humanevalpack.py`, `humanevalsynthesize-python` with
/// the prompt `octocoder`, which the scripts of arXiv 2402.13669 run.
pub(crate) fn humaneval_synthesize(row: &TaskRow) -> Result<(GenerateRequest, Gold), EvalError> {
    let (instruction, begin) = (row.text("instruction")?, row.text("prompt")?);
    let prompt = format!("Question: {}\n\nAnswer:\n{begin}", strip(&instruction));
    let stops = [
        "\nclass", "\ndef", "\n#", "\n@", "\nprint", "\nif", "\nassert",
    ];
    let request = GenerateRequest {
        prompt: Prompt::Text(strip(&prompt).to_owned()),
        stops: stops.map(str::to_owned).to_vec(),
        max_new_tokens: FUNCTION_TOKENS,
        draw: None,
    };
    let gold = Gold::Body {
        before: format!("{IMPORTS}{}", begin.trim_end()),
        after: format!("\n{}", row.text("test")?),
    };
    Ok((request, gold))
}
