//! Vocabularies that grow, and adapters that are trained further.

use idiolect_data::settings::Layer;
use idiolect_finetune::{FineTune, FineTuneSettings, Loss, TrainSettings};
use idiolect_lora::LoraConfig;

use crate::place::{Place, config, numbers, read};

#[test]
fn a_word_is_added_trained_and_comes_back_with_its_adapter() {
    let Some(place) = Place::new() else { return };
    let data = place.data();
    let settings = FineTuneSettings {
        add_tokens: vec!["<it-is>".to_owned()],
        ..FineTuneSettings::default()
    };
    let run = place
        .run(&data)
        .settings(settings)
        .run_dir(place.path("run"));
    let tuned = run.start().unwrap();
    let base = place.model();
    let count = base.tokenizer().vocab_size();
    assert_eq!(tuned.model.tokenizer().vocab_size(), count + 1);
    let names = &tuned.adapter.config.modules_to_save;
    assert_eq!(names, &["embed_tokens", "lm_head"]);
    let loaded = base.load_adapter(&place.path("run/adapter")).unwrap();
    assert_eq!(loaded.tokenizer().vocab_size(), count + 1);
    assert_eq!(
        loaded.chat("Say red.").unwrap(),
        tuned.model.chat("Say red.").unwrap()
    );
    // A run that begins with it knows the word.
    let settings = FineTuneSettings {
        init_adapter: Some(place.path("run/adapter")),
        ..FineTuneSettings::default()
    };
    let more = FineTune::new(&base, &data)
        .config(config())
        .settings(settings);
    let more = more.run_dir(place.path("more")).start().unwrap();
    assert_eq!(more.model.tokenizer().vocab_size(), count + 1);
    let [first, second] =
        ["run", "more"].map(|run| numbers(&place.path(&format!("{run}/metrics.jsonl")), "loss"));
    assert!(second[0] < first[0], "{} {}", second[0], first[0]);
}

#[test]
fn a_divergence_from_the_base_model_falls() {
    let Some(place) = Place::new() else { return };
    let data = place.data();
    place.in_folder("start");
    for loss in [Loss::ForwardKl, Loss::ReverseKl] {
        let name = loss.to_string();
        let settings = FineTuneSettings {
            loss,
            init_adapter: Some(place.path("start/adapter")),
            validation_share: 0.2,
            ..FineTuneSettings::default()
        };
        let run = place
            .run(&data)
            .settings(settings)
            .run_dir(place.path(&name));
        let report = run.start().unwrap().report;
        let losses: Vec<f64> = report.steps.iter().map(|row| row.loss).collect();
        let held_out: Vec<f64> = report.evaluations.iter().map(|row| row.eval_loss).collect();
        assert!(losses.iter().chain(&held_out).all(|loss| *loss >= 0.0));
        let most = held_out[0].max(losses[0]);
        assert!(held_out[3] < 0.5 * most, "{loss}: {losses:?} {held_out:?}");
    }
}

#[test]
fn an_adapter_that_is_trained_further_keeps_its_shape() {
    let Some(place) = Place::new() else { return };
    let data = place.data();
    let small = LoraConfig {
        rank: 2,
        targets: "v_proj,q_proj".parse().unwrap(),
        ..LoraConfig::default()
    };
    let first = place.run(&data).lora(small.clone());
    first.run_dir(place.path("first")).start().unwrap();
    let run = |lora: LoraConfig| {
        let settings = FineTuneSettings {
            init_adapter: Some(place.path("first")),
            ..FineTuneSettings::default()
        };
        let run = place.run(&data).lora(lora).settings(settings);
        run.run_dir(place.path("more")).resume(true).start()
    };
    let other = LoraConfig {
        rank: 4,
        ..LoraConfig::default()
    };
    let error = run(other).unwrap_err().to_string();
    assert_eq!(
        error,
        "rank: expected 2, that of init_adapter, or nothing beside it, found 4"
    );
    assert!(!place.path("more").exists());
    for lora in [LoraConfig::default(), small] {
        assert_eq!(run(lora).unwrap().adapter.config.rank, 2);
        let settings = read(&place.path("more/run.toml"));
        assert!(settings.contains("\nrank = 2\n"), "{settings}");
    }
    // What is given counts also where it is the default.
    let layer = |text: &str| Layer::parse("command line", text).unwrap();
    let start = format!("init_adapter = {:?}\n", place.path("first"));
    let settings = TrainSettings::of_layers(&[layer(&start)]).unwrap();
    assert_eq!(settings.lora.rank, 2);
    let error = TrainSettings::of_layers(&[layer(&format!("{start}rank = 8\n"))]);
    assert!(
        error
            .unwrap_err()
            .to_string()
            .starts_with("rank: expected 2")
    );
}
