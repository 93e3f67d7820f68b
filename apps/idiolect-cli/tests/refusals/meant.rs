//! What is typed in another place or form than it is taken: what is said of it, and what to type instead.

use std::fs;

use crate::common::{Place, distillation, done, owned, refused, training, with};

/// A file of a test's own in folders that are made.
pub(crate) fn made(place: &Place, file: &str) {
    let file = place.folder.path().join(file);
    fs::create_dir_all(file.parent().expect("a folder")).expect("made");
    fs::write(file, "").expect("written");
}

#[test]
fn settings_of_another_command_are_told_by_its_name() {
    let Some(place) = Place::new() else { return };
    let (run, out) = (place.path("rewritten"), place.path("out"));
    done(&with(&distillation(&place), &["--out", &run]));
    let own = place.path("rewritten/run.toml");
    let settings = place.read("rewritten/run.toml");
    assert!(!settings.contains("[]"), "{settings}");
    let found = format!(
        "found those of idiolect distill, which takes them: idiolect distill --config {own}"
    );
    for (command, call) in [
        ("train", &["train", "--config", &own, "--out", &out][..]),
        ("train", &["inspect", "--plan", &own]),
        ("sdft", &["sdft", "--config", &own, "--out", &out]),
        ("eval", &["eval", "--config", &own, "--out", &out]),
        ("continue", &["continue", "--config", &own, "--out", &out]),
        (
            "distill-online",
            &["distill-online", "--config", &own, "--out", &out],
        ),
    ] {
        let expected = format!("run.toml: expected settings of idiolect {command}, ");
        refused(call, &[&expected, &found]);
    }
    let folder = format!("the folder of a run, whose settings are {own}");
    refused(&["inspect", "--plan", &run], &[&folder]);
    refused(&["train", "--config", &run], &[&folder]);
    // The settings that it holds are the job's: nothing is written anew.
    let again = done(&["distill", "--config", &own]);
    assert!(again.contains("\"rows\":12"), "{again}");
    assert_eq!(place.read("rewritten/run.toml"), settings);
}

#[test]
fn a_distillation_with_other_settings_is_refused_by_its_flags() {
    let Some(place) = Place::new() else { return };
    let (call, run) = (distillation(&place), place.path("rewritten"));
    let data = place.alpaca();
    let call = |more: &[&str]| owned(&with(&call, &[&["--out", &run], more].concat()));
    let first = call(&[]);
    done(&with(&first, &[]));
    let again = |more: &[&str], part: &str| {
        let way_on = "what it was begun with resumes it, or another run directory (--out) begins";
        let call: Vec<String> = call(&[])
            .into_iter()
            .scan(false, |skips, word| {
                let is_given = more.first().is_some_and(|flag| word == *flag);
                let keeps = !is_given && !*skips;
                *skips = is_given;
                Some(keeps.then_some(word))
            })
            .flatten()
            .collect();
        refused(&with(&call, more), &["rewrites.jsonl: id ", part, way_on]);
    };
    again(&["--max-new-tokens", "9"], "--max-new-tokens was 12, is 9");
    again(&["--temperature", "0.5"], "--temperature was 0, is 0.5");
    again(&["--seed", "7"], "--seed is another");
    let other = place.model("tiny-mistral");
    again(&["--model", &other], "--model was the one with the hash ");
    let text = fs::read_to_string(&data).expect("data");
    place.write("alpaca.json", &text.replace("Say", "Tell"));
    again(&["--threads", "1"], "its prompt is another");
}

#[test]
#[allow(clippy::too_many_lines, reason = "a table")]
fn what_is_no_model_or_adapter_is_told_with_what_goes_there() {
    let Some(place) = Place::new() else { return };
    let (model, gguf) = (place.model("tiny-llama3"), place.path("adapter.gguf"));
    let adapter = place.adapter("tiny-llama3/qv/adapter_final");
    let call = ["export", "--model", &model, "--adapter", &adapter];
    done(&[&call[..], &["--out", &gguf]].concat());
    for file in [
        "runs/plain/adapter/adapter_config.json",
        "runs/plain/run.toml",
        "runs/plain/checkpoints/step-3/state.json",
        "runs/wide/adapter/adapter_config.json",
        "models/one/config.json",
        "models/two.gguf",
    ] {
        made(&place, file);
    }
    let weights = format!("{adapter}/adapter_model.safetensors");
    let own = format!("{model}/model.safetensors");
    let path = |name: &str| place.path(name);
    let generate = ["generate", "--prompt", "x", "--model"];
    for (name, part) in [
        (
            &gguf,
            "found an adapter for llama.cpp: here the PEFT folder".to_owned(),
        ),
        (&adapter, "its base model (--adapter)".to_owned()),
        (
            &weights,
            format!("a file of the adapter {adapter}, which goes on its base model (--adapter)"),
        ),
        (&own, format!("its folder is {model}")),
        (
            &path("models"),
            format!(
                "{}, {}: name the model itself",
                path("models/one"),
                path("models/two.gguf")
            ),
        ),
        (
            &path("runs/plain"),
            "a training run, whose adapter".to_owned(),
        ),
    ] {
        refused(
            &[&generate[..], &[name]].concat(),
            &["a .gguf file, found ", &part],
        );
    }
    for (name, part) in [
        (
            &gguf,
            "a GGUF file: a model is given as the model (--model)".to_owned(),
        ),
        (&weights, format!("name its folder, {adapter}")),
        (
            &path("runs"),
            format!(
                "{}, {}: name one of them",
                path("runs/plain"),
                path("runs/wide")
            ),
        ),
        (
            &path("runs/plain/checkpoints/step-3"),
            format!(
                "a checkpoint, which a training resumes from: name the run, {}",
                path("runs/plain")
            ),
        ),
        (&model, "given as the model (--model)".to_owned()),
    ] {
        refused(
            &[&generate[..], &[&model, "--adapter", name]].concat(),
            &[&part],
        );
    }
}

#[test]
fn the_folder_of_several_runs_is_none() {
    let Some(place) = Place::new() else { return };
    made(&place, "runs/plain/run.toml");
    made(&place, "runs/wide/checkpoints/step-1/state.json");
    let (runs, plain, wide) = (
        place.path("runs"),
        place.path("runs/plain"),
        place.path("runs/wide"),
    );
    let named = format!("a folder with {plain}, {wide}: name one of them");
    refused(&["train", "--resume", "--out", &runs], &[&named, "(--out)"]);
    let call = training(&place, &["--resume", "--out", &runs]);
    refused(
        &with(&call, &[]),
        &["--out: expected the directory of the run to resume", &named],
    );
    refused(&["report", &runs], &[&named]);
    refused(&["push", &runs, "--to", "me/it", "--dry-run"], &[&named]);
    assert!(!place.folder.path().join("runs/checkpoints").exists());
}
