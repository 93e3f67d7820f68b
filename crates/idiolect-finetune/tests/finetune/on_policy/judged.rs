//! Answers in groups that are judged: who learns from whom, and what is told of it.

use idiolect_data::Example;
use idiolect_finetune::{Judged, OnPolicy, TeachingSettings};
use idiolect_train::{BoxError, TrainConfig};
use serde_json::Value;

use super::{generation, on, rows};
use crate::place::{Place, config};

fn teaching() -> TeachingSettings {
    TeachingSettings {
        rollouts: 4,
        updates_per_batch: 2,
        ..TeachingSettings::default()
    }
}

fn is_even(answer: &str) -> bool {
    answer.chars().count().is_multiple_of(2)
}

/// A judge to whom these answers are successes.
fn judge(is_right: fn(&str) -> bool) -> impl Fn(&Example, &str) -> Result<Judged, BoxError> {
    move |_, answer| {
        Ok(Judged {
            reward: f64::from(u8::from(is_right(answer))),
            feedback: None,
        })
    }
}

/// A row of the journal is masked where no other of its group is a success.
fn compare(group: &[&Value]) {
    let is_right = |row: &Value| row["reward"] == 1.0;
    let successes = group.iter().filter(|row| is_right(row)).count();
    for row in group {
        assert_eq!(is_right(row), is_even(row["text"].as_str().unwrap()));
        let others = successes - usize::from(is_right(row));
        assert_eq!(row["masked"] == true, others == 0, "{row}");
        let is_short = row["token_ids"].as_array().unwrap().len() < 4;
        let trains_nothing = row["trained_tokens"] == 0;
        assert_eq!(trains_nothing, others == 0 || is_short, "{row}");
    }
}

#[test]
fn judged_groups_learn_from_the_successful_answer_of_another() {
    let Some(place) = Place::new() else { return };
    let data = place.data();
    let short = TrainConfig {
        epochs: 1,
        ..config()
    };
    let run = on(&place, &data, teaching(), short, Some("run"));
    let tuned = run.reward("even", judge(is_even)).start().unwrap();
    let answers = rows(&place, "run/journal/answers.jsonl");
    assert_eq!(answers[0]["run"]["reward"], "even");
    let first: Vec<&Value> = answers.iter().filter(|row| row["step"] == 1).collect();
    assert_eq!(first.len(), 16);
    first.chunks(4).for_each(compare);
    let share = |is: &dyn Fn(&Value) -> bool| {
        first.iter().filter(|row| is(row)).count() as f64 / first.len() as f64
    };
    let success = share(&|row| row["reward"] == 1.0);
    let masked = share(&|row| row["masked"] == true);
    for (name, expected) in [
        ("reward", success),
        ("success", success),
        ("masked", masked),
    ] {
        let found = tuned.report.steps[0].more[name];
        assert!(
            (found - expected).abs() < 1e-12,
            "{name}: {found} {expected}"
        );
    }
}

#[test]
fn where_nobody_is_right_nothing_is_learnt() {
    let Some(place) = Place::new() else { return };
    let data = place.data();
    let run = OnPolicy::new(place.run(&data).config(TrainConfig {
        max_steps: Some(4),
        ..config()
    }));
    let run = run.teaching(teaching()).generation(generation());
    let tuned = run.reward("nobody", judge(|_| false)).start().unwrap();
    let numbers = |own: &idiolect_lora::Factors| own.b.val().without_autodiff().into_data();
    let is_zero = |own| {
        numbers(own)
            .iter::<f32>()
            .all(|number| number.to_bits() == 0)
    };
    assert!(tuned.adapter.factors.iter().all(is_zero));
    assert!((tuned.report.steps[3].more["masked"] - 1.0).abs() < 1e-12);
    assert!(tuned.report.steps[3].loss.abs() < 1e-12);
}
