//! A uniform sample of a stream whose length nobody knows, in memory of the sample's size.
//!
//! Each item draws a random key and the smallest keys stay (Efraimidis and Spirakis 2006, algorithm
//! A-Res with equal weights).
//! Against Vitter's algorithm R it has one advantage that matters here: a larger sample with the same
//! seed contains the smaller one, so that a run can be made longer without losing what was paid for.
//! It holds the items' numbers, never the items.

use std::collections::BinaryHeap;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// The sample so far.
#[derive(Debug)]
pub struct Reservoir {
    size: usize,
    random: ChaCha8Rng,
    kept: BinaryHeap<(u64, u64)>,
}

impl Reservoir {
    /// An empty sample that will have at most `size` items.
    #[must_use]
    pub fn new(size: usize, seed: u64) -> Self {
        Self {
            size,
            random: ChaCha8Rng::seed_from_u64(seed),
            kept: BinaryHeap::new(),
        }
    }

    /// Offers the next item of the stream by its number.
    pub fn offer(&mut self, number: u64) {
        self.kept.push((self.random.next_u64(), number));
        if self.kept.len() > self.size {
            self.kept.pop();
        }
    }

    /// Items held, never more than the size asked for.
    #[must_use]
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether nothing was offered yet, or the size is 0.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// The numbers of the sample, in ascending order.
    #[must_use]
    pub fn into_numbers(self) -> Vec<u64> {
        let mut numbers: Vec<_> = self.kept.into_iter().map(|(_, number)| number).collect();
        numbers.sort_unstable();
        numbers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(size: usize, seed: u64, stream: u64) -> Vec<u64> {
        let mut reservoir = Reservoir::new(size, seed);
        for number in 0..stream {
            reservoir.offer(number);
            assert!(reservoir.len() <= size);
        }
        reservoir.into_numbers()
    }

    #[test]
    fn a_larger_sample_contains_the_smaller_one() {
        let (small, large) = (sample(10, 3, 1000), sample(100, 3, 1000));
        assert_eq!((small.len(), large.len()), (10, 100));
        assert!(small.iter().all(|number| large.contains(number)));
        assert_ne!(small, sample(10, 4, 1000));
        assert_eq!(sample(5, 1, 3), [0, 1, 2]);
        assert_eq!(sample(0, 1, 3), [0; 0]);
    }

    #[test]
    fn every_place_of_the_stream_is_as_likely() {
        let mut counts = [0_u32; 20];
        for seed in 0..4000 {
            for number in sample(5, seed, 20) {
                counts[usize::try_from(number).unwrap()] += 1;
            }
        }
        // 19 degrees of freedom: a chi-square above 43.8 has a probability of 0.001.
        let square = counts
            .iter()
            .map(|&count| (f64::from(count) - 1000.0).powi(2) / 1000.0);
        let square: f64 = square.sum();
        assert!(square < 43.8, "chi-square {square}: {counts:?}");
    }
}
