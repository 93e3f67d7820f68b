//! What is told while rows are generated, and breaking off.

use std::ops::ControlFlow;

use idiolect_generate::{GenerationConfig, GenerationEvent, generate};

use crate::fake::{Fake, decode, requests, settings};

#[test]
fn every_token_and_every_end_is_told() {
    let mut told = Vec::new();
    let requests = requests(&[vec![1], vec![1]]);
    let mut model = Fake::script(128, &[97, 98]);
    generate(&mut model, &requests, &settings(2), &decode, &mut |event| {
        told.push(match event {
            GenerationEvent::Token { index, token_ids } => {
                format!("{index} {}", decode(token_ids).unwrap())
            }
            GenerationEvent::Done(row) => format!("{} done {}", row.index, row.text),
        });
        ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(
        told,
        ["0 a", "1 a", "0 ab", "0 done ab", "1 ab", "1 done ab"]
    );
}

#[test]
fn breaking_off_gives_the_rows_that_are_finished() {
    let requests = requests(&[vec![1], vec![1, 1], vec![1]]);
    let settings = GenerationConfig {
        batch_size: 1,
        ..settings(2)
    };
    let mut done = 0;
    let mut model = Fake::scattered(100);
    let results = generate(&mut model, &requests, &settings, &decode, &mut |event| {
        done += usize::from(matches!(event, GenerationEvent::Done(_)));
        if done == 2 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    })
    .unwrap();
    // The longest prompt runs first; results keep the order of the requests.
    assert_eq!(
        results.iter().map(|row| row.index).collect::<Vec<_>>(),
        [0, 1]
    );
}

#[test]
fn breaking_off_at_a_last_token_still_gives_its_row() {
    let mut model = Fake::scattered(100);
    let results = generate(
        &mut model,
        &requests(&[vec![1]]),
        &settings(1),
        &decode,
        &mut |event| match event {
            GenerationEvent::Token { .. } => ControlFlow::Break(()),
            GenerationEvent::Done(_) => ControlFlow::Continue(()),
        },
    );
    assert_eq!(results.unwrap().len(), 1);
}
