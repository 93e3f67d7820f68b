//! The encoder of BERT (J. Devlin et al., arXiv 1810.04805): embeddings, then blocks of attention and
//! feed-forward, a layer norm after each.
//!
//! It knows ids and a mask; text and pooling are in `embedder.rs`.

use burn::tensor::{Int, Tensor, TensorData, activation};

use crate::EmbedError;
use crate::config::Config;
use crate::weights::Weights;

/// An affine map.
#[derive(Debug, Clone)]
struct Linear {
    /// `[in, out]`, the transpose of the checkpoint's.
    weight: Tensor<2>,
    bias: Tensor<1>,
}

impl Linear {
    fn read(
        weights: &Weights,
        name: &str,
        [input, output]: [usize; 2],
    ) -> Result<Self, EmbedError> {
        let weight = weights.get(&format!("{name}.weight"), [output, input])?;
        Ok(Self {
            weight: weight.transpose(),
            bias: weights.get(&format!("{name}.bias"), [output])?,
        })
    }

    fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let [rows, tokens, width] = x.dims();
        let flat = x.reshape([rows * tokens, width]);
        let out = flat.matmul(self.weight.clone()) + self.bias.clone().unsqueeze();
        let [_, width] = out.dims();
        out.reshape([rows, tokens, width])
    }
}

/// A norm over the last axis.
#[derive(Debug, Clone)]
struct LayerNorm {
    scale: Tensor<1>,
    bias: Tensor<1>,
    eps: f64,
}

impl LayerNorm {
    fn read(weights: &Weights, name: &str, config: &Config) -> Result<Self, EmbedError> {
        Ok(Self {
            scale: weights.get(&format!("{name}.weight"), [config.hidden_size])?,
            bias: weights.get(&format!("{name}.bias"), [config.hidden_size])?,
            eps: config.layer_norm_eps,
        })
    }

    fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let centred = x.clone() - x.mean_dim(2);
        let variance = centred.clone().square().mean_dim(2);
        let normed = centred / (variance + self.eps).sqrt();
        normed * self.scale.clone().unsqueeze() + self.bias.clone().unsqueeze()
    }
}

#[derive(Debug, Clone)]
struct Block {
    query: Linear,
    key: Linear,
    value: Linear,
    output: Linear,
    attention_norm: LayerNorm,
    up: Linear,
    down: Linear,
    norm: LayerNorm,
    heads: usize,
}

impl Block {
    fn read(weights: &Weights, layer: usize, config: &Config) -> Result<Self, EmbedError> {
        let (hidden, wide) = (config.hidden_size, config.intermediate_size);
        let name = |part: &str| format!("encoder.layer.{layer}.{part}");
        let linear = |part: &str, shape| Linear::read(weights, &name(part), shape);
        let norm = |part: &str| LayerNorm::read(weights, &name(part), config);
        Ok(Self {
            query: linear("attention.self.query", [hidden, hidden])?,
            key: linear("attention.self.key", [hidden, hidden])?,
            value: linear("attention.self.value", [hidden, hidden])?,
            output: linear("attention.output.dense", [hidden, hidden])?,
            attention_norm: norm("attention.output.LayerNorm")?,
            up: linear("intermediate.dense", [hidden, wide])?,
            down: linear("output.dense", [wide, hidden])?,
            norm: norm("output.LayerNorm")?,
            heads: config.num_attention_heads,
        })
    }

    fn forward(&self, x: Tensor<3>, mask: &Tensor<4>) -> Tensor<3> {
        let attended = self.output.forward(self.attend(x.clone(), mask));
        let x = self.attention_norm.forward(x + attended);
        let wide = activation::gelu(self.up.forward(x.clone()));
        self.norm.forward(x + self.down.forward(wide))
    }

    fn attend(&self, x: Tensor<3>, mask: &Tensor<4>) -> Tensor<3> {
        let [rows, tokens, hidden] = x.dims();
        let width = hidden / self.heads;
        let split = |map: &Linear| {
            let out = map.forward(x.clone());
            out.reshape([rows, tokens, self.heads, width])
                .swap_dims(1, 2)
        };
        let query = split(&self.query).div_scalar((width as f64).sqrt());
        let scores = query.matmul(split(&self.key).swap_dims(2, 3)) + mask.clone();
        let mixed = activation::softmax(scores, 3).matmul(split(&self.value));
        mixed.swap_dims(1, 2).reshape([rows, tokens, hidden])
    }
}

/// A BERT encoder.
#[derive(Debug, Clone)]
pub(crate) struct Encoder {
    words: Tensor<2>,
    /// Positions, with the vector of the first segment added: there is no second one here.
    positions: Tensor<2>,
    norm: LayerNorm,
    blocks: Vec<Block>,
}

impl Encoder {
    pub(crate) fn read(weights: &Weights, config: &Config) -> Result<Self, EmbedError> {
        let hidden = config.hidden_size;
        let table = |name: &str, rows| {
            weights.get(
                &format!("embeddings.{name}_embeddings.weight"),
                [rows, hidden],
            )
        };
        let segments: Tensor<2> = table("token_type", config.type_vocab_size)?;
        let positions = table("position", config.max_position_embeddings)?;
        let blocks = 0..config.num_hidden_layers;
        Ok(Self {
            words: table("word", config.vocab_size)?,
            positions: positions + segments.narrow(0, 0, 1),
            norm: LayerNorm::read(weights, "embeddings.LayerNorm", config)?,
            blocks: blocks
                .map(|layer| Block::read(weights, layer, config))
                .collect::<Result<_, _>>()?,
        })
    }

    /// Ids that have an embedding.
    pub(crate) fn vocabulary(&self) -> usize {
        let [ids, _] = self.words.dims();
        ids
    }

    /// Hidden states of the last block.
    ///
    /// # Shapes
    ///
    /// - `ids`: `rows * tokens` of them, padded on the right
    /// - `mask`: as many, 1 at a token and 0 at padding
    /// - result: `[rows, tokens, hidden]`
    pub(crate) fn forward(&self, ids: Vec<i64>, mask: &Tensor<2>) -> Tensor<3> {
        let ([rows, tokens], device) = (mask.dims(), mask.device());
        let data = TensorData::new(ids, [rows * tokens]);
        let ids: Tensor<1, Int> = Tensor::from_data(data, &device);
        let [_, hidden] = self.words.dims();
        let words = self
            .words
            .clone()
            .select(0, ids)
            .reshape([rows, tokens, hidden]);
        let positions = self.positions.clone().narrow(0, 0, tokens);
        let mut x = self.norm.forward(words + positions.unsqueeze());
        // Far below every score, so that padding gets no weight.
        let hidden_from = (mask.clone() - 1.0).mul_scalar(1e9);
        let hidden_from: Tensor<4> = hidden_from.reshape([rows, 1, 1, tokens]);
        for block in &self.blocks {
            x = block.forward(x, &hidden_from);
        }
        x
    }
}
