//! Samplers against their definitions, written anew by full sorts, and by chi-square.

use idiolect_generate::{Generated, GenerationConfig, Sampling, candidates};
use proptest::prelude::*;

use crate::fake::{Fake, requests, run, settings};

const PLAIN: Sampling = Sampling {
    temperature: 1.0,
    ..Sampling::GREEDY
};

/// Probabilities after temperature, top-k, top-p and min-p, each over the whole vocabulary.
fn distribution(logits: &[f32], sampling: &Sampling) -> Vec<f64> {
    let mut scores: Vec<f64> = logits
        .iter()
        .map(|&l| f64::from(l) / f64::from(sampling.temperature))
        .collect();
    let mut sorted = scores.clone();
    sorted.sort_by(|a, b| b.total_cmp(a));
    if sampling.top_k > 0 && sampling.top_k < scores.len() {
        let least = sorted[sampling.top_k - 1];
        scores
            .iter_mut()
            .filter(|s| **s < least)
            .for_each(|s| *s = f64::NEG_INFINITY);
    }
    let probabilities = softmax(&scores);
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| {
        probabilities[b]
            .total_cmp(&probabilities[a])
            .then(a.cmp(&b))
    });
    let mut mass = 0.0;
    for id in order {
        if mass >= f64::from(sampling.top_p) {
            scores[id] = f64::NEG_INFINITY;
        }
        mass += probabilities[id];
    }
    let probabilities = softmax(&scores);
    let best = probabilities.iter().copied().fold(0.0, f64::max);
    for (score, probability) in scores.iter_mut().zip(&probabilities) {
        if *probability < f64::from(sampling.min_p) * best {
            *score = f64::NEG_INFINITY;
        }
    }
    softmax(&scores)
}

fn softmax(scores: &[f64]) -> Vec<f64> {
    let best = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = scores.iter().map(|score| (score - best).exp()).collect();
    let total: f64 = weights.iter().sum();
    weights.into_iter().map(|weight| weight / total).collect()
}

/// The value that chi-square with `freedom` degrees exceeds once in 10,000 (Wilson and Hilferty).
fn bound(freedom: f64) -> f64 {
    let spread = 2.0 / (9.0 * freedom);
    freedom * (1.0 - spread + 3.719 * spread.sqrt()).powi(3)
}

#[test]
fn draws_follow_the_exact_distribution() {
    const DRAWS: usize = 20_000;
    let logits: Vec<f32> = (0..40).map(|id| ((id * 17) % 40) as f32 * 0.07).collect();
    for sampling in [
        PLAIN,
        Sampling {
            temperature: 0.5,
            ..PLAIN
        },
        Sampling {
            temperature: 2.0,
            top_k: 12,
            ..PLAIN
        },
        Sampling {
            top_p: 0.8,
            ..PLAIN
        },
        Sampling {
            min_p: 0.1,
            ..PLAIN
        },
        Sampling {
            temperature: 0.95,
            top_k: 25,
            top_p: 0.7,
            min_p: 0.2,
            ..PLAIN
        },
    ] {
        let row = logits.clone();
        let mut model = Fake::new(40, move |_| row.clone());
        let settings = GenerationConfig {
            sampling,
            ..settings(DRAWS)
        };
        let found = run(&mut model, &requests(&[vec![0]]), &settings)
            .unwrap()
            .remove(0);
        let mut counts = [0u32; 40];
        found
            .token_ids
            .iter()
            .for_each(|&token| counts[token as usize] += 1);
        let (mut statistic, mut cells) = (0.0, 0.0);
        for (count, probability) in counts.iter().zip(distribution(&logits, &sampling)) {
            if probability == 0.0 {
                assert_eq!(*count, 0, "{sampling:?}");
                continue;
            }
            let expected = probability * DRAWS as f64;
            assert!(expected > 5.0, "too few draws for {sampling:?}");
            statistic += (f64::from(*count) - expected).powi(2) / expected;
            cells += 1.0;
        }
        assert!(
            statistic < bound(cells - 1.0),
            "{statistic} with {cells} cells: {sampling:?}"
        );
    }
}

#[test]
fn a_large_vocabulary_keeps_the_right_nucleus() {
    // The nucleus reaches past the first pieces that are sorted.
    let logits: Vec<f32> = (0..50_000u32)
        .map(|id| (id.wrapping_mul(2_654_435_761) >> 20) as f32 / 800.0)
        .collect();
    let sampling = Sampling {
        top_p: 0.5,
        ..PLAIN
    };
    let found = candidates(&logits, &sampling);
    assert!(found.len() > 1000);
    let expected = distribution(&logits, &sampling)
        .iter()
        .filter(|p| **p > 0.0)
        .count();
    assert_eq!(found.len(), expected);
}

