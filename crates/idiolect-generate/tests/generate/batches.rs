//! Batches: their order, their shrinking, and that no row feels another.

use idiolect_generate::{GenerationConfig, Request, Sampling, Stops, groups};
use proptest::prelude::*;

use crate::fake::{Fake, SAMPLED, one_hot, requests, run, settings};

#[test]
fn long_prompts_come_first_and_equal_ones_keep_their_order() {
    let prompts = [vec![1], vec![1; 3], vec![1; 2], vec![2; 3], vec![3]];
    assert_eq!(groups(&requests(&prompts), 1), [[1, 3, 2, 0, 4]]);
    assert!(groups(&[], 2).is_empty());
}

#[test]
fn a_row_that_ends_makes_room_at_once() {
    // A row counts down from its prompt and stops at 0.
    let mut model = Fake::new(10, |tokens| one_hot(10, tokens.last().unwrap() - 1));
    let settings = GenerationConfig {
        stops: Stops {
            tokens: vec![0],
            ..Stops::default()
        },
        batch_size: 2,
        ..settings(8)
    };
    let results = run(
        &mut model,
        &requests(&[vec![3], vec![1], vec![9], vec![1], vec![2]]),
        &settings,
    )
    .unwrap();
    let tokens: Vec<_> = results.iter().map(|row| row.token_ids.clone()).collect();
    assert_eq!(
        tokens,
        [
            vec![2, 1],
            vec![],
            vec![8, 7, 6, 5, 4, 3, 2, 1],
            vec![],
            vec![1]
        ]
    );
    // 3 passes of the first row, 1 of the second, 8 of the third; the others stand beside it.
    assert_eq!(model.widths, [2, 2, 2, 2, 2, 2, 1, 1, 1]);
    let ends: Vec<_> = results
        .iter()
        .map(|row| row.finish_reason.as_str())
        .collect();
    assert_eq!(ends, ["stop", "stop", "length", "stop", "stop"]);
}

#[test]
fn what_prompts_begin_with_is_computed_once() {
    let prompts = [
        vec![1, 2, 3, 4],
        vec![1, 2, 3, 5],
        vec![1, 2, 3],
        vec![1, 2, 3, 4, 6],
    ];
    let settings = GenerationConfig {
        batch_size: 3,
        ..settings(1)
    };
    let mut model = Fake::scattered(10);
    let shared = run(&mut model, &requests(&prompts), &settings).unwrap();
    // The prefix [1, 2]; then the rest of three prompts; then that of the fourth, which takes the place
    // of the longest: it finds [1, 2, 3, 4] there, of which it needs the last one's logits.
    assert_eq!(model.tokens, [2, 3 + 2 + 2, 1]);
    let settings = GenerationConfig {
        share_prefixes: false,
        ..settings
    };
    let mut model = Fake::scattered(10);
    assert_eq!(
        run(&mut model, &requests(&prompts), &settings).unwrap(),
        shared
    );
    assert_eq!(model.tokens, [5 + 4 + 4, 3]);
}

#[test]
fn nothing_asked_is_nothing_done() {
    let mut model = Fake::scattered(10);
    assert_eq!(run(&mut model, &[], &settings(1)).unwrap(), []);
    assert!(model.widths.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_row_is_the_same_alone_and_in_any_batch_and_order(
        prompts in prop::collection::vec(prop::collection::vec(0u32..6, 1..6), 1..24),
        batch_size in 1usize..5,
        rotation in 0usize..9,
        (sampled, share_prefixes) in any::<(bool, bool)>(),
        (vocab, speculate) in (6usize..40, 0usize..6),
    ) {
        let sampling = if sampled { SAMPLED } else { Sampling::GREEDY };
        let stops = Stops { tokens: vec![3, 5], strings: vec!["\u{7}".into()], ignore_eos: false };
        let plain = GenerationConfig { sampling, stops, max_new_tokens: 12, batch_size, share_prefixes: false, speculate: 0 };
        let settings = GenerationConfig { share_prefixes, speculate, ..plain.clone() };
        let mut requests = requests(&prompts);
        // A small vocabulary repeats itself, so that guesses come true.
        let results = |requests: &[Request], settings: &GenerationConfig| {
            let mut rows = run(&mut Fake::scattered(vocab), requests, settings).unwrap();
            for row in &mut rows {
                assert!(row.passes > 0 && row.passes <= row.token_ids.len() + 1);
                row.passes = 0;
            }
            rows
        };
        let alone: Vec<_> = requests
            .iter()
            .flat_map(|request| results(std::slice::from_ref(request), &plain))
            .collect();
        prop_assert_eq!(&results(&requests, &settings), &alone);
        requests.rotate_left(rotation % prompts.len());
        let mut turned = results(&requests, &settings);
        turned.sort_by_key(|row| row.index);
        prop_assert_eq!(turned, alone);
    }

    #[test]
    fn groups_hold_every_request_once(
        lengths in prop::collection::vec(1usize..9, 0..60),
        batch_size in 1usize..4,
    ) {
        let prompts: Vec<_> = lengths.iter().map(|&length| vec![0; length]).collect();
        let found = groups(&requests(&prompts), batch_size);
        prop_assert!(found.iter().rev().skip(1).all(|group| group.len() == 8 * batch_size));
        let flat: Vec<usize> = found.concat();
        prop_assert!(flat.is_sorted_by_key(|&place| std::cmp::Reverse(lengths[place])));
        let mut places = flat;
        places.sort_unstable();
        prop_assert_eq!(places, (0..lengths.len()).collect::<Vec<_>>());
    }
}
