//! The order of batches: a pure function of the rows' sizes, the settings and the seed.
//!
//! Nothing here depends on time, threads or the platform, so a resumed run finds the batch it was
//! in by its number alone.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use idiolect_tokens::pack;

use crate::TrainConfig;

/// Micro-batches that are sorted by length together: large enough that almost no padding is left,
/// small enough that a long data set still mixes.
const GROUPED_BATCHES: usize = 64;

/// The size of one training row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowSize {
    /// Number of input ids.
    pub tokens: usize,
    /// Number of trained tokens, after the shift.
    pub trained_tokens: usize,
}

/// The micro-batches of one optimiser step.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    /// Epochs done once this step is done, a fraction within an epoch.
    pub epoch: f64,
    /// Whether an epoch ends with this step.
    pub ends_epoch: bool,
    /// Micro-batches in order, each a list of row numbers. None is empty.
    pub batches: Vec<Vec<usize>>,
}

/// All optimiser steps of a run, in order.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// One window per optimiser step; with `updates_per_window` each stands several times in a row.
    pub windows: Vec<Window>,
    /// Rows without any trained token. They keep their place while batches are made, so that the
    /// other rows share a step with whom they would have shared it, and are left out then.
    pub untrained_rows: usize,
}

impl Plan {
    /// Lays out the run.
    ///
    /// Without shuffling and without length grouping, rows come in their own order, in each epoch
    /// alike. Shuffling draws a new order for each epoch. Length grouping sorts stretches of the
    /// order by length, longest first, before it cuts them into micro-batches; with shuffling the
    /// micro-batches are then mixed. It also moves the micro-batch with most tokens to the front
    /// of the first epoch.
    /// A window never reaches over the end of an epoch: the last one may hold fewer micro-batches
    /// than `accumulation`, and the last micro-batch fewer rows than `batch_size`.
    /// With packing a micro-batch has up to `batch_size` lines of several rows; with length grouping
    /// the rows of a stretch go, the longest first, each into the first line with room for it.
    #[must_use]
    pub fn new(rows: &[RowSize], config: &TrainConfig) -> Self {
        let most = config.max_steps.unwrap_or(usize::MAX);
        let mut windows = Vec::new();
        // As in transformers' `Trainer`, the steps decide where they are given, and not the epochs.
        let epochs = config.max_steps.map_or(config.epochs, |_| usize::MAX);
        for epoch in 0..epochs {
            let before = windows.len();
            if before >= most {
                break;
            }
            let mut batches = epoch_batches(rows, config, epoch);
            keep_trained(&mut batches, rows);
            if epoch == 0 && config.length_grouping {
                longest_first(&mut batches, rows, config.packing);
            }
            append_windows(&mut windows, &batches, config.accumulation, epoch);
            if windows.len() == before {
                break;
            }
        }
        if config.updates_per_window > 1 {
            let windows_of = |window| repeated(window, config.updates_per_window);
            windows = windows.into_iter().flat_map(windows_of).collect();
        }
        windows.truncate(most);
        let untrained_rows = rows.iter().filter(|row| row.trained_tokens == 0).count();
        Self {
            windows,
            untrained_rows,
        }
    }
}

/// A window as often as it is to be trained on, of which the last ends what it ends.
fn repeated(window: Window, times: usize) -> impl Iterator<Item = Window> {
    (1..=times).map(move |time| Window {
        ends_epoch: window.ends_epoch && time == times,
        ..window.clone()
    })
}

/// The micro-batches of a set that is only evaluated: similar lengths together, no random order.
pub(crate) fn evaluation_batches(rows: &[RowSize], batch_size: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by_key(|&row| std::cmp::Reverse(rows[row].tokens));
    let mut batches = cut(&order, batch_size);
    keep_trained(&mut batches, rows);
    batches
}

