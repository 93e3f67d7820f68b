//! `tokenizer.model` in tiktoken's form: a token in base64 and its rank on each line, as Llama 3 has it.
//!
//! The file holds no special tokens; they are those of Llama 3 (llama-models 0.3.0, `llama3/tokenizer.py`).

use super::problem::Problem;
use super::ranks;
use crate::GgufVocabulary;

/// Special tokens behind the ranks, before those that are reserved.
const SPECIAL: [&str; 12] = [
    "<|begin_of_text|>",
    "<|end_of_text|>",
    "<|reserved_special_token_0|>",
    "<|reserved_special_token_1|>",
    "<|finetune_right_pad_id|>",
    "<|step_id|>",
    "<|start_header_id|>",
    "<|end_header_id|>",
    "<|eom_id|>",
    "<|eot_id|>",
    "<|python_tag|>",
    "<|image|>",
];
/// How many special tokens there are.
const SPECIAL_COUNT: usize = 256;
/// How many tokens the vocabulary of Llama 3 has; of another the special tokens are not known.
const LLAMA3: usize = 128_000;

pub(super) fn vocabulary(bytes: &[u8]) -> Result<GgufVocabulary, Problem> {
    let what = "SentencePiece, or lines of a token in base64 and its rank";
    let text =
        std::str::from_utf8(bytes).map_err(|_| Problem::new(what, "bytes that are neither"))?;
    let mut tokens = Vec::new();
    for (number, line) in text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.is_empty())
    {
        let wrong = || Problem::new(format!("{what} on line {}", number + 1), "neither");
        let (token, rank) = line.split_once(' ').ok_or_else(wrong)?;
        let rank: usize = rank.trim().parse().map_err(|_| wrong())?;
        if rank != tokens.len() {
            let expected = format!("rank {} on line {}", tokens.len(), number + 1);
            return Err(Problem::new(expected, rank.to_string()));
        }
        tokens.push(ranks::decoded(token)?.ok_or_else(wrong)?);
    }
    if tokens.len() != LLAMA3 {
        let expected = format!("{LLAMA3} tokens, those of Llama 3, or a tokenizer.json");
        return Err(Problem::new(expected, tokens.len().to_string()));
    }
    Ok(llama3(&tokens))
}

fn llama3(tokens: &[Vec<u8>]) -> GgufVocabulary {
    let reserved = (2..).map(|number| format!("<|reserved_special_token_{number}|>"));
    let special = SPECIAL.map(str::to_owned).into_iter().chain(reserved);
    let names = tokens.iter().map(|token| ranks::name(token));
    let special: Vec<String> = special.take(SPECIAL_COUNT).collect();
    let id = |at: usize| u32::try_from(tokens.len() + at).ok();
    GgufVocabulary {
        model: "gpt2".to_owned(),
        pre: Some("llama-bpe".to_owned()),
        token_types: [vec![1; tokens.len()], vec![3; special.len()]].concat(),
        merges: ranks::merges(tokens),
        bos: id(0),
        eos: id(1),
        add_bos: Some(true),
        tokens: names.chain(special).collect(),
        ..GgufVocabulary::default()
    }
}
