//! The vocabulary as metadata, the mirror of what `gguf/vocabulary.rs` reads.

use super::GgufValue;
use crate::gguf::VocabularyMetadata;

impl VocabularyMetadata {
    /// Keys and values of a file.
    #[must_use]
    pub fn into_metadata(self) -> Vec<(String, GgufValue)> {
        let lists = [
            (
                "scores",
                (!self.scores.is_empty()).then_some(GgufValue::F32s(self.scores)),
            ),
            (
                "token_type",
                (!self.token_types.is_empty()).then_some(GgufValue::I32s(self.token_types)),
            ),
            (
                "merges",
                (!self.merges.is_empty()).then_some(GgufValue::Texts(self.merges)),
            ),
        ];
        let own = [
            ("model", Some(GgufValue::Text(self.model))),
            ("pre", self.pre.map(GgufValue::Text)),
            ("tokens", Some(GgufValue::Texts(self.tokens))),
            ("bos_token_id", self.bos.map(GgufValue::U32)),
            ("eos_token_id", self.eos.map(GgufValue::U32)),
            ("eot_token_id", self.eot.map(GgufValue::U32)),
            ("eom_token_id", self.eom.map(GgufValue::U32)),
            ("padding_token_id", self.pad.map(GgufValue::U32)),
            ("unknown_token_id", self.unk.map(GgufValue::U32)),
            ("add_bos_token", self.add_bos.map(GgufValue::Bool)),
            ("add_eos_token", self.add_eos.map(GgufValue::Bool)),
            (
                "add_space_prefix",
                self.add_space_prefix.map(GgufValue::Bool),
            ),
        ];
        let own = own.into_iter().chain(lists);
        let named = own.filter_map(|(key, value)| Some((format!("tokenizer.ggml.{key}"), value?)));
        let template = self.chat_template.map(GgufValue::Text);
        let template = template.map(|source| ("tokenizer.chat_template".to_owned(), source));
        named.chain(template).collect()
    }
}
