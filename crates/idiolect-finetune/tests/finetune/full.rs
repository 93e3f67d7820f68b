//! Every weight trained.

use idiolect_finetune::{FineTune, FineTuneSettings};
use idiolect_lm::LanguageModel;
use idiolect_train::TrainConfig;

use crate::place::{Place, config, numbers};

fn slow() -> TrainConfig {
    TrainConfig {
        learning_rate: 1e-3,
        ..config()
    }
}

#[test]
fn every_weight_trains_and_the_model_comes_back_from_its_folder() {
    let Some(place) = Place::new() else { return };
    let data = place.data();
    let run = FineTune::of(place.model(), &data)
        .config(slow())
        .run_dir(place.path("full"));
    let tuned = run.start_full().unwrap();
    let losses = numbers(&place.path("full/metrics.jsonl"), "loss");
    assert_eq!(losses.len(), 12);
    assert!(losses[11] < 0.7 * losses[0], "{losses:?}");
    let again = LanguageModel::open(&place.path("full/model").display().to_string()).unwrap();
    let answer = again.chat("Say red.").unwrap();
    assert_eq!(answer, tuned.model.chat("Say red.").unwrap());
    assert_ne!(answer, place.model().chat("Say red.").unwrap());
}

#[test]
fn what_does_not_go_with_full_is_refused() {
    let Some(place) = Place::new() else { return };
    let data = place.data();
    let settings = FineTuneSettings {
        full: true,
        ..FineTuneSettings::default()
    };
    let error = place
        .run(&data)
        .settings(settings)
        .start()
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "full: expected false, or a full run (start_full), found true"
    );
    let settings = FineTuneSettings {
        devices: vec!["cpu".to_owned()],
        ..FineTuneSettings::default()
    };
    let error = place
        .run(&data)
        .settings(settings)
        .start_full()
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "devices: expected nothing beside full, found a value"
    );
}
