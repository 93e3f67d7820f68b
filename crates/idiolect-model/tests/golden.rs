//! The tiny checkpoints of the shared oracles: hidden states, logits, greedy text, loss and gradients of
//! transformers and `PyTorch`, to 1e-4 absolute in f32 and 1e-5 relative; on CUDA, whose products may round to TF32, to
//! 0.2 and 0.012.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests end them"
)]

mod oracles;

use burn::module::{Module, Param};
use burn::tensor::{Gradients, Int, Tensor, TensorData, activation};
use idiolect_model::{Decoder, NoAdapter, Projection, Session};
use idiolect_testkit::{assert_close, bound, device};
use oracles::{Oracle, each, floats, ids, masked, rows};

/// Of hidden states and logits.
fn tolerance() -> f32 {
    bound(1e-4, 0.2)
}

#[test]
fn hidden_states_and_logits_are_those_of_transformers() {
    each(|oracle| {
        let Oracle {
            name,
            decoder,
            tensors,
            ..
        } = oracle;
        let (_, mask) = tensors.i64("right_attention_mask").unwrap();
        let (shape, expected) = tensors.f32("right_hidden_states").unwrap();
        let width = shape[3];
        let states: Vec<&[f32]> = expected.chunks(expected.len() / shape[0]).collect();
        let compare = |what: &str, got: Tensor<3>, want: &[f32]| {
            let got = masked(&floats(got), &mask, width);
            assert_close(
                &format!("{name} {what}"),
                &got,
                &masked(want, &mask, width),
                tolerance(),
            );
        };
        let batch = ids(&rows(oracle, "right_input_ids"));
        let context = decoder.context(batch.dims()[1]);
        let mut x = decoder.embed(batch);
        compare("embedding", x.clone(), states[0]);
        for layer in 0..decoder.config.num_layers {
            x = decoder.block(layer, x, &context, &NoAdapter);
            // transformers' last hidden state is the normed one.
            if layer + 1 < decoder.config.num_layers {
                compare(&format!("block {layer}"), x.clone(), states[layer + 1]);
            }
        }
        let x = decoder.norm(x);
        // What the head is given is divided already by what logits are divided by.
        let divisor = decoder.config.switches.multipliers.logits_divisor;
        compare("norm", x.clone().mul_scalar(divisor), states[shape[0] - 1]);
        let [b, t, h] = x.dims();
        let logits = floats(decoder.logits(x.reshape([b * t, h])));
        let vocab = decoder.config.vocab_size;
        let (_, want) = tensors.f32("right_logits").unwrap();
        let (got, want) = (masked(&logits, &mask, vocab), masked(&want, &mask, vocab));
        assert_close(&format!("{name} logits"), &got, &want, tolerance());
    });
}

/// The prompts of the left-padded batch without their padding.
fn prompts(oracle: &Oracle) -> Vec<Vec<u32>> {
    let (_, mask) = oracle.tensors.i64("left_attention_mask").unwrap();
    let rows = rows(oracle, "left_input_ids");
    let masks = mask.chunks(rows[0].len());
    let real = |(row, mask): (&Vec<u32>, &[i64])| {
        row.iter()
            .zip(mask)
            .filter(|(_, real)| **real == 1)
            .map(|(id, _)| *id)
            .collect()
    };
    rows.iter().zip(masks).map(real).collect()
}

#[test]
fn left_padded_cached_logits_are_those_of_transformers() {
    each(|oracle| {
        let vocab = oracle.decoder.config.vocab_size;
        let (shape, want) = oracle.tensors.f32("left_logits").unwrap();
        let prompts = prompts(oracle);
        // Any split of the sequence into prefill and steps must give the same scores.
        for steps in [0, 1, 3] {
            let cut: Vec<Vec<u32>> = prompts
                .iter()
                .map(|p| p[..p.len() - steps].to_vec())
                .collect();
            let (mut session, mut scores) =
                Session::start(&oracle.decoder, &NoAdapter, &cut, steps).expect("a session");
            for step in (0..steps).rev() {
                let next: Vec<u32> = prompts.iter().map(|p| p[p.len() - 1 - step]).collect();
                scores = session.step(&next).expect("a step");
            }
            let last: Vec<f32> = want
                .chunks(shape[1] * vocab)
                .flat_map(|row| row[(shape[1] - 1) * vocab..].iter().copied())
                .collect();
            assert_close(
                &format!("{} after {steps} steps", oracle.name),
                &scores,
                &last,
                tolerance(),
            );
        }
    });
}

fn argmax(scores: &[f32]) -> u32 {
    let best = scores
        .iter()
        .enumerate()
        .fold(0, |best, (i, x)| if *x > scores[best] { i } else { best });
    u32::try_from(best).expect("an id")
}

/// How much likelier the best token is than the next, in logits.
fn lead(scores: &[f32]) -> f32 {
    let best = argmax(scores);
    let other = |(id, _): &(usize, &f32)| u32::try_from(*id) != Ok(best);
    let others = scores.iter().enumerate().filter(other);
    scores[best as usize] - others.map(|(_, x)| *x).fold(f32::NEG_INFINITY, f32::max)
}

