//! Folders in their vendors' own forms: Mistral's `params.json` and `tekken.json`, `SentencePiece`'s and tiktoken's
//! `tokenizer.model`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::Good;
use super::model::{HEAD, HIDDEN, INTER, VOCABULARY, shapes};

/// The pattern of Mistral's tokenizers.
const PATTERN: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const SPECIAL: [&str; 3] = ["<unk>", "<s>", "</s>"];
/// Pieces beside the bytes; a letter and those that are made of others.
const PIECES: [&str; 10] = [
    "\u{2581}",
    "S",
    "a",
    "y",
    "1",
    "i",
    "t",
    "is",
    "it",
    "\u{2581}it",
];

impl Good {
    pub(super) fn vendors(&self) {
        self.native();
        self.write("sentence/tokenizer.model", sentence_piece());
        let lines = (0..128_000).map(|rank| format!("{} {rank}\n", STANDARD.encode(token(rank))));
        self.write("tiktoken/tokenizer.model", lines.collect::<String>());
    }

    fn native(&self) {
        let params = json!({
            "dim": HIDDEN, "n_layers": 1, "head_dim": HEAD, "hidden_dim": INTER, "n_heads": 2, "n_kv_heads": 1,
            "norm_eps": 1e-5, "vocab_size": VOCABULARY, "rope_theta": 10000.0, "sliding_window": null,
            "max_seq_len": 256, "tied_embeddings": true,
        });
        self.json("native/params.json", &params);
        let own = shapes()
            .into_iter()
            .map(|(name, shape)| (own_name(&name), shape));
        self.weights("native/consolidated.safetensors", &own.collect::<Vec<_>>());
        let special = SPECIAL.iter().enumerate();
        let special: Vec<Value> = special
            .map(|(rank, text)| json!({"rank": rank, "token_str": text, "is_control": true}))
            .collect();
        let vocabulary = (0..VOCABULARY - SPECIAL.len()).map(|rank| {
            json!({"rank": rank, "token_bytes": STANDARD.encode(token(rank)), "token_str": null})
        });
        let config = json!({
            "pattern": PATTERN, "num_vocab_tokens": VOCABULARY, "default_vocab_size": VOCABULARY,
            "default_num_special_tokens": SPECIAL.len(), "version": "v3",
        });
        let tekken = json!({
            "config": config, "vocab": vocabulary.collect::<Vec<_>>(), "special_tokens": special,
        });
        self.json("native/tekken.json", &tekken);
    }
}

/// The name of a tensor in a native folder.
fn own_name(name: &str) -> String {
    let names = [
        ("model.", ""),
        ("embed_tokens", "tok_embeddings"),
        ("self_attn.q_proj", "attention.wq"),
        ("self_attn.k_proj", "attention.wk"),
        ("self_attn.v_proj", "attention.wv"),
        ("self_attn.o_proj", "attention.wo"),
        ("mlp.gate_proj", "feed_forward.w1"),
        ("mlp.down_proj", "feed_forward.w2"),
        ("mlp.up_proj", "feed_forward.w3"),
        ("input_layernorm", "attention_norm"),
        ("post_attention_layernorm", "ffn_norm"),
    ];
    let name = name.replace("post_attention_layernorm", "ffn_norm");
    names
        .iter()
        .fold(name, |name, (from, to)| name.replace(from, to))
}

/// A token of bytes: every byte, then every pair of them, and so on.
fn token(rank: usize) -> Vec<u8> {
    let (mut first, mut length) = (0, 1);
    while rank >= first + 256_usize.pow(length) {
        first += 256_usize.pow(length);
        length += 1;
    }
    let bytes = (rank - first).to_be_bytes();
    bytes[bytes.len() - length as usize..].to_vec()
}

/// A BPE model of bytes and a few pieces, in Protocol Buffers.
fn sentence_piece() -> Vec<u8> {
    let bytes = VOCABULARY - SPECIAL.len() - PIECES.len();
    let special = SPECIAL.iter().enumerate();
    let special = special.map(|(at, text)| piece(text, 0.0, if at == 0 { 2 } else { 3 }));
    let bytes = (0..bytes).map(|byte| piece(&format!("<0x{byte:02X}>"), 0.0, 6));
    let pieces = PIECES.iter().zip(1_u8..);
    let pieces = pieces.map(|(text, at)| piece(text, -f32::from(at), 1));
    let trainer = [
        &number(3, 2)[..],
        &number(40, 0),
        &number(41, 1),
        &number(42, 2),
    ]
    .concat();
    let normalizer = [number(3, 1), number(4, 0)].concat();
    let pieces: Vec<u8> = special.chain(bytes).chain(pieces).flatten().collect();
    [pieces, message(2, &trainer), message(3, &normalizer)].concat()
}

fn piece(text: &str, score: f32, kind: u8) -> Vec<u8> {
    let score = [&[2 << 3 | 5][..], &score.to_le_bytes()].concat();
    message(
        1,
        &[message(1, text.as_bytes()), score, number(3, kind)].concat(),
    )
}

/// A field of bytes, fewer than 128 of them.
fn message(field: u8, bytes: &[u8]) -> Vec<u8> {
    let length = u8::try_from(bytes.len()).unwrap();
    assert!(length < 128);
    [&[field << 3 | 2, length], bytes].concat()
}

/// A field of a number below 128.
fn number(field: u16, value: u8) -> Vec<u8> {
    let key = field << 3;
    let low = u8::try_from(key & 0x7F).unwrap();
    match u8::try_from(key >> 7).unwrap() {
        0 => vec![low, value],
        high => vec![low | 0x80, high, value],
    }
}