fn epoch_batches(rows: &[RowSize], config: &TrainConfig, epoch: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..rows.len()).collect();
    // One stream of the generator per epoch: no epoch's order depends on another's length.
    let mut random = ChaCha8Rng::seed_from_u64(config.seed);
    random.set_stream(epoch as u64);
    if config.shuffle {
        order.shuffle(&mut random);
    }
    if !config.length_grouping {
        return match config.packing {
            Some(capacity) => join(lines_in_order(&order, rows, capacity), config.batch_size),
            None => cut(&order, config.batch_size),
        };
    }
    let mut batches = Vec::new();
    for stretch in order.chunks_mut(config.batch_size.saturating_mul(GROUPED_BATCHES)) {
        stretch.sort_by_key(|&row| std::cmp::Reverse(rows[row].tokens));
        batches.extend(match config.packing {
            Some(capacity) => join(lines_that_fit(stretch, rows, capacity), config.batch_size),
            None => cut(stretch, config.batch_size),
        });
    }
    if config.shuffle {
        batches.shuffle(&mut random);
    }
    batches
}

fn cut(order: &[usize], batch_size: usize) -> Vec<Vec<usize>> {
    order.chunks(batch_size).map(<[usize]>::to_vec).collect()
}

fn keep_trained(batches: &mut Vec<Vec<usize>>, rows: &[RowSize]) {
    for batch in batches.iter_mut() {
        batch.retain(|&row| rows[row].trained_tokens > 0);
    }
    batches.retain(|batch| !batch.is_empty());
}

/// Lines of at most `capacity` tokens, filled in the order of the rows.
fn lines_in_order(order: &[usize], rows: &[RowSize], capacity: usize) -> Vec<Vec<usize>> {
    let ends = pack(order.iter().map(|&row| rows[row].tokens), capacity);
    let starts = std::iter::once(0).chain(ends.iter().copied());
    starts
        .zip(&ends)
        .map(|(from, to)| order[from..*to].to_vec())
        .collect()
}

/// Lines of at most `capacity` tokens: each row, the longest first, goes into the first line that
/// has room for it.
fn lines_that_fit(longest_first: &[usize], rows: &[RowSize], capacity: usize) -> Vec<Vec<usize>> {
    let mut lines: Vec<(usize, Vec<usize>)> = Vec::new();
    for &row in longest_first {
        let tokens = rows[row].tokens;
        match lines.iter_mut().find(|line| line.0 + tokens <= capacity) {
            Some(line) => {
                line.0 += tokens;
                line.1.push(row);
            }
            None => lines.push((tokens, vec![row])),
        }
    }
    lines.into_iter().map(|(_, line)| line).collect()
}

/// Micro-batches of `batch_size` lines. Packing their rows again gives no more lines than that.
fn join(lines: Vec<Vec<usize>>, batch_size: usize) -> Vec<Vec<usize>> {
    lines
        .chunks(batch_size)
        .map(<[Vec<usize>]>::concat)
        .collect()
}

/// Tokens of a micro-batch, padding counted, and of its longest line.
fn padded(batch: &[usize], rows: &[RowSize], packing: Option<usize>) -> (usize, usize) {
    let lengths = || batch.iter().map(|&row| rows[row].tokens);
    // Without packing no line has room for a second row.
    let ends = pack(lengths(), packing.unwrap_or(0));
    let starts = std::iter::once(0).chain(ends.iter().copied());
    let line = |(from, to): (usize, &usize)| lengths().skip(from).take(to - from).sum();
    let width = starts.zip(&ends).map(line).max().unwrap_or(0);
    (ends.len() * width, width)
}

fn longest_first(batches: &mut [Vec<usize>], rows: &[RowSize], packing: Option<usize>) {
    let padded = |batch: &Vec<usize>| padded(batch, rows, packing);
    // The first of equals, so that a set of equal lengths keeps its order.
    let longest = (0..batches.len())
        .rev()
        .max_by_key(|&index| padded(&batches[index]));
    if let Some(index) = longest {
        batches[..=index].rotate_right(1);
    }
}

