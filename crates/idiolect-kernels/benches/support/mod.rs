//! What the benchmarks share: the clock.

use std::time::Instant;

/// Seconds of all threads of this process; off Linux, seconds by the wall.
///
/// A running thread is counted up to its last tick, a few milliseconds ago.
pub(crate) fn seconds(start: Instant) -> f64 {
    processor_seconds().unwrap_or_else(|| start.elapsed().as_secs_f64())
}

/// Processor time of all threads of this process; `None` off Linux.
fn processor_seconds() -> Option<f64> {
    let threads = std::fs::read_dir("/proc/self/task").ok()?;
    let spent = threads.map(|thread| {
        let text = std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<f64>().ok()
    });
    spent
        .sum::<Option<f64>>()
        .map(|nanoseconds| nanoseconds / 1e9)
}