/// The same tokens; where products may round to TF32, as far as each token leads by more than that moves two logits.
#[test]
fn greedy_text_is_that_of_transformers() {
    each(|oracle| {
        let want: Vec<Vec<u32>> =
            serde_json::from_value(oracle.json["greedy_ids"].clone()).expect("greedy ids");
        let vocab = oracle.decoder.config.vocab_size;
        let (mut session, mut scores) =
            Session::start(&oracle.decoder, &NoAdapter, &prompts(oracle), want[0].len())
                .expect("a session");
        let least = bound(0.0, 0.18);
        let mut got = vec![Vec::new(); want.len()];
        for step in 0..want[0].len() {
            let next: Vec<u32> = scores.chunks(vocab).map(argmax).collect();
            let rows = got.iter_mut().zip(&next).zip(scores.chunks(vocab));
            for ((row, id), _) in rows.filter(|(_, scores)| lead(scores) >= least) {
                // A row ends where a token does not lead by so much.
                if row.len() == step {
                    row.push(*id);
                }
            }
            scores = session.step(&next).expect("a step");
        }
        for (got, want) in got.iter().zip(&want) {
            assert_eq!(got, &want[..got.len()], "{}", oracle.name);
            assert!(least > 0.0 || got.len() == want.len(), "{}", oracle.name);
        }
    });
}

#[test]
fn both_forms_of_the_configuration_mean_the_same() {
    each(|oracle| {
        let other = ["config.v5.json", "config.classic.json"].map(|name| oracle.folder.join(name));
        let path = other
            .iter()
            .find(|path| path.is_file())
            .expect("another form");
        let text = std::fs::read_to_string(path).expect("the other form");
        let json = serde_json::from_str(&text).expect("JSON");
        let config = idiolect_model::ModelConfig::from_json(&json, path);
        // The second form stands alone here, without the end tokens of generation_config.json.
        let mut classic = oracle.decoder.config.clone();
        let v5 = config.expect("a configuration");
        classic.eos.clone_from(&v5.eos);
        assert_eq!(classic, v5, "{}", oracle.name);
    });
}

/// Summed negative log-likelihood of the labels, and how many there are.
fn loss(decoder: &Decoder, oracle: &Oracle) -> (Tensor<1>, f64) {
    let (_, labels) = oracle.tensors.i64("right_labels").unwrap();
    let hidden = decoder.hidden(ids(&rows(oracle, "right_input_ids")), &NoAdapter);
    let [b, t, h] = hidden.dims();
    let logits = decoder.logits(hidden.reshape([b * t, h]));
    let (at, targets): (Vec<u32>, Vec<i64>) = (0..b * t)
        .filter(|i| (i + 1) % t != 0 && labels[i + 1] >= 0)
        .map(|i| (u32::try_from(i).expect("few tokens"), labels[i + 1]))
        .unzip();
    let count = targets.len();
    let device = device().unwrap();
    let at = Tensor::<1, Int>::from_data(TensorData::new(at, [count]), &device);
    let targets = Tensor::<2, Int>::from_data(TensorData::new(targets, [count, 1]), &device);
    let chosen = activation::log_softmax(logits.select(0, at), 1).gather(1, targets);
    (chosen.neg().sum(), count as f64)
}

/// Every weight with the name its checkpoint gives it, and its gradient.
fn gradients(decoder: &Decoder, grads: &Gradients) -> Vec<(String, Vec<f32>)> {
    fn of<const D: usize>(param: &Param<Tensor<D>>, grads: &Gradients) -> Vec<f32> {
        floats(param.val().grad(grads).expect("a gradient"))
    }
    let weights = &decoder.weights;
    let mut all = vec![
        (
            "model.embed_tokens.weight".into(),
            of(&weights.embedding, grads),
        ),
        ("model.norm.weight".into(), of(&weights.norm, grads)),
    ];
    if let Some(head) = &weights.head {
        all.push(("lm_head.weight".into(), of(head, grads)));
    }
    for (layer, block) in weights.blocks.iter().enumerate() {
        let path = format!("model.layers.{layer}");
        all.push((
            format!("{path}.input_layernorm.weight"),
            of(&block.input_norm, grads),
        ));
        all.push((
            format!("{path}.post_attention_layernorm.weight"),
            of(&block.post_norm, grads),
        ));
        let projections = Projection::ALL.iter().zip(&block.projections);
        all.extend(projections.map(|(projection, param)| {
            let name = format!("{path}.{}.weight", projection.path());
            (name, of(param, grads))
        }));
        let extras = block.extras.named().into_iter();
        all.extend(extras.map(|(name, param)| (format!("{path}.{name}"), of(&param, grads))));
    }
    let path = |name: String| decoder.config.wrapper.module_path(&name);
    all.into_iter()
        .map(|(name, gradient)| (path(name), gradient))
        .collect()
}

#[test]
fn loss_and_every_gradient_norm_are_those_of_pytorch() {
    each(|oracle| {
        let (name, json) = (oracle.name, &oracle.json);
        let device = device().unwrap().autodiff();
        let mut decoder = oracle.decoder.clone();
        decoder.weights = decoder.weights.set_require_grad(true).fork(&device).train();
        let (loss, count) = loss(&decoder, oracle);
        let sum = f64::from(floats(loss.clone())[0]);
        relative(&format!("{name} loss"), sum, &json["loss_sum"]);
        relative(
            &format!("{name} mean loss"),
            sum / count,
            &json["loss_mean"],
        );
        let all = gradients(&decoder, &(loss / count).backward());
        for (tensor, grad) in &all {
            let square: f64 = grad.iter().map(|x| f64::from(*x).powi(2)).sum();
            let want = &json["grad_norms"][tensor.as_str()];
            relative(&format!("{name} {tensor}"), square.sqrt(), want);
        }
        let want = json["grad_norms"].as_object().expect("norms");
        assert_eq!(all.len(), want.len(), "{name}");
    });
}

fn relative(what: &str, got: f64, want: &serde_json::Value) {
    let want = want
        .as_f64()
        .unwrap_or_else(|| panic!("{what}: the oracle has no such value"));
    let off = ((got - want) / want).abs();
    assert!(
        off <= bound(1e-5, 0.012),
        "{what}: expected {want}, got {got}, relative difference {off:e}"
    );
}
