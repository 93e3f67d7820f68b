//! What may be spent, and what is.
//!
//! A request is let go only when what it may cost at most is left beside what those under way may
//! cost at most; it waits while some are under way that may cost less than that.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use crate::TeacherError;

/// Limits of one teacher's spending, in this process; a resumed run has them anew.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Budget {
    /// Tokens of prompts and texts together; no limit by default.
    pub tokens: Option<u64>,
    /// Money, in the currency of the prices, 0 or more; no limit by default.
    pub money: Option<f64>,
    /// Price of a million tokens of prompts, 0 or more; default 0.
    pub prompt_price: f64,
    /// Price of a million tokens of texts, 0 or more; default 0.
    pub text_price: f64,
}

/// What a teacher spent, as the server counts it.
///
/// An attempt that failed counts too where the server says what it took, and by the most that it may have taken
/// where an answer with status 200 came broken or cut off.
/// An attempt that no answer came to counts as an attempt alone: nobody knows what it cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Spent {
    /// Attempts made, whatever came of them.
    pub attempts: u64,
    /// Attempts that were answered with a text.
    pub texts: u64,
    /// Tokens of prompts.
    pub prompt_tokens: u64,
    /// Tokens of texts.
    pub text_tokens: u64,
}

impl Spent {
    /// Tokens together.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.prompt_tokens.saturating_add(self.text_tokens)
    }
}

impl Budget {
    /// What an amount of tokens costs.
    #[must_use]
    pub fn money_for(&self, spent: &Spent) -> f64 {
        let million = 1e6;
        spent.prompt_tokens as f64 * self.prompt_price / million
            + spent.text_tokens as f64 * self.text_price / million
    }

    pub(crate) fn check(&self) -> Result<(), TeacherError> {
        let amounts = [
            ("budget_money", self.money.unwrap_or(0.0)),
            ("prompt_price", self.prompt_price),
            ("text_price", self.text_price),
        ];
        let bad = |(_, amount): &(&str, f64)| !amount.is_finite() || *amount < 0.0;
        match amounts.into_iter().find(bad) {
            None => Ok(()),
            Some((name, amount)) => Err(TeacherError::Setting {
                name,
                expected: "0 or more".to_owned(),
                found: amount.to_string(),
            }),
        }
    }

    /// The limit that an amount exceeds: its name, the limit, and the amount measured by it.
    fn exceeded(&self, amount: &Spent) -> Option<(&'static str, f64)> {
        let tokens = self.tokens.map(|limit| limit as f64);
        if let Some(limit) = tokens.filter(|limit| amount.tokens() as f64 > *limit) {
            return Some(("tokens", limit));
        }
        let money = self.money.filter(|limit| self.money_for(amount) > *limit);
        money.map(|limit| ("money", limit))
    }
}

/// The state that all requests share.
#[derive(Debug, Default)]
pub(crate) struct Spending {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Clone, Copy, Default)]
struct State {
    spent: Spent,
    /// What those under way may cost at most.
    reserved: Spent,
    under_way: usize,
}

impl Spending {
    /// Sets aside what a request may cost at most; false when stopped.
    pub(crate) fn reserve(
        &self,
        budget: &Budget,
        most: Spent,
        id: &Value,
        stop: &AtomicBool,
    ) -> Result<bool, TeacherError> {
        let mut state = self.lock();
        loop {
            if stop.load(Ordering::Relaxed) {
                return Ok(false);
            }
            let wanted = sum(sum(state.spent, state.reserved), most);
            let Some((what, limit)) = budget.exceeded(&wanted) else {
                state.reserved = sum(state.reserved, most);
                state.under_way += 1;
                return Ok(true);
            };
            if state.under_way == 0 {
                let measure = |amount: &Spent| match what {
                    "tokens" => amount.tokens() as f64,
                    _ => budget.money_for(amount),
                };
                let spent = measure(&state.spent);
                return Err(TeacherError::Budget {
                    what,
                    limit,
                    spent,
                    needed: measure(&most),
                    left: limit - spent,
                    id: id.clone(),
                });
            }
            let (next, _) = self
                .changed
                .wait_timeout(state, Duration::from_millis(50))
                .unwrap_or_else(PoisonError::into_inner);
            state = next;
        }
    }

    /// Puts back what was set aside, and counts what was really spent.
    pub(crate) fn settle(&self, most: Spent, really: Spent) {
        let mut state = self.lock();
        state.reserved = combined(state.reserved, most, u64::saturating_sub);
        state.spent = sum(state.spent, really);
        state.under_way -= 1;
        self.changed.notify_all();
    }

    pub(crate) fn spent(&self) -> Spent {
        self.lock().spent
    }

    /// A thread that panicked while it held the lock left sums that still hold.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Both together; a server may name any number, and none may wrap around to a small one.
fn sum(a: Spent, b: Spent) -> Spent {
    combined(a, b, u64::saturating_add)
}

fn combined(a: Spent, b: Spent, by: fn(u64, u64) -> u64) -> Spent {
    Spent {
        attempts: by(a.attempts, b.attempts),
        texts: by(a.texts, b.texts),
        prompt_tokens: by(a.prompt_tokens, b.prompt_tokens),
        text_tokens: by(a.text_tokens, b.text_tokens),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_number_of_a_server_wraps_around() {
        let (spending, budget) = (Spending::default(), Budget::default());
        let most = Spent {
            attempts: 1,
            texts: 1,
            prompt_tokens: u64::MAX,
            text_tokens: u64::MAX,
        };
        let stop = AtomicBool::new(false);
        for _ in 0..2 {
            assert!(
                spending
                    .reserve(&budget, most, &Value::Null, &stop)
                    .unwrap()
            );
        }
        for _ in 0..2 {
            spending.settle(most, most);
        }
        assert_eq!(spending.spent().tokens(), u64::MAX);
        let small = Budget {
            tokens: Some(1000),
            ..budget
        };
        assert!(spending.reserve(&small, most, &Value::Null, &stop).is_err());
    }
}
