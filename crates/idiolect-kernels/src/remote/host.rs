//! The steps as a process serves them that lends a device: each message is answered by the device's own step.

use burn::backend::DispatchDevice;
use burn::server::RemoteServer;
use burn::tensor::{Device, TensorData};
use burn_remote::ir::{BackendIr, CustomOpIr, HandleContainer};
use burn_router::CustomOpRegistry;

use super::about::About;
use super::losses::Losses;
use super::names;
use crate::extension::attention::{AttentionInputs, Kept};
use crate::extension::backend::Steps;

/// Has a server of one device answer the steps too; a server of Burn alone would end a session that asks for one.
///
/// `free` gives the bytes that programs may still take on the device, where that is known.
///
/// # Errors
///
/// The server comes back where this program has no steps for the device's backend.
pub fn with_steps(
    server: RemoteServer,
    device: &Device,
    free: impl Fn() -> Option<usize> + Send + Sync + 'static,
) -> Result<RemoteServer, RemoteServer> {
    match device.clone().inner().as_dispatch() {
        #[cfg(feature = "flex")]
        DispatchDevice::Flex(_) => {
            let about = move || About::new(true, free());
            Ok(server.with_custom_ops(answers::<burn::backend::Flex>(about)))
        }
        #[cfg(feature = "cube")]
        DispatchDevice::Cube(_) => {
            let about = move || About::new(false, free());
            Ok(server.with_custom_ops(answers::<burn::backend::Cube>(about)))
        }
        _ => {
            let _ = free;
            Err(server)
        }
    }
}

/// The tensors of a message.
struct Message<'a, B: BackendIr> {
    tensors: &'a mut HandleContainer<B::Handle>,
    step: &'a CustomOpIr,
}

impl<B: BackendIr> Message<'_, B> {
    fn floats<const N: usize>(&mut self) -> [B::FloatTensorPrimitive; N] {
        std::array::from_fn(|at| self.tensors.get_float_tensor::<B>(&self.step.inputs[at]))
    }

    fn ints(&mut self, at: usize) -> B::IntTensorPrimitive {
        self.tensors.get_int_tensor::<B>(&self.step.inputs[at])
    }

    /// The queries, keys and values that stand from an input on, and what is visible behind them.
    fn attention(&mut self, from: usize) -> AttentionInputs<B> {
        let [q, k, v] = [0, 1, 2].map(|at| {
            let input = &self.step.inputs[from + at];
            self.tensors.get_float_tensor::<B>(input)
        });
        let visible = self.ints(from + 3);
        AttentionInputs { q, k, v, visible }
    }

    fn number(&self) -> f64 {
        self.step.scalars[0].elem()
    }

    fn answer(&mut self, results: impl IntoIterator<Item = B::FloatTensorPrimitive>) {
        for (output, result) in self.step.outputs.iter().zip(results) {
            self.tensors.register_float_tensor::<B>(&output.id, result);
        }
    }
}

/// The answers of a backend by what they are asked for. A message that is none of this program's, or damaged, panics in the
/// session's own thread, which ends the session.
fn answers<B: Losses>(about: impl Fn() -> About + Send + Sync + 'static) -> CustomOpRegistry<B> {
    let mut all = CustomOpRegistry::new();
    let mut on = |name: &str, answer: fn(&mut Message<'_, B>)| {
        all.register(name, move |tensors, step, _| {
            answer(&mut Message { tensors, step });
        });
    };
    small_steps(&mut on);
    large_steps(&mut on);
    losses(&mut on);
    all.register(names::ABOUT, move |tensors, step, device| {
        let data = TensorData::from(about().fields());
        let fields = B::int_from_data(data, device);
        tensors.register_int_tensor::<B>(&step.outputs[0].id, fields);
    });
    all
}

/// Takes the answer to a step.
type On<'a, B> = dyn FnMut(&str, fn(&mut Message<'_, B>)) + 'a;

/// Norm, rotary embedding and gate.
fn small_steps<B: Steps + BackendIr>(on: &mut On<'_, B>) {
    on(names::RMS_NORM, |message| {
        let ([x, scale], eps) = (message.floats(), message.number());
        message.answer([B::rms_norm(x, scale, eps)]);
    });
    on(names::RMS_NORM_BACKWARD, |message| {
        let ([dy, x, scale], eps) = (message.floats(), message.number());
        message.answer([B::rms_norm_backward(dy, x, scale, eps)]);
    });
    on(names::ROTATE, |message| {
        let ([x, cos, sin], backward) = (message.floats(), message.step.scalars[0].elem());
        message.answer([B::rotate(x, cos, sin, backward)]);
    });
    on(names::SWIGLU, |message| {
        let [gate, up] = message.floats();
        message.answer([B::swiglu(gate, up)]);
    });
    on(names::SWIGLU_BACKWARD, |message| {
        let [dy, gate, up] = message.floats();
        let (gate, up) = B::swiglu_backward(dy, gate, up);
        message.answer([gate, up]);
    });
}

/// Attention and products with frozen weights.
fn large_steps<B: Steps + BackendIr>(on: &mut On<'_, B>) {
    on(names::ATTEND, |message| {
        let inputs = message.attention(0);
        message.answer([B::attend(inputs).out]);
    });
    on(names::ATTEND_BACKWARD, |message| {
        let [dy] = message.floats();
        let inputs = message.attention(1);
        let (q, k, v) = B::attend_backward(dy, inputs, Kept::Nothing);
        message.answer([q, k, v]);
    });
    on(names::FROZEN_LINEAR, |message| {
        let [x, weight] = message.floats();
        message.answer([B::frozen_linear(x, weight)]);
    });
    on(names::FROZEN_LINEAR_BACKWARD, |message| {
        let [dy, weight] = message.floats();
        message.answer([B::frozen_linear_backward(dy, weight)]);
    });
    on(names::SOFTMAX_ROWS, |message| {
        let ([scores], scale) = (message.floats(), message.number());
        let visible = message.ints(1);
        message.answer([B::softmax_rows(scores, visible, scale)]);
    });
    on(names::SOFTMAX_ROWS_BACKWARD, |message| {
        let ([p, dp], scale) = (message.floats(), message.number());
        message.answer([B::softmax_rows_backward(p, dp, scale)]);
    });
}

/// The head's loss.
fn losses<B: Losses>(on: &mut On<'_, B>) {
    on(names::LOSSES, |message| {
        let ([logits], scale) = (message.floats(), message.number());
        let targets = message.ints(1);
        message.answer(B::losses(logits, targets, scale));
    });
    on(names::LOSSES_ALONE, |message| {
        let [logits] = message.floats();
        let targets = message.ints(1);
        message.answer([B::losses_alone(logits, targets)]);
    });
}
