//! Logits, loss and gradients.

use burn::module::{Module, Param};
use burn::tensor::{Gradients, Int, Tensor, TensorData, activation};
use idiolect::model::{Bits, Decoder, NewTokens, NoAdapter, Projection, Session, load_quantized};
use idiolect_kernels::dequantize;
use idiolect_testkit::{assert_close, device};

use crate::case::{Case, TOLERANCE, each, floats, logits_of};

#[test]
fn logits_of_rows_padded_on_the_right() {
    each(|case| {
        let found = logits_of(&case.decoder, &NoAdapter, case.padded("right"));
        let found = case.real(&found, "right");
        assert_close(&case.name, &found, &case.logits("right"), TOLERANCE);
    });
}

#[test]
fn logits_of_rows_padded_on_the_left_which_a_cache_holds_without_padding() {
    each(|case| {
        let rows = case.rows("left");
        let longest = rows.iter().map(Vec::len).max().unwrap();
        let adapter = &NoAdapter;
        let mut session = Session::new(&case.decoder, adapter, rows.len(), longest).unwrap();
        let part = |(row, tokens): (usize, &Vec<u32>)| (row, tokens.clone());
        let rows: Vec<(usize, Vec<u32>)> = rows.iter().enumerate().map(part).collect();
        let parts: Vec<NewTokens<'_>> = rows
            .iter()
            .map(|(row, tokens)| NewTokens {
                row: *row,
                kept: 0,
                tokens,
                wanted: tokens.len(),
            })
            .collect();
        let found = session.pass(&parts).unwrap();
        assert_close(&case.name, &found, &case.logits("left"), TOLERANCE);
    });
}

#[test]
fn rows_that_share_a_line_compute_as_they_do_alone() {
    each(|case| {
        let rows = case.rows("right");
        let lengths: Vec<usize> = rows.iter().map(Vec::len).collect();
        let line: Vec<i64> = rows.iter().flatten().map(|id| i64::from(*id)).collect();
        let width = line.len();
        let ids =
            Tensor::<2, Int>::from_data(TensorData::new(line, [1, width]), &device().unwrap());
        let context = case.decoder.packed_context(&[lengths], width);
        let hidden = case.decoder.hidden_in(ids, &context, &NoAdapter);
        let hidden = hidden.reshape([width, case.decoder.config.hidden_size]);
        let found = floats(case.decoder.logits(hidden));
        assert_close(&case.name, &found, &case.logits("right"), TOLERANCE);
    });
}

#[test]
fn a_quantised_base_has_the_same_switches() {
    each(|case| {
        let (device, dtype) = (device().unwrap(), case.decoder.dtype());
        let (packed, _) = load_quantized(&case.folder, &device, dtype, Bits::Eight).unwrap();
        let mut plain = packed.clone();
        for block in &mut plain.weights.blocks {
            for weight in &mut block.projections {
                *weight = Param::from_tensor(dequantize(weight.val()));
            }
        }
        let [packed, plain] =
            [packed, plain].map(|one| logits_of(&one, &NoAdapter, case.padded("right")));
        assert_close(&case.name, &packed, &plain, TOLERANCE);
        let far = case
            .real(&plain, "right")
            .iter()
            .zip(case.logits("right"))
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f32::max);
        assert!(far < 1.0, "{}: {far}", case.name);
    });
}

/// Every weight with the name of its parameter in transformers, and its gradient.
fn gradients(case: &Case, decoder: &Decoder, tape: &Gradients) -> Vec<(String, Vec<f32>)> {
    fn of<const D: usize>(param: &Param<Tensor<D>>, tape: &Gradients) -> Vec<f32> {
        floats(param.val().grad(tape).expect("a gradient"))
    }
    let weights = &decoder.weights;
    let mut all = vec![
        (
            "model.embed_tokens.weight".into(),
            of(&weights.embedding, tape),
        ),
        ("model.norm.weight".into(), of(&weights.norm, tape)),
    ];
    all.extend(
        weights
            .head
            .iter()
            .map(|head| ("lm_head.weight".into(), of(head, tape))),
    );
    for (layer, block) in weights.blocks.iter().enumerate() {
        let name = |end: &str| format!("model.layers.{layer}.{end}");
        all.push((name("input_layernorm.weight"), of(&block.input_norm, tape)));
        all.push((
            name("post_attention_layernorm.weight"),
            of(&block.post_norm, tape),
        ));
        let projections = Projection::ALL.iter().zip(&block.projections);
        all.extend(
            projections
                .map(|(one, param)| (name(&format!("{}.weight", one.path())), of(param, tape))),
        );
        all.extend(
            block
                .extras
                .named()
                .iter()
                .map(|(end, param)| (name(end), of(param, tape))),
        );
    }
    let path = |name: &str| case.decoder.config.wrapper.module_path(name);
    all.into_iter()
        .map(|(name, values): (String, _)| (path(&name), values))
        .collect()
}

#[test]
fn loss_and_the_gradient_of_every_weight() {
    each(|case| {
        let device = device().unwrap();
        let mut decoder = case.decoder.clone();
        let tracked = decoder.weights.set_require_grad(true);
        decoder.weights = tracked.fork(&device.clone().autodiff()).train();
        let hidden = decoder.hidden(case.padded("right"), &NoAdapter);
        let [rows, tokens, width] = hidden.dims();
        let logits = decoder.logits(hidden.reshape([rows * tokens, width]));
        let (_, labels) = case.tensors.i64("right_labels").unwrap();
        let (at, targets): (Vec<i64>, Vec<i64>) = (0..rows * tokens)
            .filter(|i| (i + 1) % tokens != 0 && labels[i + 1] >= 0)
            .map(|i| (i64::try_from(i).unwrap(), labels[i + 1]))
            .unzip();
        let count = targets.len();
        assert_eq!(case.json["loss_tokens"], count);
        let at = Tensor::<1, Int>::from_data(TensorData::new(at, [count]), &device);
        let targets = Tensor::<2, Int>::from_data(TensorData::new(targets, [count, 1]), &device);
        let chosen = activation::log_softmax(logits.select(0, at), 1).gather(1, targets);
        let loss = chosen.neg().mean();
        relative(
            &case.name,
            f64::from(floats(loss.clone())[0]),
            &case.json["loss_mean"],
        );
        let all = gradients(case, &decoder, &loss.backward());
        for (name, gradient) in &all {
            let square: f64 = gradient.iter().map(|x| f64::from(*x).powi(2)).sum();
            relative(
                &format!("{} {name}", case.name),
                square.sqrt(),
                &case.json["grad_norms"][name],
            );
        }
        let expected = case.json["grad_norms"].as_object().unwrap();
        assert_eq!(all.len(), expected.len(), "{}", case.name);
    });
}

fn relative(what: &str, found: f64, expected: &serde_json::Value) {
    let expected = expected
        .as_f64()
        .unwrap_or_else(|| panic!("{what}: no such value"));
    // A key bias of a layer that is not rotated moves all scores alike: its gradient is rounding.
    let off = (found - expected).abs() / expected.abs().max(1e-2);
    assert!(
        off <= 1e-5,
        "{what}: {found}, expected {expected}: off by {off:e}"
    );
}
