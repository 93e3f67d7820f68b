//! Sizes of models whose speed is known elsewhere, and decoders of those sizes with random weights, made on
//! the device.

use std::path::Path;

use burn::module::Param;
use burn::tensor::{DType, Device, Distribution, FloatDType, Tensor};
use idiolect::model::{Block, BlockExtras, Decoder, ModelConfig, Weights};
use idiolect_kernels::is_gpu;
use idiolect_testkit::device;
use serde_json::json;

/// Spread of the weights, as checkpoints begin.
const SPREAD: f64 = 0.02;

/// A model's sizes and the work that is timed on it.
#[derive(Debug, Clone)]
pub(super) struct Shape {
    pub(super) name: &'static str,
    pub(super) config: ModelConfig,
    pub(super) dtype: FloatDType,
    /// Rows and tokens of a training step.
    pub(super) step: (usize, usize),
    /// Tokens of a prompt and of what follows.
    pub(super) text: (usize, usize),
    /// Timed repeats after a warm-up.
    pub(super) repeats: usize,
    /// Steps over which memory must stay flat; none where they would take an hour.
    pub(super) steady: usize,
}

impl Shape {
    /// The one that `IDIOLECT_SPEED` names; without it the cases are skipped, and say so.
    pub(super) fn asked() -> Option<Self> {
        let Ok(name) = std::env::var("IDIOLECT_SPEED") else {
            println!("skipped: IDIOLECT_SPEED names no shape (tiny, small, llama2-7b, llama3-8b)");
            return None;
        };
        Some(match name.as_str() {
            "tiny" => Self {
                dtype: FloatDType::F32,
                step: (2, 32),
                text: (16, 8),
                repeats: 2,
                steady: 100,
                ..Self::new("tiny", [256, 64, 96, 2, 4, 2], 1e4)
            },
            "small" => Self {
                step: (8, 256),
                steady: 500,
                ..Self::new("small", [32_000, 512, 1408, 4, 8, 8], 1e4)
            },
            "llama2-7b" => Self::new("llama2-7b", [32_000, 4096, 11_008, 32, 32, 32], 1e4),
            "llama3-8b" => Self::new("llama3-8b", [128_256, 4096, 14_336, 32, 32, 8], 5e5),
            other => panic!("IDIOLECT_SPEED: no shape {other}"),
        })
    }

    /// Vocabulary, hidden width, feed-forward width, blocks, heads, key heads.
    fn new(name: &'static str, sizes: [usize; 6], theta: f64) -> Self {
        let [vocab, hidden, wide, layers, heads, kv_heads] = sizes;
        let json = json!({
            "model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": vocab,
            "hidden_size": hidden, "intermediate_size": wide, "num_hidden_layers": layers,
            "num_attention_heads": heads, "num_key_value_heads": kv_heads,
            "max_position_embeddings": 4096, "rms_norm_eps": 1e-5, "rope_theta": theta,
            "tie_word_embeddings": false, "hidden_act": "silu",
        });
        let has = device().unwrap().supports_dtype(DType::BF16);
        Self {
            name,
            config: ModelConfig::from_json(&json, Path::new(name)).expect("a configuration"),
            dtype: if has {
                FloatDType::BF16
            } else {
                FloatDType::F32
            },
            step: (8, 1024),
            text: (512, 128),
            repeats: 5,
            steady: 0,
        }
    }

    /// A decoder with random weights.
    pub(super) fn decoder(&self) -> Decoder {
        let (config, device) = (&self.config, device().unwrap());
        // In the order in which a checkpoint's weights lie on the device.
        let matrix = |rows, columns| {
            Param::from_tensor(if is_gpu(&device) {
                self.drawn([columns, rows], &device).transpose()
            } else {
                self.drawn([rows, columns], &device)
            })
        };
        let ones = || {
            let ones = Tensor::<1>::ones([config.hidden_size], &device);
            Param::from_tensor(ones.cast(self.dtype))
        };
        let block = |_| Block {
            input_norm: ones(),
            post_norm: ones(),
            projections: sides(config)
                .map(|[rows, columns]| matrix(rows, columns))
                .into(),
            extras: BlockExtras::default(),
        };
        let weights = Weights {
            embedding: Param::from_tensor(
                self.drawn([config.vocab_size, config.hidden_size], &device),
            ),
            blocks: (0..config.num_layers).map(block).collect(),
            norm: ones(),
            head: Some(matrix(config.hidden_size, config.vocab_size)),
        };
        Decoder::new(config.clone(), weights)
    }

    /// Random numbers in the shape's type.
    pub(super) fn drawn<const D: usize>(&self, dims: [usize; D], device: &Device) -> Tensor<D> {
        let spread = Distribution::Normal(0.0, SPREAD);
        let drawn: Tensor<D> = Tensor::random(dims, spread, device);
        drawn.cast(self.dtype)
    }

    /// Floating-point operations that a token of a `LoRA` step needs at the least: with `n` weights in
    /// projections and head, and attention over `s` keys, `2 n + 4 s w l` in the forward pass, and in the backward
    /// as much for the products with weights, which are frozen, and twice as much for attention (`w` the width
    /// of all queries, `l` the number of blocks). Neither what is computed twice, nor masks, nor the adapter
    /// counts.
    pub(super) fn flops_per_token(&self) -> f64 {
        let config = &self.config;
        let block: usize = sides(config)
            .iter()
            .map(|[rows, columns]| rows * columns)
            .sum();
        let weights = config.num_layers * block + config.hidden_size * config.vocab_size;
        let scores = self.step.1 * config.query_width() * config.num_layers;
        4.0 * weights as f64 + 12.0 * scores as f64
    }
}

/// Rows and columns of a block's projections.
fn sides(config: &ModelConfig) -> [[usize; 2]; 7] {
    let (hidden, wide) = (config.hidden_size, config.intermediate_size);
    let (query, kv) = (config.query_width(), config.kv_width());
    [
        [hidden, query],
        [hidden, kv],
        [hidden, kv],
        [query, hidden],
        [hidden, wide],
        [hidden, wide],
        [wide, hidden],
    ]
}
