//! A Llama decoder as a user of Burn writes it: layers of `burn::nn`, adapters by `Module::apply_lora`.
//!
//! The yardstick of our blocks, made of the same weights; attention and rotary positions are written out,
//! as in `burn::nn`'s own multi-head attention. It has no embedding, no head, and as many key as query
//! heads.

use burn::module::{Lora, Module, Param, ParamGroup};
use burn::nn::{Linear, RmsNorm};
use burn::tensor::{Bool, Device, Distribution, Int, Tensor, activation};
use idiolect_model::{Block, BlockExtras, ModelConfig, Projection, Weights};

/// One block.
#[derive(Module, Debug)]
pub(crate) struct PeerBlock {
    input_norm: RmsNorm,
    post_norm: RmsNorm,
    /// The projections, in the order of [`Projection::ALL`].
    pub(crate) projections: Vec<Linear>,
    heads: usize,
    theta: f64,
}

/// Blocks and the last norm.
#[derive(Module, Debug)]
pub(crate) struct Peer {
    /// From the embedding to the head.
    pub(crate) blocks: Vec<PeerBlock>,
    norm: RmsNorm,
}

/// Random weights for a configuration.
pub(crate) fn weights(config: &ModelConfig, device: &Device) -> Weights {
    device.seed(7);
    let matrix = |shape: [usize; 2]| {
        let most = (3.0 / shape[0] as f64).sqrt();
        let drawn = Tensor::random(shape, Distribution::Uniform(-most, most), device);
        Param::from_tensor(drawn).set_require_grad(false)
    };
    let scale = || {
        let drawn = Distribution::Uniform(0.5, 1.5);
        Param::from_tensor(Tensor::random([config.hidden_size], drawn, device))
            .set_require_grad(false)
    };
    let block = |_| Block {
        input_norm: scale(),
        post_norm: scale(),
        projections: Projection::ALL
            .map(|projection| matrix(config.projection_shape(projection)))
            .into(),
        extras: BlockExtras::default(),
    };
    Weights {
        embedding: matrix([config.vocab_size, config.hidden_size]),
        blocks: (0..config.num_layers).map(block).collect(),
        norm: scale(),
        head: None,
    }
}

impl Peer {
    /// The same weights in Burn's layers, with adapters of rank `rank` at `targets`.
    pub(crate) fn new(
        config: &ModelConfig,
        weights: &Weights,
        (rank, alpha): (usize, f64),
        targets: &[Projection],
    ) -> Self {
        let norm = |scale: &Param<Tensor<1>>| RmsNorm {
            gamma: Param::from_tensor(scale.val().autodiff()),
            epsilon: config.norm_eps,
        };
        let linear = |weight: &Param<Tensor<2>>| Linear {
            weight: Param::from_tensor(weight.val().autodiff()),
            bias: None,
        };
        let block = |block: &Block| PeerBlock {
            input_norm: norm(&block.input_norm),
            post_norm: norm(&block.post_norm),
            projections: block.projections.iter().map(linear).collect(),
            heads: config.num_heads,
            theta: config.rope_theta,
        };
        let peer = Self {
            blocks: weights.blocks.iter().map(block).collect(),
            norm: norm(&weights.norm),
        };
        let paths = (0..config.num_layers).flat_map(|layer| {
            let path =
                |at: &Projection| format!("blocks.{layer}.projections.{}.weight", *at as usize);
            targets.iter().map(path).collect::<Vec<String>>()
        });
        let group = ParamGroup::from_paths(paths.collect());
        peer.apply_lora(Lora::new(rank, alpha).set_param_group(group))
    }

    /// `[rows, tokens, hidden]` to the same shape, after the last norm.
    pub(crate) fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let x = self.blocks.iter().fold(x, |x, block| block.forward(x));
        self.norm.forward(x)
    }
}

impl PeerBlock {
    fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let x = x.clone() + self.attention(self.input_norm.forward(x));
        x.clone() + self.feed_forward(self.post_norm.forward(x))
    }

    fn project(&self, at: Projection, x: Tensor<3>) -> Tensor<3> {
        self.projections[at as usize].forward(x)
    }

    fn feed_forward(&self, x: Tensor<3>) -> Tensor<3> {
        let gate = activation::silu(self.project(Projection::Gate, x.clone()));
        let up = self.project(Projection::Up, x);
        self.project(Projection::Down, gate * up)
    }

    fn attention(&self, x: Tensor<3>) -> Tensor<3> {
        let [rows, tokens, width] = x.dims();
        let head = width / self.heads;
        let split = |x: Tensor<3>| x.reshape([rows, tokens, self.heads, head]).swap_dims(1, 2);
        let q = self.rotate(split(self.project(Projection::Query, x.clone())));
        let k = self.rotate(split(self.project(Projection::Key, x.clone())));
        let v = split(self.project(Projection::Value, x));
        let scores = q.matmul(k.swap_dims(2, 3)) / (head as f64).sqrt();
        let mask = Tensor::<2, Bool>::tril_mask([tokens, tokens], 0, &scores.device());
        let scores = scores.mask_fill(mask.unsqueeze::<4>(), f32::NEG_INFINITY);
        let mixed = activation::softmax(scores, 3).matmul(v);
        let merged = mixed.swap_dims(1, 2).reshape([rows, tokens, width]);
        self.project(Projection::Output, merged)
    }

    /// Rotary positions, the halves of a head as pairs.
    fn rotate(&self, x: Tensor<4>) -> Tensor<4> {
        let [_, _, tokens, width] = x.dims();
        let device = x.device();
        let steps = |n| Tensor::<1, Int>::arange(0..i64::try_from(n).unwrap_or(0), &device).float();
        let power = steps(width / 2) * (-2.0 * self.theta.ln() / width as f64);
        let angles = steps(tokens).unsqueeze_dim::<2>(1) * power.exp().unsqueeze_dim::<2>(0);
        let angles: Tensor<4> = Tensor::cat(vec![angles.clone(), angles], 1).unsqueeze();
        let halves = x.clone().chunk(2, 3);
        let turned = Tensor::cat(vec![halves[1].clone().neg(), halves[0].clone()], 3);
        x * angles.clone().cos() + turned * angles.sin()
    }
}
