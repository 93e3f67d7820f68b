//! Answers in groups, judged by a reward: what a group knows becomes the context of its teacher (arXiv 2601.20802).
//!
//! Which answer is shown what, and in which words, is as in TRL 1.16 (`trl/experimental/sdpo/sdpo_trainer.py`): an answer
//! sees the first successful one of its group other than itself, and what was said of itself where that is asked for.
//! An answer with neither is masked: it trains nothing and still counts in the mean.

use idiolect_data::Example;
use idiolect_train::BoxError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::choices::Feedback;
use crate::FineTuneError;

/// What is said of an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// How good it is; a finite number.
    pub reward: f64,
    /// What is wrong with it, as the teacher may be told; none where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feedback: Option<String>,
}

/// Judges answers. The same answer must always be judged alike: a resumed run asks again.
pub trait Reward {
    /// What is to be said of an answer to the prompt of a row, whose own response is at hand.
    ///
    /// # Errors
    ///
    /// Whatever keeps it from that; the run ends.
    fn reward(&self, row: &Example, answer: &str) -> Result<Judged, BoxError>;
}

impl<F: Fn(&Example, &str) -> Result<Judged, BoxError>> Reward for F {
    fn reward(&self, row: &Example, answer: &str) -> Result<Judged, BoxError> {
        self(row, answer)
    }
}

/// How judged answers become contexts; flat keys of a configuration file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct GroupSettings {
    /// What judges the answers: `math`, `call`, `call-half` or `code`; the teacher is then shown a successful answer of
    /// the same group, and not the response of the data set. Default none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reward: Option<String>,
    /// From which reward on an answer is a success. Default 1.
    pub reward_threshold: f64,
    /// When the teacher is told what is wrong with the answer: `never`, `without-solution`, where the group has no other
    /// success, or `always`. Default `never`.
    pub reward_feedback: Feedback,
    /// Whether an answer may be its own successful one. Default false.
    pub own_solution: bool,
    /// Whether reasoning (`<think>…</think>`) is left out of what is shown. Default false.
    pub remove_reasoning: bool,
}

impl Default for GroupSettings {
    fn default() -> Self {
        Self {
            reward: None,
            reward_threshold: 1.0,
            reward_feedback: Feedback::default(),
            own_solution: false,
            remove_reasoning: false,
        }
    }
}

impl GroupSettings {
    /// Refuses settings under which every answer would be masked.
    ///
    /// # Errors
    ///
    /// [`FineTuneError::Setting`].
    pub(super) fn check(&self, rollouts: usize) -> Result<(), FineTuneError> {
        if !self.reward_threshold.is_finite() {
            let found = self.reward_threshold;
            return Err(FineTuneError::setting(
                "reward_threshold",
                "a number",
                found,
            ));
        }
        let is_told = self.reward_feedback != Feedback::Never;
        let shows = rollouts > 1 || self.own_solution || is_told;
        if self.reward.is_some() && !shows {
            let expected = "at least 2 beside a reward, or reward_feedback";
            return Err(FineTuneError::setting("rollouts", expected, rollouts));
        }
        Ok(())
    }

    /// Whether an answer is a success.
    pub(super) fn is_success(&self, judged: &Judged) -> bool {
        self.reward_threshold <= judged.reward
    }

    /// What each answer of a group is shown; none for those that are masked.
    pub(super) fn shown(&self, group: &[&Judged]) -> Vec<Option<Shown>> {
        let all = group.iter().enumerate();
        let successes = all.filter(|(_, judged)| self.is_success(judged));
        let successes: Vec<usize> = successes.map(|(at, _)| at).collect();
        let one = |(at, judged): (usize, &&Judged)| {
            let mut others = successes.iter().copied();
            let solution = others.find(|other| self.own_solution || *other != at);
            let said = judged.feedback.as_deref().unwrap_or_default();
            let is_due = match self.reward_feedback {
                Feedback::Never => false,
                Feedback::WithoutSolution => solution.is_none(),
                Feedback::Always => true,
            };
            let feedback = is_due && !said.trim().is_empty();
            (solution.is_some() || feedback).then_some(Shown { solution, feedback })
        };
        group.iter().enumerate().map(one).collect()
    }

