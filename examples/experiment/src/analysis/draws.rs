//! Items of several seeds: their mean, its interval over items and seeds, and how likely such a mean is by chance.

use idiolect::metrics::interval::{Draws, Interval, paired};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// The draws of every interval and test.
const DRAWS: Draws = Draws {
    samples: 10_000,
    level: 0.95,
    seed: 42,
};

/// Values of the same items at several seeds, one list a seed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Items(pub(crate) Vec<Vec<f64>>);

impl Items {
    /// Item by item and seed by seed.
    pub(crate) fn with(&self, other: &Self, of: impl Fn(f64, f64) -> f64) -> Self {
        let seeds = self.0.iter().zip(&other.0);
        let seed =
            |(a, b): (&Vec<f64>, &Vec<f64>)| a.iter().zip(b).map(|(a, b)| of(*a, *b)).collect();
        Self(seeds.map(seed).collect())
    }

    /// The same with a number added to each value.
    pub(crate) fn plus(&self, more: f64) -> Self {
        let seed = |values: &Vec<f64>| values.iter().map(|value| value + more).collect();
        Self(self.0.iter().map(seed).collect())
    }

    /// Mean of each seed.
    pub(crate) fn means(&self) -> Vec<f64> {
        let mean = |values: &Vec<f64>| values.iter().sum::<f64>() / values.len().max(1) as f64;
        self.0.iter().map(mean).collect()
    }

    /// Items with the seeds averaged.
    fn averaged(&self) -> Vec<f64> {
        let items = self.0.first().map_or(0, Vec::len);
        let seeds = self.0.len().max(1) as f64;
        let one =
            |item: usize| self.0.iter().filter_map(|seed| seed.get(item)).sum::<f64>() / seeds;
        (0..items).map(one).collect()
    }

    /// Mean with its 95 % interval over items and seeds, both drawn with replacement.
    pub(crate) fn interval(&self) -> Interval {
        let mean = |means: &[f64]| means.iter().sum::<f64>() / means.len().max(1) as f64;
        let mut random = ChaCha8Rng::seed_from_u64(DRAWS.seed);
        let mut drawn: Vec<f64> = (0..DRAWS.samples)
            .map(|_| self.drawn(&mut random))
            .collect();
        drawn.sort_by(f64::total_cmp);
        let at = |share: usize| {
            drawn
                .get(drawn.len() * share / 1000)
                .copied()
                .unwrap_or(0.0)
        };
        Interval {
            mean: mean(&self.means()),
            low: at(25),
            high: at(975),
        }
    }

    fn drawn(&self, random: &mut ChaCha8Rng) -> f64 {
        let items = self.0.first().map_or(0, Vec::len);
        if items == 0 {
            return 0.0;
        }
        let seeds: Vec<usize> = self
            .0
            .iter()
            .map(|_| random.random_range(0..self.0.len()))
            .collect();
        let mut sum = 0.0;
        for _ in 0..items {
            let item = random.random_range(0..items);
            sum += seeds.iter().map(|seed| self.0[*seed][item]).sum::<f64>();
        }
        sum / (items * seeds.len()) as f64
    }

    /// How likely a mean at least as far from 0 is by chance, either way.
    pub(crate) fn p(&self) -> f64 {
        let values = self.averaged();
        let found = paired(&vec![0.0; values.len()], &values, &DRAWS)
            .ok()
            .flatten();
        found.map_or(1.0, |found| found.p_value)
    }

    /// How likely a mean at least as high is by chance, were the true one at most 0.
    pub(crate) fn p_above(&self) -> f64 {
        let half = self.p() / 2.0;
        let mean: f64 = self.means().iter().sum();
        if mean > 0.0 { half } else { 1.0 - half }
    }
}

/// P-values corrected together (S. Holm, Scandinavian Journal of Statistics 6, 1979), in their own order.
pub(crate) fn holm(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|a, b| p[*a].total_cmp(&p[*b]));
    let mut corrected = vec![0.0; p.len()];
    let mut highest = 0.0_f64;
    for (rank, at) in order.into_iter().enumerate() {
        highest = highest.max(p[at] * (p.len() - rank) as f64).min(1.0);
        corrected[at] = highest;
    }
    corrected
}
