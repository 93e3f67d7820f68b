//! On-policy self-distillation whose answers may be judged by the checks of rewrites.

use idiolect_completion::BoxError;
use idiolect_data::Example;
use idiolect_distill::{Check, Reason, RewriteCheck};
use idiolect_finetune::{
    FineTuneError, Hooks, Judged, OnPolicySettings, Reward, TrainOutcome, distill_online,
};

use crate::Error;

/// Distils a model on its own answers, with the check that `reward` of the settings names as their judge: an answer
/// that it has nothing against has reward 1, another one 0 and its objection as feedback.
///
/// # Errors
///
/// As [`idiolect_finetune::distill_online`], and for a reward that is none.
pub fn distil_online(settings: &OnPolicySettings, hooks: Hooks<'_>) -> Result<TrainOutcome, Error> {
    let name = settings.teaching.groups.reward.as_deref();
    let reward = name.map(reward).transpose()?;
    Ok(distill_online(settings, reward, hooks)?)
}

fn reward(name: &str) -> Result<Box<dyn Reward + Send>, FineTuneError> {
    let names = Check::ALL.into_iter().filter(|check| *check != Check::Text);
    let names: Vec<&str> = names.map(Check::name).collect();
    let check = name.parse::<Check>().ok().filter(|_| names.contains(&name));
    let Some(check) = check else {
        return Err(FineTuneError::Setting {
            name: "reward".to_owned(),
            expected: names.join(", "),
            found: name.to_owned(),
        });
    };
    Ok(Box::new(move |row: &Example, answer: &str| {
        judged(check, row, answer)
    }))
}

fn judged(check: Check, row: &Example, answer: &str) -> Result<Judged, BoxError> {
    let label = row.response().unwrap_or_default().trim();
    let objection = check.objection(label, answer.trim())?;
    Ok(Judged {
        reward: f64::from(u8::from(objection.is_none())),
        feedback: objection.as_ref().map(Reason::feedback),
    })
}

#[cfg(test)]
mod tests {
    use idiolect_data::{Message, Role};

    use super::*;

    #[test]
    fn a_check_is_a_reward_with_its_objection_as_feedback() {
        let turns = [(Role::User, "What is 2+3?"), (Role::Assistant, "It is 5")];
        let turns = turns.map(|(role, text)| Message::new(role, text)).to_vec();
        let row = Example::new(0.into(), turns);
        let reward = reward("math").unwrap();
        let right = reward.reward(&row, "So 5").unwrap();
        assert!(right.reward > 0.5 && right.feedback.is_none());
        let wrong = reward.reward(&row, "So 6").unwrap();
        assert!(wrong.reward < 0.5 && wrong.feedback.unwrap().contains('6'));
    }

    #[test]
    fn what_judges_nothing_is_refused() {
        for name in ["text", "maths"] {
            let error = reward(name).err().unwrap().to_string();
            let expected = format!("reward: expected math, call, call-half, code, found {name}");
            assert_eq!(error, expected);
        }
    }
}