    /// The question with what is shown beside it.
    pub(super) fn question(
        &self,
        question: &str,
        solution: Option<&str>,
        feedback: Option<&str>,
    ) -> String {
        let solution = solution.map_or_else(String::new, |text| {
            let text = if self.remove_reasoning {
                without_reasoning(text)
            } else {
                text.to_owned()
            };
            format!("\nCorrect solution:\n\n{text}\n\n")
        });
        let feedback = feedback.map_or_else(String::new, |text| {
            format!(
                "\nThe following is feedback from your unsuccessful earlier attempt:\n\n{text}\n\n"
            )
        });
        format!("{question}{solution}{feedback}\n\nCorrectly solve the original question.\n")
    }
}

/// A text without each passage of reasoning in it, wherever it stands, as TRL leaves it out.
fn without_reasoning(text: &str) -> String {
    let mut text = text.to_owned();
    while let Some((before, rest)) = text.split_once("<think>") {
        let Some((_, after)) = rest.split_once("</think>") else {
            break;
        };
        let joined = format!("{before}{after}");
        joined.trim().clone_into(&mut text);
    }
    text
}

/// What one answer of a group is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shown {
    /// The successful answer, by its place in the group.
    pub(super) solution: Option<usize>,
    /// Whether it is told what is wrong with itself.
    pub(super) feedback: bool,
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test's own file")]
mod tests {
    use serde_json::Value;

    use super::*;

    fn settings(args: &Value) -> GroupSettings {
        let is = |name: &str| args[name] == true;
        GroupSettings {
            reward_feedback: match (
                is("include_environment_feedback"),
                is("environment_feedback_only_without_solution"),
            ) {
                (false, _) => Feedback::Never,
                (true, true) => Feedback::WithoutSolution,
                (true, false) => Feedback::Always,
            },
            own_solution: args["dont_reprompt_on_self_success"] == false,
            remove_reasoning: is("remove_thinking_from_demonstration"),
            ..GroupSettings::default()
        }
    }

    /// Each batch of groups as TRL recorded it: who is shown what, in which words, and who is masked.
    fn compare(case: &Value) {
        let settings = settings(&case["args"]);
        let size = usize::try_from(case["num_generations"].as_u64().unwrap()).unwrap();
        let rewards = case["rewards"].as_array().unwrap();
        let text = |field: &str, at: usize| case[field][at].as_str().map(str::to_owned);
        let judged = |at: usize| Judged {
            reward: rewards[at].as_f64().unwrap(),
            feedback: text("feedback", at),
        };
        let all: Vec<Judged> = (0..rewards.len()).map(judged).collect();
        for (group, judged) in all.chunks(size).enumerate() {
            let own: Vec<&Judged> = judged.iter().collect();
            let question = text("prompts", group).unwrap();
            for (at, shown) in settings.shown(&own).into_iter().enumerate() {
                let row = group * size + at;
                let name = format!("{} row {row}", case["name"]);
                let masked = case["self_distillation_mask"][row] == 0;
                assert_eq!(shown.is_none(), masked, "{name}");
                let solution = shown.and_then(|shown| shown.solution);
                let solution = solution.map(|place| group * size + place);
                let expected = case["demonstration_row"][row].as_u64();
                assert_eq!(solution.map(|row| row as u64), expected, "{name}");
                let told = shown.is_some_and(|shown| shown.feedback);
                assert_eq!(case["feedback_used"][row], told, "{name}");
                if shown.is_some() {
                    let solution = solution.and_then(|row| text("completions", row));
                    let feedback = all[row].feedback.clone().filter(|_| told);
                    let found =
                        settings.question(&question, solution.as_deref(), feedback.as_deref());
                    assert_eq!(case["teacher_prompts"][row], found, "{name}");
                }
            }
        }
    }

    #[test]
    fn groups_are_shown_what_trl_shows_them() {
        let Some(shared) = idiolect_testkit::shared() else {
            return;
        };
        let text = std::fs::read_to_string(shared.join("oracles/onpolicy/onpolicy.json")).unwrap();
        let oracle: Value = serde_json::from_str(&text).unwrap();
        let cases = oracle["sdpo"].as_array().unwrap();
        assert_eq!(cases.len(), 8);
        cases.iter().for_each(compare);
    }

    #[test]
    fn two_hundred_drawn_groups_are_shown_what_trl_shows_them() {
        let cases: Vec<Value> =
            serde_json::from_str(include_str!("../../tests/golden/on_policy/groups.json")).unwrap();
        assert_eq!(cases.len(), 200);
        cases.iter().for_each(compare);
    }
}
