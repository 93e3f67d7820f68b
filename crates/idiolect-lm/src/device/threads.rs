//! How many threads of the CPU compute, and how work is brought onto one of them.

use crate::LmError;

/// More threads than any machine has cores: a larger number is a slip, and would take the machine.
const MOST_THREADS: usize = 1024;

/// Runs a task on a thread of the pool, which has `count` threads, or as many as cores.
///
/// From another thread every product would be handed over to the pool and waited for, which costs a
/// batch of one row 15 % (docs/PERFORMANCE.md). The pool is one for the whole program: it is made by the
/// first call, and a later one with the same number is fine.
///
/// # Errors
///
/// [`LmError::Setting`] for 0 or above 1024, or when threads run already in another number; else those of `task`.
pub fn on_threads<T: Send, E: From<LmError> + Send>(
    count: Option<usize>,
    task: impl FnOnce() -> Result<T, E> + Send,
) -> Result<T, E> {
    if let Some(count) = count {
        set_threads(count)?;
    }
    in_pool(task)
}

/// Runs a task on a thread of the pool, as [`on_threads`].
pub(crate) fn in_pool<T: Send>(task: impl FnOnce() -> T + Send) -> T {
    rayon::scope(|_| task())
}

/// Refuses a number of threads that is none.
pub(crate) fn check_threads(count: usize) -> Result<(), LmError> {
    if (1..=MOST_THREADS).contains(&count) {
        return Ok(());
    }
    let expected = format!("1 to {MOST_THREADS}");
    Err(LmError::setting("threads", expected, count))
}

/// Sets the number of CPU threads for the whole program, once.
pub(crate) fn set_threads(count: usize) -> Result<(), LmError> {
    check_threads(count)?;
    let built = rayon::ThreadPoolBuilder::new()
        .num_threads(count)
        .build_global();
    let running = rayon::current_num_threads();
    match built {
        Ok(()) => Ok(()),
        Err(_) if running == count => Ok(()),
        Err(_) => {
            let expected = format!("{running}, the number that the whole program has begun with");
            Err(LmError::setting("threads", expected, count))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_call_with_the_same_number_is_fine_and_another_is_not() {
        let sum = || Ok::<_, LmError>(1 + 1);
        let running = rayon::current_num_threads();
        assert_eq!(on_threads(Some(running), sum).unwrap(), 2);
        assert_eq!(on_threads(Some(running), sum).unwrap(), 2);
        assert_eq!(on_threads(None, sum).unwrap(), 2);
        let error = on_threads(Some(running + 1), sum).unwrap_err().to_string();
        assert!(error.starts_with("threads: expected"), "{error}");
        let error = on_threads(Some(0), sum).unwrap_err().to_string();
        assert_eq!(error, "threads: expected 1 to 1024, found 0");
    }
}
