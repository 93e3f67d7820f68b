//! Modules that train whole beside the factors, PEFT's `modules_to_save`: the embedding, the head, norms.
//!
//! They are values of the adapter, in f32, and stand in the place of the decoder's own in the decoder that
//! [`crate::LoraAdapter::decoder`] gives; the decoder itself stays the base model.
//! An embedding with more rows than the decoder's brings a larger vocabulary with it.
//! Projections cannot train whole: that is full fine-tuning.

use burn::module::{Module, Param};
use burn::optim::GradientsParams;
use burn::tensor::{DType, Device, Gradients, Tensor};
use idiolect_kernels::dequantize;
use idiolect_model::{Decoder, ModelConfig, Weights};

use crate::error::wrong;
use crate::paths::{EMBEDDING, HEAD};
use crate::{LoraConfig, LoraError};

/// A norm of a decoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Norm {
    /// Before the attention of a block.
    Attention(usize),
    /// Before the feed-forward part of a block.
    FeedForward(usize),
    /// Of the query heads of a block, in models that norm them.
    Query(usize),
    /// Of the key heads of a block, in models that norm them.
    Key(usize),
    /// Before the head.
    Last,
}

impl Norm {
    /// Its path in a Hugging Face checkpoint.
    #[must_use]
    pub fn path(self) -> String {
        match self {
            Self::Attention(layer) => format!("model.layers.{layer}.input_layernorm"),
            Self::FeedForward(layer) => format!("model.layers.{layer}.post_attention_layernorm"),
            Self::Query(layer) => format!("model.layers.{layer}.self_attn.q_norm"),
            Self::Key(layer) => format!("model.layers.{layer}.self_attn.k_norm"),
            Self::Last => "model.norm".into(),
        }
    }

    /// The block that it belongs to; none of that before the head.
    #[must_use]
    pub fn layer(self) -> Option<usize> {
        match self {
            Self::Attention(layer)
            | Self::FeedForward(layer)
            | Self::Query(layer)
            | Self::Key(layer) => Some(layer),
            Self::Last => None,
        }
    }

    /// How many values it has in a model.
    #[must_use]
    pub fn width(self, model: &ModelConfig) -> usize {
        match self {
            Self::Query(_) | Self::Key(_) => model.head_dim,
            _ => model.hidden_size,
        }
    }

    /// The scale of a decoder that has this norm.
    fn of(self, weights: &mut Weights) -> Option<&mut Param<Tensor<1>>> {
        let layer = self.layer().unwrap_or_default();
        match self {
            Self::Last => Some(&mut weights.norm),
            Self::Attention(_) => Some(&mut weights.blocks[layer].input_norm),
            Self::FeedForward(_) => Some(&mut weights.blocks[layer].post_norm),
            Self::Query(_) => weights.blocks[layer].extras.query_norm.as_mut(),
            Self::Key(_) => weights.blocks[layer].extras.key_norm.as_mut(),
        }
    }

    /// Those of a block.
    fn of_block(model: &ModelConfig, at: usize) -> impl Iterator<Item = Self> + use<> {
        let heads = model
            .switches
            .head_norms
            .then_some([Self::Query(at), Self::Key(at)]);
        let both = [Self::Attention(at), Self::FeedForward(at)];
        both.into_iter().chain(heads.into_iter().flatten())
    }
}

/// Which modules train whole.
pub(crate) struct Chosen {
    pub(crate) embedding: bool,
    pub(crate) head: bool,
    pub(crate) norms: Vec<Norm>,
    /// Whether the embedding is the head as well.
    pub(crate) tied: bool,
}

impl Chosen {
    /// The modules whose paths end as the names say, without a dot between, as PEFT finds them.
    pub(crate) fn new(config: &LoraConfig, model: &ModelConfig) -> Result<Self, LoraError> {
        let blocks = (0..model.num_layers).flat_map(|at| Norm::of_block(model, at));
        let mut norms: Vec<Norm> = blocks.chain([Norm::Last]).collect();
        let names = &config.modules_to_save;
        let ends = |path: &str, name: &String| {
            let path = model.wrapper.module_path(path);
            !name.is_empty() && path.ends_with(name.as_str())
        };
        let known = |name: &String| {
            let norm = norms.iter().any(|norm| ends(&norm.path(), name));
            norm || ends(EMBEDDING, name) || ends(HEAD, name)
        };
        if let Some(name) = names.iter().find(|name| !known(name)) {
            let expected = "embed_tokens, lm_head, norm, or the end of a norm's path";
            return Err(wrong("modules_to_save", expected, format!("{name:?}")));
        }
        let chosen = |path: &str| names.iter().any(|name| ends(path, name));
        norms.retain(|norm| chosen(&norm.path()));
        let (embedding, head) = (chosen(EMBEDDING), chosen(HEAD));
        let tied = config.ensure_weight_tying && model.tied && (embedding || head);
        Ok(Self {
            embedding: embedding || tied,
            head: head && !tied,
            norms,
            tied,
        })
    }
}

