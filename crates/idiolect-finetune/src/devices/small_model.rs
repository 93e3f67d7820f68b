//! A decoder of two small blocks with an adapter, the same numbers on every device.

use std::path::Path;

use burn::module::Param;
use burn::tensor::{Device, FloatDType, Tensor, TensorData};
use idiolect_data::Id;
use idiolect_lora::{Factors, LoraAdapter, LoraConfig};
use idiolect_model::{Block, BlockExtras, Decoder, ModelConfig, Weights};
use idiolect_tokens::TokenRow;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::json;

use crate::FineTuneError;

/// Tokens of the only row.
pub(crate) const TOKENS: u32 = 24;

/// A decoder and an adapter whose factors are both away from zero.
pub(crate) struct SmallModel {
    pub(crate) decoder: Decoder,
    pub(crate) adapter: LoraAdapter,
}

impl SmallModel {
    pub(crate) fn new(device: &Device, dtype: FloatDType) -> Result<Self, FineTuneError> {
        let mut random = Draw(ChaCha8Rng::seed_from_u64(0));
        let decoder = random.decoder(device, dtype)?;
        let device = device.clone().autodiff();
        let mut adapter = LoraAdapter::new(&LoraConfig::default(), &decoder, 0, &device)?;
        for factors in &mut adapter.factors {
            random.fill(factors, &device);
        }
        Ok(Self { decoder, adapter })
    }
}

/// A row of which every token but the first is trained.
pub(crate) fn row() -> TokenRow {
    TokenRow {
        id: Id::from(0),
        input_ids: (0..TOKENS).map(|i| i * 7 % 64).collect(),
        labels: (0..TOKENS).map(|i| i64::from(i * 7 % 64)).collect(),
        teacher: Vec::new(),
    }
}

/// Draws numbers from a seed.
struct Draw(ChaCha8Rng);

impl Draw {
    fn decoder(&mut self, device: &Device, dtype: FloatDType) -> Result<Decoder, FineTuneError> {
        let json = json!({
            "model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 64,
            "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4,
            "num_key_value_heads": 2, "max_position_embeddings": 64, "rms_norm_eps": 1e-5,
            "rope_theta": 10000.0, "tie_word_embeddings": true, "hidden_act": "silu",
        });
        let config = ModelConfig::from_json(&json, Path::new("the gradient check's model"))?;
        let sides = [
            (64, 64),
            (64, 32),
            (64, 32),
            (64, 64),
            (64, 96),
            (64, 96),
            (96, 64),
        ];
        let mut place = |shape| self.tensor(shape, device).cast(dtype);
        let ones = || Param::from_tensor(Tensor::<1>::ones([64], device).cast(dtype));
        let mut block = || Block {
            input_norm: ones(),
            post_norm: ones(),
            projections: sides
                .map(|(rows, columns)| Param::from_tensor(place([rows, columns])))
                .into(),
            extras: BlockExtras::default(),
        };
        let blocks = vec![block(), block()];
        let weights = Weights {
            embedding: Param::from_tensor(self.tensor([64, 64], device).cast(dtype)),
            blocks,
            norm: ones(),
            head: None,
        };
        Ok(Decoder::new(config, weights))
    }

    fn fill(&mut self, factors: &mut Factors, device: &Device) {
        for param in [&mut factors.a, &mut factors.b] {
            let shape = param.val().dims();
            let value = self.tensor(shape, device);
            *param = Param::from_tensor(value);
        }
    }

    fn tensor(&mut self, shape: [usize; 2], device: &Device) -> Tensor<2> {
        let count = shape[0] * shape[1];
        let values: Vec<f32> = (0..count).map(|_| self.0.random_range(-0.3..0.3)).collect();
        Tensor::from_data(TensorData::new(values, shape), device)
    }
}
