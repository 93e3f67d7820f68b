//! Segments to token ids and loss mask, through tokenizer.json.