/// What stands in the place of a decoder's own modules; a Burn module.
#[derive(Module, Debug, Default)]
pub struct WholeModules {
    /// Word vectors, `[vocab, hidden]`.
    pub embedding: Option<Param<Tensor<2>>>,
    /// The head, `[hidden, vocab]`.
    pub head: Option<Param<Tensor<2>>>,
    /// Scales of norms, `[hidden]` each.
    pub norms: Vec<Param<Tensor<1>>>,
    /// Which norms they are.
    #[module(skip)]
    pub places: Vec<Norm>,
    /// Whether the embedding is the head as well.
    #[module(skip)]
    pub tied: bool,
}

impl WholeModules {
    /// Copies of a decoder's modules, as the configuration chooses them.
    pub(crate) fn new(
        config: &LoraConfig,
        decoder: &Decoder,
        device: &Device,
    ) -> Result<Self, LoraError> {
        let chosen = Chosen::new(config, &decoder.config)?;
        let mut weights = decoder.weights.clone();
        let norm = |norm: &Norm| Some(copied(norm.of(&mut weights)?.val(), device));
        Ok(Self {
            norms: chosen.norms.iter().filter_map(norm).collect(),
            embedding: (chosen.embedding).then(|| copied(decoder.weights.embedding.val(), device)),
            head: chosen.head.then(|| copied(decoder.head(), device)),
            places: chosen.norms,
            tied: chosen.tied,
        })
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.embedding.is_none() && self.head.is_none() && self.norms.is_empty()
    }

    /// Whether the loss must give the gradient of the head's weight: the head trains, or the embedding that
    /// is the head.
    #[must_use]
    pub fn trains_head(&self) -> bool {
        self.head
            .as_ref()
            .is_some_and(|head| head.is_require_grad())
            || (self.tied && self.trains_embedding())
    }

    pub(crate) fn trains_embedding(&self) -> bool {
        let embedding = self.embedding.as_ref();
        embedding.is_some_and(|embedding| embedding.is_require_grad())
    }

    /// The lowest block that a gradient must reach for these modules.
    pub(crate) fn lowest_layer(&self) -> Option<usize> {
        let norms = self.places.iter().filter_map(|norm| norm.layer()).min();
        if self.trains_embedding() {
            Some(0)
        } else {
            norms
        }
    }

    /// Puts the modules in the place of a decoder's own, in the decoder's type.
    pub(crate) fn put_on(&self, decoder: &mut Decoder) {
        let dtype = DType::from(decoder.dtype());
        if let Some(embedding) = &self.embedding {
            if !self.tied && decoder.weights.head.is_none() {
                // As in PEFT, a head that was the embedding stays what it was.
                let head = Param::from_tensor(decoder.head()).set_require_grad(false);
                decoder.weights.head = Some(head);
            }
            decoder.config.vocab_size = embedding.val().dims()[0];
            decoder.weights.embedding = given(embedding, dtype);
        }
        if let Some(head) = &self.head {
            decoder.weights.head = Some(given(head, dtype));
        }
        decoder.config.tied = decoder.weights.head.is_none();
        for (norm, scale) in self.places.iter().zip(&self.norms) {
            if let Some(own) = norm.of(&mut decoder.weights) {
                *own = given(scale, dtype);
            }
        }
    }

    /// Adds the gradients of the norms that a tape holds.
    pub(crate) fn collect_norms(&self, tape: &Gradients, gradients: &mut GradientsParams) {
        for norm in &self.norms {
            register(tape, norm, gradients);
        }
    }

    /// Adds those of the embedding and of the head: `tape` holds the embedding's as the first layer, `head`
    /// is `[hidden, vocab]`.
    pub(crate) fn collect_words(
        &self,
        tape: Option<&Gradients>,
        head: Option<Tensor<2>>,
        gradients: &mut GradientsParams,
    ) {
        let trained = self.embedding.as_ref().filter(|_| self.trains_embedding());
        if let Some(embedding) = trained {
            let seen = tape.and_then(|tape| embedding.val().grad(tape));
            let predicted = head.clone().filter(|_| self.tied).map(Tensor::transpose);
            let both = [seen, predicted].into_iter().flatten();
            if let Some(gradient) = both.reduce(|a, b| a + b) {
                gradients.register(embedding.id, gradient);
            }
        }
        let trained = self.head.as_ref().filter(|head| head.is_require_grad());
        if let (Some(param), Some(gradient)) = (trained, head) {
            gradients.register(param.id, gradient);
        }
    }

    /// The same modules, never to move again.
    pub(crate) fn frozen(self) -> Self {
        self.set_require_grad(false)
    }
}

/// A parameter of a tensor's values, in f32 and in memory of its own.
fn copied<const D: usize>(tensor: Tensor<D>, device: &Device) -> Param<Tensor<D>> {
    let data = dequantize(tensor).into_data();
    Param::from_tensor(Tensor::from_data(data, (device, DType::F32)))
}

fn given<const D: usize>(param: &Param<Tensor<D>>, dtype: DType) -> Param<Tensor<D>> {
    let value = param.val();
    let same = value.dtype() == dtype;
    Param::initialized(param.id, if same { value } else { value.cast(dtype) })
}

/// Moves the gradient that a tape holds of a parameter.
pub(crate) fn register<const D: usize>(
    tape: &Gradients,
    param: &Param<Tensor<D>>,
    gradients: &mut GradientsParams,
) {
    if let Some(gradient) = param.val().grad(tape) {
        gradients.register(param.id, gradient);
    }
}
