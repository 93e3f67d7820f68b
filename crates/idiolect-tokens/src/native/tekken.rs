//! Mistral's `tekken.json`: tokens in base64 by rank, behind a thousand special tokens.
//!
//! Special tokens of files that name none are those of mistral-common 1.13 (`tokens/tokenizers/tekken.py`).

use serde::Deserialize;

use super::problem::Problem;
use super::ranks;
use crate::GgufVocabulary;
use crate::mistral_regex::TEKKEN;

#[derive(Deserialize)]
struct File {
    config: Config,
    vocab: Vec<Token>,
    #[serde(default)]
    special_tokens: Option<Vec<Special>>,
}

#[derive(Deserialize)]
struct Config {
    pattern: String,
    default_vocab_size: usize,
    default_num_special_tokens: usize,
}

#[derive(Deserialize)]
struct Token {
    rank: usize,
    token_bytes: String,
}

#[derive(Deserialize)]
struct Special {
    rank: usize,
    token_str: String,
}

/// Special tokens of files that name none.
const OWN: [&str; 20] = [
    "<unk>",
    "<s>",
    "</s>",
    "[INST]",
    "[/INST]",
    "[AVAILABLE_TOOLS]",
    "[/AVAILABLE_TOOLS]",
    "[TOOL_RESULTS]",
    "[/TOOL_RESULTS]",
    "[TOOL_CALLS]",
    "[IMG]",
    "<pad>",
    "[IMG_BREAK]",
    "[IMG_END]",
    "[PREFIX]",
    "[MIDDLE]",
    "[SUFFIX]",
    "[SYSTEM_PROMPT]",
    "[/SYSTEM_PROMPT]",
    "[TOOL_CONTENT]",
];

pub(super) fn vocabulary(bytes: &[u8]) -> Result<GgufVocabulary, Problem> {
    let file: File = serde_json::from_slice(bytes)
        .map_err(|error| Problem::new("a tokenizer of Mistral's form", error.to_string()))?;
    let Config {
        pattern,
        default_vocab_size: size,
        default_num_special_tokens: count,
    } = file.config;
    if pattern != TEKKEN {
        return Err(Problem::new(
            "the pattern of Mistral's tokenizers",
            "another one",
        ));
    }
    let plain = size
        .checked_sub(count)
        .filter(|plain| *plain <= file.vocab.len());
    let plain = plain.ok_or_else(|| {
        let expected = format!("{size} tokens with {count} special ones");
        Problem::new(expected, format!("{} beside those", file.vocab.len()))
    })?;
    let mut tokens = Vec::with_capacity(plain);
    for token in &file.vocab[..plain] {
        let bytes = ranks::decoded(&token.token_bytes)?;
        let bytes = bytes.filter(|_| token.rank == tokens.len());
        let wrong = || {
            Problem::new(
                format!("a token of rank {}", tokens.len()),
                token.token_bytes.clone(),
            )
        };
        tokens.push(bytes.ok_or_else(wrong)?);
    }
    let special = special(file.special_tokens, count)?;
    let id = |name: &str| {
        special
            .iter()
            .position(|own| own == name)
            .and_then(|at| u32::try_from(at).ok())
    };
    Ok(GgufVocabulary {
        model: "gpt2".to_owned(),
        pre: Some("tekken".to_owned()),
        token_types: [vec![3; special.len()], vec![1; tokens.len()]].concat(),
        merges: ranks::merges(&tokens),
        bos: id("<s>"),
        eos: id("</s>"),
        pad: id("<pad>"),
        unk: id("<unk>"),
        add_bos: Some(true),
        tokens: special
            .iter()
            .cloned()
            .chain(tokens.iter().map(|token| ranks::name(token)))
            .collect(),
        ..GgufVocabulary::default()
    })
}

/// The most special tokens of a file; published ones have a thousand.
const SPECIAL_MOST: usize = 1 << 16;

/// The names of the special tokens by id.
fn special(named: Option<Vec<Special>>, count: usize) -> Result<Vec<String>, Problem> {
    if SPECIAL_MOST < count {
        let expected = format!("at most {SPECIAL_MOST} special tokens");
        return Err(Problem::new(expected, count.to_string()));
    }
    let mut names: Vec<String> = (0..count).map(|id| format!("<SPECIAL_{id}>")).collect();
    let own = OWN.iter().enumerate().map(|(rank, name)| Special {
        rank,
        token_str: (*name).to_owned(),
    });
    for Special { rank, token_str } in named.unwrap_or_else(|| own.collect()) {
        let slot = names.get_mut(rank);
        let expected = || Problem::new(format!("special tokens below {count}"), rank.to_string());
        *slot.ok_or_else(expected)? = token_str;
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde_json::json;

    use super::*;

    fn refused(size: usize, special: usize, token: &[u8]) -> String {
        let config = json!({"pattern": TEKKEN, "default_vocab_size": size, "default_num_special_tokens": special});
        let token = json!({"rank": 0, "token_bytes": STANDARD.encode(token)});
        let file = json!({"config": config, "vocab": [token]});
        let problem = vocabulary(file.to_string().as_bytes()).unwrap_err();
        format!("{}, found {}", problem.expected, problem.found)
    }

    #[test]
    fn numbers_and_tokens_of_any_size_cost_nothing() {
        let most = usize::MAX;
        let expected = format!("at most 65536 special tokens, found {most}");
        assert_eq!(refused(most, most, b"a"), expected);
        let long = refused(21, 20, &vec![b'a'; 1 << 20]);
        assert!(long.contains("expected at most 1024"), "{long}");
    }
}
