//! How long to wait before another attempt, and waiting that can be called off.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::config::Retries;

/// The wait before attempt number `attempt` (from 1: the second try), for a request with this seed.
///
/// Doubling, up to the longest; a seeded half of it is chance, so that requests that failed together
/// do not come back together.
/// A server that asks for longer is obeyed.
pub(crate) fn wait(
    retries: &Retries,
    seed: u64,
    attempt: u32,
    asked: Option<Duration>,
) -> Duration {
    let doubled = 2_u32.saturating_pow(attempt - 1);
    let whole = retries
        .first_wait
        .saturating_mul(doubled)
        .min(retries.longest_wait);
    whole
        .mul_f64(0.5 + chance(seed, attempt) / 2.0)
        .max(asked.unwrap_or_default())
}

/// A number from 0 to 1 that the seed and the attempt decide.
fn chance(seed: u64, attempt: u32) -> f64 {
    let mut hasher = DefaultHasher::new();
    (seed, attempt).hash(&mut hasher);
    (hasher.finish() >> 11) as f64 / (1_u64 << 53) as f64
}

/// Sleeps; false when called off.
pub(crate) fn sleep(duration: Duration, stop: &AtomicBool) -> bool {
    let start = Instant::now();
    loop {
        if stop.load(Ordering::Relaxed) {
            return false;
        }
        let left = duration.saturating_sub(start.elapsed());
        if left.is_zero() {
            return true;
        }
        thread::sleep(left.min(Duration::from_millis(20)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_differ_between_requests() {
        let retries = Retries::default();
        let seconds = |seed, attempt| wait(&retries, seed, attempt, None).as_secs_f64();
        for seed in 0..50 {
            for (attempt, whole) in [(1, 1.0), (2, 2.0), (5, 16.0), (9, 60.0), (40, 60.0)] {
                let waited = seconds(seed, attempt);
                assert!(
                    (whole / 2.0..=whole).contains(&waited),
                    "{attempt}: {waited}"
                );
            }
        }
        assert!((seconds(1, 1) - seconds(2, 1)).abs() > 1e-6);
        assert!((seconds(1, 1) - seconds(1, 1)).abs() < 1e-12);
        let asked = Some(Duration::from_secs(90));
        assert_eq!(wait(&retries, 1, 1, asked), Duration::from_secs(90));
    }
}
