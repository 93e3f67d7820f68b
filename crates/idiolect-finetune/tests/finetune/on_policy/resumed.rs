//! Runs that are stopped and resumed, and rounds that follow each other.

use super::*;

/// Stopped in the middle of a batch that is used three times, with a moving teacher.
#[test]
fn a_stopped_run_resumes_to_the_same_bytes() {
    let Some(place) = Place::new() else { return };
    let data = place.data();
    let teaching = TeachingSettings {
        teacher: TeacherKind::Ema,
        ema_rate: 0.3,
        updates_per_batch: 3,
        averaged_over: AveragedOver::Tokens,
        ..TeachingSettings::default()
    };
    let short = || TrainConfig {
        epochs: 2,
        ..config()
    };
    let whole = on(&place, &data, teaching.clone(), short(), Some("whole"))
        .start()
        .unwrap();
    assert_eq!(whole.report.done, 18);
    let part = stopped_every(5, &place, &data, &teaching, short());
    assert_eq!(bits(&part.adapter), bits(&whole.adapter));
    for file in [
        "metrics.jsonl",
        "journal/answers.jsonl",
        "adapter/adapter_model.safetensors",
    ] {
        let [part, whole] = ["part", "whole"].map(|run| place.bytes(&format!("{run}/{file}")));
        assert!(part == whole, "{file}");
    }
}

fn stopped_every(
    every: usize,
    place: &Place,
    data: &Dataset,
    teaching: &TeachingSettings,
    config: TrainConfig,
) -> FineTuned {
    use std::sync::atomic::{AtomicBool, Ordering};
    let stop = AtomicBool::new(false);
    let mut stops = 0;
    loop {
        stop.store(false, Ordering::Relaxed);
        let mut steps = 0;
        let run = place
            .run(data)
            .config(config.clone())
            .run_dir(place.path("part"));
        let run = run.resume(stops > 0).stop_when(&stop).on_event(|event| {
            steps += usize::from(matches!(event, TrainingEvent::Step { .. }));
            if steps == every {
                stop.store(true, Ordering::Relaxed);
            }
        });
        let run = OnPolicy::new(run)
            .teaching(teaching.clone())
            .generation(generation());
        match run.start() {
            Ok(tuned) => {
                assert_eq!(stops, 3);
                return tuned;
            }
            Err(FineTuneError::Stopped { .. }) => stops += 1,
            Err(error) => panic!("{error}"),
        }
    }
}

/// The model before the first of several rounds stays the teacher in the second.
#[test]
fn a_second_round_may_keep_its_first_teacher() {
    let Some(place) = Place::new() else { return };
    let data = place.data();
    let short = || TrainConfig {
        epochs: 1,
        ..config()
    };
    let teaching = TeachingSettings {
        teacher: TeacherKind::Original,
        ..TeachingSettings::default()
    };
    on(&place, &data, teaching.clone(), short(), Some("first"))
        .start()
        .unwrap();
    let second = |teaching: TeachingSettings| {
        let settings = idiolect_finetune::FineTuneSettings {
            init_adapter: Some(place.path("first/adapter")),
            ..idiolect_finetune::FineTuneSettings::default()
        };
        let run = place.run(&data).config(short()).settings(settings);
        let run = OnPolicy::new(run)
            .teaching(teaching)
            .generation(generation());
        run.start().unwrap().report.steps[0].clone()
    };
    // The model before the first round had no adapter that did anything: that is the teacher `off`.
    let off = second(TeachingSettings::default());
    let own = second(teaching);
    assert!(off.loss.to_bits() != own.loss.to_bits());
    assert!((off.more["entropy"] - own.more["entropy"]).abs() < 1e-12);
}
