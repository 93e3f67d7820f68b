//! What the job found, in one sentence that claims no more than the numbers carry.

use idiolect_eval::Gain;
use idiolect_forgetting::{BaseState, ForgettingSettings};
use idiolect_metrics::interval::shown_p;

use super::outcome::Outcome;
use crate::Error;

/// A difference with a larger p is not told.
const TOLD: f64 = 0.05;

impl Outcome {
    /// What the distilled adapter has forgotten and learned beside the plain one; none where forgetting was not
    /// measured.
    #[must_use]
    pub fn finding(&self) -> Option<String> {
        let [.., plain, distilled] = self.comparison.models.as_slice() else {
            return None;
        };
        let gain = self.comparison.gains.get(BaseState::FORGETTING)?;
        let forgot = [
            plain.mean(BaseState::FORGETTING)?,
            distilled.mean(BaseState::FORGETTING)?,
        ];
        let learned = [
            plain.mean(BaseState::LEARNING)?,
            distilled.mean(BaseState::LEARNING)?,
        ];
        Some(format!(
            "{} (p {}). Of the held-out responses the distilled adapter learned {:.4} nats a token, the plain one {:.4}.",
            difference(gain, forgot),
            shown_p(gain.p_value),
            learned[1],
            learned[0],
        ))
    }

    /// Refuses more forgetting than the limit allows, of the distilled adapter.
    pub(super) fn hold(&self, settings: &ForgettingSettings) -> Result<(), Error> {
        let distilled = self.comparison.models.last();
        match distilled.and_then(|model| model.mean(BaseState::FORGETTING)) {
            Some(rise) => Ok(settings.hold(rise)?),
            None => Ok(()),
        }
    }
}

fn difference(gain: &Gain, [plain, distilled]: [f64; 2]) -> String {
    let numbers = format!("{distilled:.4} against {plain:.4} nats a token");
    if gain.p_value >= TOLD {
        return format!(
            "Which adapter has forgotten more is not certain: the distilled one {distilled:.4}, the plain one {plain:.4} nats a token"
        );
    }
    let word = if gain.difference.mean < 0.0 {
        "less"
    } else {
        "more"
    };
    format!("The distilled adapter has forgotten {word} than the plain one: {numbers}")
}
