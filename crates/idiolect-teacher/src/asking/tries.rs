//! Attempts at one request: which of them count, how long is waited between them, and when it is enough.

use std::time::Duration;

use super::wait::wait;
use crate::config::Retries;
use crate::failure::Passing;

/// The attempts at a request so far.
#[derive(Debug)]
pub(crate) struct Tries<'a> {
    retries: &'a Retries,
    /// Spreads the waits.
    seed: u64,
    /// All of them.
    pub(crate) attempts: u32,
    /// Those that count against the limit.
    counted: u32,
    /// How long the server has made this request wait.
    waited: Duration,
}

impl<'a> Tries<'a> {
    pub(crate) fn new(retries: &'a Retries, seed: u64) -> Self {
        Self {
            retries,
            seed,
            attempts: 0,
            counted: 0,
            waited: Duration::ZERO,
        }
    }

    /// How long to wait before another attempt, after one that failed; or what to say where there is none.
    pub(crate) fn after(&mut self, failure: Passing) -> Result<Duration, String> {
        let Passing {
            found,
            wait: asked,
            is_loading,
        } = failure;
        self.attempts += 1;
        let own = wait(self.retries, self.seed, self.attempts, asked);
        if asked.is_none_or(|asked| asked.is_zero()) && !is_loading {
            self.counted += 1;
            let is_last = self.counted >= self.retries.attempts;
            return if is_last { Err(found) } else { Ok(own) };
        }
        let asked = asked.unwrap_or(own);
        if self.waited + asked > self.retries.max_wait {
            return Err(self.waited_too_long(&found, asked));
        }
        self.waited += own;
        Ok(own)
    }

    fn waited_too_long(&self, found: &str, asked: Duration) -> String {
        let (asked, waited) = (asked.as_secs(), self.waited.as_secs());
        match waited {
            0 => format!("{found}, and to wait {asked} s"),
            _ => format!(
                "{found}, and to wait {asked} s more than the {waited} s until now (max_wait)"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retries() -> Retries {
        Retries {
            attempts: 3,
            max_wait: Duration::from_secs(100),
            ..Retries::default()
        }
    }

    fn failure(wait: Option<u64>, is_loading: bool) -> Passing {
        Passing {
            found: "busy".into(),
            wait: wait.map(Duration::from_secs),
            is_loading,
        }
    }

    #[test]
    fn attempts_that_wait_as_the_server_asks_do_not_count() {
        let retries = retries();
        let mut tries = Tries::new(&retries, 1);
        for _ in 0..4 {
            assert_eq!(
                tries.after(failure(Some(20), false)),
                Ok(Duration::from_secs(20))
            );
        }
        assert!(tries.after(failure(None, false)).is_ok());
        assert!(tries.after(failure(None, false)).is_ok());
        assert_eq!(tries.after(failure(None, false)), Err("busy".into()));
        assert_eq!(tries.attempts, 7);
    }

    #[test]
    fn the_longest_wait_is_for_all_waits_of_a_request() {
        let retries = retries();
        let mut tries = Tries::new(&retries, 1);
        assert!(tries.after(failure(Some(60), false)).is_ok());
        let end = "busy, and to wait 60 s more than the 60 s until now (max_wait)";
        assert_eq!(tries.after(failure(Some(60), false)), Err(end.into()));
        let mut tries = Tries::new(&retries, 1);
        assert_eq!(
            tries.after(failure(Some(101), false)),
            Err("busy, and to wait 101 s".into())
        );
    }

    #[test]
    fn a_model_that_never_loads_ends_with_the_longest_wait_and_no_wait_at_all_counts() {
        let retries = retries();
        let mut tries = Tries::new(&retries, 1);
        let ended = (0..1000).find_map(|_| tries.after(failure(None, true)).err());
        assert!(ended.unwrap().contains("(max_wait)"));
        assert!((4..20).contains(&tries.attempts), "{}", tries.attempts);
        let mut tries = Tries::new(&retries, 1);
        let ended = (0..1000).find_map(|_| tries.after(failure(Some(0), false)).err());
        assert_eq!((ended, tries.attempts), (Some("busy".into()), 3));
    }
}
