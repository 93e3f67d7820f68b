//! Rows of one pass under several adapters: the logits that PEFT has with each alone.

use idiolect_lora::{LoraAdapter, load_adapter};
use idiolect_model::{Adapter, NewTokens, NoAdapter, Session};
use idiolect_testkit::{Tensors, assert_close, bound, device};

use super::oracles::{Case, batches, cases};

/// The base model first, then an adapter of PEFT's for each variant, with the logits that each has.
struct Alone {
    adapter: Option<LoraAdapter>,
    logits: Vec<f32>,
}

fn alone(cases: &[&Case]) -> Vec<Alone> {
    let values = |case: &Case, name: &str| {
        let oracle = Tensors::read(&case.folder.join("eval.safetensors")).unwrap();
        oracle.f32(name).unwrap().1
    };
    let base = Alone {
        adapter: None,
        logits: values(cases[0], "eval_logits_init"),
    };
    let one = |case: &&Case| {
        let folder = case.folder.join("adapter_final");
        let adapter = load_adapter(&folder, &case.decoder, &device().unwrap());
        Alone {
            adapter: Some(adapter.expect(&case.name).frozen()),
            logits: values(case, "eval_logits_final"),
        }
    };
    std::iter::once(base).chain(cases.iter().map(one)).collect()
}

#[test]
fn rows_under_several_adapters_have_the_logits_of_peft() {
    let all = cases();
    for model in ["tiny-llama3", "tiny-mistral"] {
        let of_model: Vec<&Case> = all
            .iter()
            .filter(|case| case.name.starts_with(model))
            .collect();
        let Some(first) = of_model.first() else {
            return;
        };
        let (decoder, alone) = (&first.decoder, alone(&of_model));
        let adapters = alone.iter().map(|one| match &one.adapter {
            Some(adapter) => adapter as &dyn Adapter,
            None => &NoAdapter,
        });
        let (shape, ids) = batches().i64("eval_input_ids").unwrap();
        let (_, mask) = batches().i64("eval_attention_mask").unwrap();
        let row = |row: usize| -> Vec<u32> {
            let at = row * shape[1]..(row + 1) * shape[1];
            let real = ids[at.clone()]
                .iter()
                .zip(&mask[at])
                .filter(|(_, real)| **real == 1);
            real.map(|(id, _)| u32::try_from(*id).unwrap()).collect()
        };
        // Every adapter for every prompt of the batch, neighbours under different ones.
        let rows: Vec<(usize, Vec<u32>)> = (0..shape[0] * alone.len())
            .map(|at| (at % alone.len(), row(at % shape[0])))
            .collect();
        let session = Session::new(decoder, &NoAdapter, rows.len(), shape[1]).unwrap();
        let mut session = session.with_adapters(adapters.collect()).unwrap();
        for (at, (adapter, _)) in rows.iter().enumerate() {
            session.choose_adapter(at, *adapter).unwrap();
        }
        let vocab = decoder.config.vocab_size;
        // The last tokens one by one, as they are generated.
        for ones in [0, 3] {
            for behind in (0..=ones).rev() {
                let parts = rows.iter().enumerate().map(|(row, (_, tokens))| {
                    let end = tokens.len() - behind;
                    let kept = if behind == ones { 0 } else { end - 1 };
                    NewTokens {
                        row,
                        kept,
                        tokens: &tokens[kept..end],
                        wanted: 1,
                    }
                });
                let found = session.pass(&parts.collect::<Vec<_>>()).unwrap();
                for (at, (adapter, tokens)) in rows.iter().enumerate() {
                    let end = tokens.len() - behind;
                    let place = (at % shape[0] * shape[1] + end - 1) * vocab;
                    assert_close(
                        &format!("{model} row {at}, adapter {adapter}, token {end}"),
                        &found[at * vocab..(at + 1) * vocab],
                        &alone[*adapter].logits[place..place + vocab],
                        bound(1e-4, 0.2),
                    );
                }
            }
        }
    }
}

#[test]
fn another_adapter_begins_a_row_anew_and_unknown_ones_are_refused() {
    let all = cases();
    let Some(case) = all.first() else { return };
    let session = Session::new(&case.decoder, &NoAdapter, 2, 8).unwrap();
    let mut session = session.with_adapters(vec![&NoAdapter, &NoAdapter]).unwrap();
    let part = |kept| NewTokens {
        row: 1,
        kept,
        tokens: &[5, 6],
        wanted: 1,
    };
    session.pass(&[part(0)]).unwrap();
    session.choose_adapter(1, 0).unwrap();
    session.pass(&[part(2)]).unwrap();
    session.choose_adapter(1, 1).unwrap();
    assert!(session.pass(&[part(2)]).is_err());
    for (row, adapter, named) in [(2, 0, "row"), (0, 2, "adapter of row 0")] {
        let error = session
            .choose_adapter(row, adapter)
            .unwrap_err()
            .to_string();
        assert!(error.contains(named), "{error}");
    }
    let session = Session::new(&case.decoder, &NoAdapter, 2, 8).unwrap();
    assert!(session.with_adapters(Vec::new()).is_err());
}
