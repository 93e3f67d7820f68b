//! The tensors that a configuration asks for.

use crate::block::{KEY_NORM, QUERY_NORM, bias_name, biased};
use crate::{ModelConfig, Projection};

/// The name of a tensor that a configuration asks for, and its shape on disk.
pub(crate) struct TensorSpec {
    pub(crate) name: String,
    pub(crate) shape: Vec<usize>,
}

/// Every tensor of an architecture, in the order of computation.
pub(crate) fn tensor_specs(config: &ModelConfig) -> Vec<TensorSpec> {
    let spec = |name: String, shape: &[usize]| TensorSpec {
        name,
        shape: shape.into(),
    };
    let (vocab, hidden) = (config.vocab_size, config.hidden_size);
    let mut all = vec![spec("model.embed_tokens.weight".into(), &[vocab, hidden])];
    for layer in 0..config.num_layers {
        let block = format!("model.layers.{layer}");
        all.push(spec(format!("{block}.input_layernorm.weight"), &[hidden]));
        all.push(spec(
            format!("{block}.post_attention_layernorm.weight"),
            &[hidden],
        ));
        all.extend(Projection::ALL.into_iter().map(|projection| {
            let [input, output] = config.projection_shape(projection);
            spec(
                format!("{block}.{}.weight", projection.path()),
                &[output, input],
            )
        }));
        let biases = biased(&config.switches).into_iter();
        all.extend(biases.map(|projection| {
            let [_, output] = config.projection_shape(projection);
            spec(format!("{block}.{}", bias_name(projection)), &[output])
        }));
        let norms = [QUERY_NORM, KEY_NORM]
            .into_iter()
            .filter(|_| config.switches.head_norms);
        all.extend(norms.map(|name| spec(format!("{block}.{name}"), &[config.head_dim])));
    }
    all.push(spec("model.norm.weight".into(), &[hidden]));
    if !config.tied {
        all.push(spec("lm_head.weight".into(), &[vocab, hidden]));
    }
    all
}