fn append_windows(
    windows: &mut Vec<Window>,
    batches: &[Vec<usize>],
    accumulation: usize,
    epoch: usize,
) {
    let count = batches.len().div_ceil(accumulation);
    for (index, batches) in batches.chunks(accumulation).enumerate() {
        windows.push(Window {
            epoch: epoch as f64 + (index + 1) as f64 / count as f64,
            ends_epoch: index + 1 == count,
            batches: batches.to_vec(),
        });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sizes(lengths: &[usize]) -> Vec<RowSize> {
        lengths
            .iter()
            .map(|&tokens| RowSize {
                tokens,
                trained_tokens: tokens / 2,
            })
            .collect()
    }

    fn config(shuffle: bool, length_grouping: bool) -> TrainConfig {
        TrainConfig {
            epochs: 2,
            batch_size: 2,
            accumulation: 2,
            shuffle,
            length_grouping,
            ..TrainConfig::default()
        }
    }

    #[test]
    fn without_shuffle_and_grouping_rows_come_in_file_order_and_windows_end_with_the_epoch() {
        let plan = Plan::new(&sizes(&[9, 2, 8, 3, 7]), &config(false, false));
        let batches: Vec<_> = plan
            .windows
            .iter()
            .map(|window| window.batches.clone())
            .collect();
        let epoch = [vec![vec![0, 1], vec![2, 3]], vec![vec![4]]];
        assert_eq!(batches, [epoch.clone(), epoch].concat());
        let epochs: Vec<f64> = plan.windows.iter().map(|window| window.epoch).collect();
        assert_eq!(epochs, [0.5, 1.0, 1.5, 2.0]);
        let ends: Vec<bool> = plan
            .windows
            .iter()
            .map(|window| window.ends_epoch)
            .collect();
        assert_eq!(ends, [false, true, false, true]);
    }

    #[test]
    fn grouping_without_shuffle_sorts_by_length() {
        let plan = Plan::new(&sizes(&[4, 9, 5, 8]), &config(false, true));
        assert_eq!(plan.windows[0].batches, [vec![1, 3], vec![2, 0]]);
    }

    #[test]
    fn rows_without_trained_tokens_keep_their_place_and_are_left_out() {
        let mut rows = sizes(&[4, 4, 4, 4, 4]);
        rows[1].trained_tokens = 0;
        rows[4].trained_tokens = 0;
        let plan = Plan::new(
            &rows,
            &TrainConfig {
                epochs: 1,
                ..config(false, false)
            },
        );
        assert_eq!(plan.untrained_rows, 2);
        assert_eq!(plan.windows.len(), 1);
        assert_eq!(plan.windows[0].batches, [vec![0], vec![2, 3]]);
    }

    #[test]
    fn max_steps_decide_and_not_the_epochs() {
        let steps = |rows: &[RowSize], max_steps| {
            let config = TrainConfig {
                max_steps: Some(max_steps),
                ..config(true, true)
            };
            Plan::new(rows, &config).windows
        };
        assert_eq!(steps(&sizes(&[4; 8]), 3).len(), 3);
        let more = steps(&sizes(&[4; 8]), 50);
        assert_eq!(more.len(), 50);
        // The first of them are those of the epochs alone.
        let alone = Plan::new(&sizes(&[4; 8]), &config(true, true)).windows;
        assert_eq!(more[..alone.len()], alone);
        let untrained = RowSize {
            tokens: 4,
            trained_tokens: 0,
        };
        assert!(steps(&[untrained], 50).is_empty());
    }

    #[test]
    fn a_window_stands_as_often_as_it_is_trained_on() {
        let twice = TrainConfig {
            updates_per_window: 2,
            ..config(false, false)
        };
        let once = Plan::new(&sizes(&[9, 2, 8, 3, 7]), &config(false, false)).windows;
        let plan = Plan::new(&sizes(&[9, 2, 8, 3, 7]), &twice).windows;
        assert_eq!(plan.len(), 2 * once.len());
        for (pair, window) in plan.chunks(2).zip(&once) {
            assert!(pair.iter().all(|own| own.batches == window.batches));
            assert!(!pair[0].ends_epoch);
            assert_eq!(pair[1], *window);
        }
        let short = TrainConfig {
            max_steps: Some(3),
            ..twice
        };
        assert_eq!(Plan::new(&sizes(&[9, 2, 8]), &short).windows.len(), 3);
    }

    #[test]
    fn epochs_and_seeds_differ_in_order() {
        let rows = sizes(&(2..40).collect::<Vec<_>>());
        let plan = Plan::new(&rows, &config(true, true));
        let (first, second) = plan.windows.split_at(plan.windows.len() / 2);
        assert!(
            first
                .iter()
                .zip(second)
                .any(|(a, b)| a.batches != b.batches)
        );
        let other = Plan::new(
            &rows,
            &TrainConfig {
                seed: 7,
                ..config(true, true)
            },
        );
        assert_ne!(plan, other);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn each_epoch_holds_each_row_once_with_the_longest_batch_first(
            lengths in prop::collection::vec(2usize..60, 1..60),
            batch_size in 1usize..6,
            accumulation in 1usize..4,
            shuffle: bool,
            seed: u64,
        ) {
            let rows = sizes(&lengths);
            let config = TrainConfig { batch_size, accumulation, seed, ..config(shuffle, true) };
            let plan = Plan::new(&rows, &config);
            prop_assert_eq!(&plan, &Plan::new(&rows, &config));
            let padded = |batch: &Vec<usize>| {
                batch.len() * batch.iter().map(|&row| lengths[row]).max().unwrap()
            };
            let per_epoch = lengths.len().div_ceil(batch_size).div_ceil(accumulation);
            prop_assert_eq!(plan.windows.len(), 2 * per_epoch);
            for epoch in plan.windows.chunks(per_epoch) {
                let mut seen: Vec<usize> =
                    epoch.iter().flat_map(|window| window.batches.concat()).collect();
                seen.sort_unstable();
                prop_assert_eq!(seen, (0..lengths.len()).collect::<Vec<_>>());
            }
            let first = padded(&plan.windows[0].batches[0]);
            let epoch = plan.windows[..per_epoch].iter().flat_map(|window| &window.batches);
            prop_assert_eq!(epoch.map(padded).max(), Some(first));
        }

        #[test]
        fn packed_batches_hold_each_row_once_in_no_more_lines_than_asked_for(
            lengths in prop::collection::vec(2usize..60, 1..60),
            batch_size in 1usize..6,
            capacity in 30usize..120,
            (shuffle, length_grouping) in (any::<bool>(), any::<bool>()),
            seed: u64,
        ) {
            let rows = sizes(&lengths);
            let config = TrainConfig {
                batch_size, seed, packing: Some(capacity), epochs: 1, accumulation: 1,
                ..config(shuffle, length_grouping)
            };
            let plan = Plan::new(&rows, &config);
            let batches: Vec<_> = plan.windows.iter().map(|window| &window.batches[0]).collect();
            let mut seen: Vec<usize> = batches.iter().flat_map(|batch| (*batch).clone()).collect();
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..lengths.len()).collect::<Vec<_>>());
            for batch in &batches {
                let lines = pack(batch.iter().map(|&row| lengths[row]), capacity).len();
                prop_assert!(lines <= batch_size, "{lines} lines in {batch:?}");
            }
            let size = |batch: &&Vec<usize>| padded(batch, &rows, Some(capacity));
            if length_grouping {
                prop_assert_eq!(batches.iter().map(size).max(), batches.first().map(size));
            }
        }
    }
}
