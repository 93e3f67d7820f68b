//! The tokenizer of a GGUF file as raw lists; building a tokenizer from them, or them from one, is not done here.

use super::metadata::Metadata;
use crate::ModelError;

/// Tokenizer metadata of a GGUF file (`tokenizer.ggml.*`), in the order and with the values of the file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct VocabularyMetadata {
    /// Kind of tokenizer: `gpt2` is byte-level BPE, `llama` is sentencepiece.
    pub model: String,
    /// Name of the pre-tokenizer's pattern, for example `llama-bpe` or `smollm`.
    pub pre: Option<String>,
    /// Texts of all tokens; a token's index is its id.
    pub tokens: Vec<String>,
    /// Score of each token; empty for byte-level BPE.
    pub scores: Vec<f32>,
    /// Type of each token: 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte; may be empty.
    pub token_types: Vec<i32>,
    /// Merges of byte-level BPE in the order in which they apply, each two texts with a space between.
    pub merges: Vec<String>,
    /// Token that begins a text.
    pub bos: Option<u32>,
    /// Token that ends a text.
    pub eos: Option<u32>,
    /// Token that ends a turn, where it is another.
    pub eot: Option<u32>,
    /// Token that ends a message to a tool, where it is another.
    pub eom: Option<u32>,
    /// Token that fills a row.
    pub pad: Option<u32>,
    /// Token for text that no other token covers.
    pub unk: Option<u32>,
    /// Whether encoding puts `bos` first; `None` leaves it to the kind of tokenizer.
    pub add_bos: Option<bool>,
    /// Whether encoding puts `eos` last.
    pub add_eos: Option<bool>,
    /// Whether encoding puts a space before the text.
    pub add_space_prefix: Option<bool>,
    /// Jinja source of the chat template.
    pub chat_template: Option<String>,
}

/// Collects the vocabulary of a file.
pub(super) fn read(of: &Metadata<'_>) -> Result<VocabularyMetadata, ModelError> {
    let key = |name: &str| format!("tokenizer.ggml.{name}");
    let model = of.text(&key("model"))?;
    let tokens = of.list(&key("tokens"), |value| value.as_str().map(Into::into))?;
    if tokens.is_empty() {
        return Err(of.wrong(&key("tokens"), "a list of texts", &"nothing"));
    }
    Ok(VocabularyMetadata {
        model: model.ok_or_else(|| of.wrong(&key("model"), "a name", &"nothing"))?,
        pre: of.text(&key("pre"))?,
        tokens,
        // Scores are stored as f32 and come back as the same f32.
        #[allow(clippy::cast_possible_truncation)]
        scores: of.list(&key("scores"), |value| {
            value.as_f64().map(|score| score as f32)
        })?,
        token_types: of.list(&key("token_type"), |value| value.as_i64()?.try_into().ok())?,
        merges: of.list(&key("merges"), |value| value.as_str().map(Into::into))?,
        bos: of.id("bos")?,
        eos: of.id("eos")?,
        eot: of.id("eot")?,
        eom: of.id("eom")?,
        pad: of.id("padding")?,
        unk: of.id("unknown")?,
        add_bos: of.flag(&key("add_bos_token"))?,
        add_eos: of.flag(&key("add_eos_token"))?,
        add_space_prefix: of.flag(&key("add_space_prefix"))?,
        chat_template: of.text("tokenizer.chat_template")?,
    })
}
