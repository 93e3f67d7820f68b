//! What the backward pass computes again of a block, whichever of its projections are adapted: the gradients are those
//! of a pass in which the whole block is computed again, where other tensors are on the tape.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use idiolect_lora::{Checkpointing, LoraAdapter, LoraConfig, Targets, adapter_gradients};
use idiolect_model::{Decoder, Projection};
use idiolect_testkit::Nudge;

use crate::tiny::{batch, tiny};

/// The gradients of all factors, one behind the other.
fn gradients(decoder: &Decoder, adapter: &LoraAdapter, checkpointing: Checkpointing) -> Vec<f32> {
    let head = |hidden: Tensor<2>| Ok::<_, ()>(hidden.clone() * hidden);
    let found = adapter_gradients(decoder, adapter, &batch(3), checkpointing, head).unwrap();
    let of = |id| {
        let gradient = found.get::<2>(id).expect("a gradient");
        gradient.into_data().iter::<f32>().collect::<Vec<_>>()
    };
    let factors = adapter.factors.iter();
    factors
        .flat_map(|factors| [of(factors.a.id), of(factors.b.id)])
        .flatten()
        .collect()
}

#[test]
fn every_projection_alone_and_all_have_the_gradients_of_blocks_computed_twice() {
    let Some(decoder) = tiny() else { return };
    let last = decoder.config.num_layers - 1;
    let one = |projection: Projection| Targets::Names(vec![projection.name().to_owned()]);
    let every = Projection::ALL
        .map(one)
        .into_iter()
        .chain([Targets::AllLinear]);
    for targets in every {
        // In the lowest adapted block what stands below the projection is on no tape.
        for layers in [None, Some(vec![last])] {
            for dropout in [0.0, 0.3] {
                let config = LoraConfig {
                    targets: targets.clone(),
                    layers: layers.clone(),
                    dropout,
                    ..LoraConfig::default()
                };
                let device = Device::flex().autodiff();
                let adapter = LoraAdapter::new(&config, &decoder, 1, &device).unwrap();
                let adapter = adapter.map(&mut Nudge(0.0)).train();
                let kept = gradients(&decoder, &adapter, Checkpointing::Off);
                let again = gradients(&decoder, &adapter, Checkpointing::Blocks);
                assert!(kept.iter().any(|gradient| *gradient != 0.0));
                assert_eq!(kept, again, "{targets:?}, {layers:?}, dropout {dropout}");
            }
        }
    }
}
