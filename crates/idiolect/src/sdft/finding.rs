//! What the job found, in one sentence that claims no more than the numbers carry.

use idiolect_eval::{Gain, ModelScores};
use idiolect_forgetting::ForgettingSettings;
use idiolect_metrics::interval::shown_p;

use super::Outcome;
use super::moved::{FORGETTING, LEARNING};
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
        let gain = self.comparison.gains.get(FORGETTING)?;
        let forgot = [mean(plain, FORGETTING)?, mean(distilled, FORGETTING)?];
        let learned = [mean(plain, LEARNING)?, mean(distilled, LEARNING)?];
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
        match distilled.and_then(|model| mean(model, FORGETTING)) {
            Some(rise) => Ok(settings.hold(rise)?),
            None => Ok(()),
        }
    }
}

/// The mean of a model's values by name.
pub(super) fn mean(model: &ModelScores, name: &str) -> Option<f64> {
    model.intervals.get(name).map(|found| found.mean)
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