fn logits() -> impl Strategy<Value = Vec<f32>> {
    prop::collection::vec((-80i16..80).prop_map(|l| f32::from(l) / 10.0), 1..200)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn candidates_are_the_definition(
        logits in logits(),
        temperature in 0.1f32..3.0,
        top_k in 0usize..60,
        top_p in 0.05f32..1.0,
        min_p in 0.0f32..0.5,
    ) {
        let sampling = Sampling { temperature, top_k, top_p, min_p, repetition_penalty: 1.0 };
        let expected = distribution(&logits, &sampling);
        let found = candidates(&logits, &sampling);
        let total: f64 = found.iter().map(|candidate| candidate.weight).sum();
        prop_assert_eq!(found.len(), expected.iter().filter(|p| **p > 0.0).count());
        for candidate in found {
            let expected = expected[candidate.token as usize];
            prop_assert!((candidate.weight / total - expected).abs() < 1e-9);
        }
    }

    #[test]
    fn top_p_keeps_the_smallest_set_with_its_mass(logits in logits(), top_p in 0.01f32..1.0) {
        let found = candidates(&logits, &Sampling { top_p, ..PLAIN });
        let all: f64 = candidates(&logits, &PLAIN).iter().map(|c| c.weight).sum();
        let mass: f64 = found.iter().map(|c| c.weight).sum();
        let goal = f64::from(top_p) * all;
        let least = found.last().unwrap().weight;
        prop_assert!(mass >= goal - 1e-9 && mass - least < goal + 1e-9);
        let outside = |id: &usize| found.iter().all(|c| c.token as usize != *id);
        let best = f64::from(logits.iter().copied().fold(f32::MIN, f32::max));
        for id in (0..logits.len()).filter(outside) {
            prop_assert!((f64::from(logits[id]) - best).exp() <= least);
        }
    }

    #[test]
    fn a_temperature_near_zero_is_greedy(logits in logits(), seed in 0usize..1000) {
        let best = logits.iter().copied().fold(f32::MIN, f32::max);
        prop_assume!(logits.iter().filter(|l| l.total_cmp(&best).is_eq()).count() == 1);
        let vocab = logits.len();
        let mut model = Fake::new(vocab, move |_| logits.clone());
        let requests = &requests(&vec![vec![0]; seed % 5 + 1]);
        let greedy = run(&mut model, requests, &settings(2)).unwrap();
        let sampling = Sampling { temperature: 1e-4, ..PLAIN };
        let cold = run(&mut model, requests, &GenerationConfig { sampling, ..settings(2) }).unwrap();
        for (greedy, cold) in greedy.iter().zip(&cold) {
            prop_assert_eq!(&greedy.token_ids, &cold.token_ids);
        }
    }

    #[test]
    fn the_largest_logits_choose_as_whole_rows_do(
        vocab in 2usize..60,
        top_k in 1usize..70,
        temperature in prop::sample::select(vec![0.0f32, 0.8]),
        top_p in prop::sample::select(vec![1.0f32, 0.7]),
        levels in prop::sample::select(vec![3u32, 1 << 20]),
    ) {
        let sampling = Sampling { temperature, top_k, top_p, ..PLAIN };
        let (found, whole, _) = on_device_and_whole(sampling, vocab, levels);
        prop_assert_eq!(found, whole);
    }
}

proptest! {
    /// Where the largest do not decide, rows are read whole; most are not.
    #[test]
    fn the_largest_logits_and_the_mass_choose_as_whole_rows_do(
        vocab in 65usize..400,
        temperature in prop::sample::select(vec![0.05f32, 0.1, 0.8]),
        (top_p, min_p) in prop::sample::select(vec![(0.9f32, 0.0f32), (0.5, 0.0), (0.95, 0.2), (1.0, 0.1)]),
        levels in prop::sample::select(vec![3u32, 1 << 20]),
    ) {
        let sampling = Sampling { temperature, top_p, min_p, ..PLAIN };
        let (found, whole, read) = on_device_and_whole(sampling, vocab, levels);
        prop_assert_eq!(found, whole);
        if levels > 3 && temperature < 0.08 {
            prop_assert!(read < 6, "{read} rows were read whole");
        }
    }
}

/// Texts chosen from what a device finds, and from whole rows, and how many rows the device was asked for whole.
fn on_device_and_whole(
    sampling: Sampling,
    vocab: usize,
    levels: u32,
) -> (Vec<Generated>, Vec<Generated>, usize) {
    let settings = GenerationConfig {
        sampling,
        speculate: 4,
        ..settings(12)
    };
    let requests = requests(&[vec![0], vec![1, 0, 1], vec![1; 5]]);
    let mut device = Fake {
        on_device: true,
        ..rough(vocab, levels)
    };
    let found = run(&mut device, &requests, &settings).unwrap();
    let whole = run(&mut rough(vocab, levels), &requests, &settings).unwrap();
    (found, whole, device.whole)
}

/// Scattered logits of few levels, so that many are equal, or of many.
fn rough(vocab: usize, levels: u32) -> Fake {
    let scattered = Fake::scattered(vocab).rule;
    Fake::new(vocab, move |tokens| {
        let level = |logit: f32| (logit * levels as f32).floor() / levels as f32;
        scattered(tokens).into_iter().map(level).collect()
    })
}

#[test]
fn equal_logits_and_none_numbers_are_read_whole() {
    let tie = |_: &[u32]| vec![1.0, 3.0, 3.0, 2.0];
    let mut model = Fake {
        on_device: true,
        ..Fake::new(4, tie)
    };
    let found = run(&mut model, &requests(&[vec![0]]), &settings(3)).unwrap();
    assert_eq!(
        (found[0].token_ids.as_slice(), model.whole),
        (&[1, 1, 1][..], 3)
    );
    let apart = |_: &[u32]| vec![1.0, 3.0, 3.5, 2.0];
    let mut model = Fake {
        on_device: true,
        ..Fake::new(4, apart)
    };
    run(&mut model, &requests(&[vec![0]]), &settings(3)).unwrap();
    assert_eq!(model.whole, 0);
    let broken = |_: &[u32]| vec![1.0, f32::NAN, 3.0, 2.0];
    let mut model = Fake {
        on_device: true,
        ..Fake::new(4, broken)
    };
    let error = run(&mut model, &requests(&[vec![0]]), &settings(3)).unwrap_err();
    assert!(
        matches!(
            error,
            idiolect_generate::GenerateError::NotFinite { token: 1, .. }
        ),
        "{error}"
    );
}
