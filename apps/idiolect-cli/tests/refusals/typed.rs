//! Words, numbers and paths that are not what an option takes: what to type is in the message.

use crate::common::{Place, distillation, idiolect, refused, training, with};
use crate::meant::made;
use std::net::TcpListener;
#[test]
fn a_word_by_itself_is_answered_with_the_flag_that_takes_it() {
    let Some(place) = Place::new() else { return };
    made(&place, "run/run.toml");
    made(&place, "run/adapter/adapter_config.json");
    made(&place, "rewritten/run.toml");
    let rewritten = place.path("rewritten");
    let (model, run) = (place.model("tiny-llama3"), place.path("run"));
    let as_model = format!("takes it as --model {model}");
    let as_adapter = format!("takes it as --adapter {run}, beside --model");
    for (call, part) in [
        (&["chat", &model][..], &*as_model),
        (&["eval", &model], &as_model),
        (&["inspect", &model], &as_model),
        (&["train", &model], &as_model),
        (&["generate", &model, "--prompt", "x"], &as_model),
        (&["chat", &run], &as_adapter),
        (&["serve", "--model", &model, &run], &as_adapter),
        (&["export", &run], &as_adapter),
        (
            &["train", &run],
            &format!("takes it as --resume --out {run}, which resumes that run"),
        ),
        (
            &["train", "--resume", &run],
            &format!("takes it as --resume --out {run}"),
        ),
        (&["train", "--resume", "true"], "--resume takes no value"),
        (&["chat", "owner/name"], "takes it as --model owner/name"),
        (&["distill", &model], &as_model),
        (
            &["distill", &rewritten],
            &format!("takes it as --config {rewritten}/run.toml"),
        ),
    ] {
        refused(call, &[part]);
    }
}

#[test]
fn numbers_below_a_range_are_refused_as_the_values_of_their_flags() {
    for (call, part) in [
        (
            &["train", "--rank", "-1"][..],
            "\"-1\" for \"--rank <RANK>\": expected a whole number from 0",
        ),
        (
            &["train", "--epochs", "-2"],
            "\"-2\" for \"--epochs <EPOCHS>\": expected a whole number from 0",
        ),
        (
            &["train", "--layers", "-1"],
            "\"-1\" for \"--layers <0,1,2>\"",
        ),
        (
            &["serve", "--model", "m", "--port", "-1"],
            "expected a whole number from 0 to 65535",
        ),
        (
            &["generate", "--model", "m", "--prompt", "x", "--seed", "-1"],
            "\"--seed <SEED>\": expected a whole number from 0",
        ),
        (
            &["distill", "merge", "--max-new-tokens", "-1"],
            "for \"--max-new-tokens <MAX_NEW_TOKENS>\"",
        ),
        (
            &["doctor", "--log-every", "-1"],
            "\"--log-every <SECONDS>\": expected a whole number from 0",
        ),
        (
            &["generate", "--model", "m", "--prompt", "x", "--prompt", "y"],
            "; --prompts FILE takes several",
        ),
        (
            &["train", "--learning-rate", "-1e-4"],
            "--learning-rate -1e-4 is written --learning-rate=-1e-4",
        ),
        (
            &["train", "--gradient-checkpointing", "true"],
            "--activation-checkpointing here: auto, on or off",
        ),
    ] {
        refused(call, &[part]);
    }
}

#[test]
#[allow(clippy::too_many_lines, reason = "a table")]
fn what_is_not_there_is_told_with_what_goes_there() {
    let Some(place) = Place::new() else { return };
    let (model, data, out) = (
        place.model("tiny-llama3"),
        place.alpaca(),
        place.path("out"),
    );
    let train = |data: &str, part: &str| {
        let call = ["train", "--model", &model, "--data", data, "--out", &out];
        refused(&call, &[part]);
    };
    let near = format!("found no such file; the nearest is {data}");
    train(&place.path("alpacca.json"), &near);
    train(
        "tatsu-lab/alpaca",
        "hf download tatsu-lab/alpaca --repo-type dataset",
    );
    train(
        "https://some.where/rows.json",
        "found an address: name a file of this machine",
    );
    let file = place.write("file", "text");
    let no_folder = format!("{file}: expected a folder, or a new one, found a file");
    refused(
        &with(&training(&place, &["--out", &file]), &[]),
        &[&no_folder],
    );
    refused(
        &with(&distillation(&place), &["--out", &file]),
        &[&no_folder],
    );
    let template = [
        "generate",
        "--model",
        &model,
        "--prompt",
        "x",
        "--template",
        "no.jinja",
    ];
    refused(
        &template,
        &["no.jinja: expected a file, found no such file"],
    );
    let adapter = place.adapter("tiny-llama3/qv/adapter_final");
    let merge = [
        "merge",
        "--model",
        &model,
        "--adapter",
        &adapter,
        "--out",
        &file,
    ];
    refused(&merge, &[&no_folder]);
    let rows = place.path("none/rows.jsonl");
    let generate = [
        "generate", "--model", &model, "--prompt", "x", "--out", &rows,
    ];
    refused(
        &generate,
        &["expected a file to write, in a folder that is there, found no folder"],
    );
    refused(
        &["train", "--config", "no.toml"],
        &["no.toml: expected a file of settings, as TOML, found no such file"],
    );
    let teacher = format!("local:{model}");
    let corpus = [
        "continue",
        "--corpus",
        "no.txt",
        "--teacher",
        &teacher,
        "--documents",
        "1",
        "--out",
        &out,
    ];
    refused(&corpus, &["no.txt: expected a file, found no such file"]);
}

#[test]
fn what_is_in_the_way_is_told_with_the_flag_that_takes_another() {
    let Some(place) = Place::new() else { return };
    let (model, data) = (place.model("tiny-llama3"), place.alpaca());
    let taken = place.write("train.toml", "rank = 4\n");
    let init = |data: &str, part: &str| {
        let call = [
            "init", "--yes", "--model", &model, "--data", data, "--config", &taken,
        ];
        refused(&call, &[part]);
    };
    init(
        &data,
        "or another name for the configuration (--config), found a file",
    );
    init("no.jsonl", "no.jsonl: expected a file of rows");
    assert_eq!(place.read("train.toml"), "rank = 4\n");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener
        .local_addr()
        .expect("an address")
        .port()
        .to_string();
    let said = idiolect(&["serve", "--model", &model, "--port", &port]).stderr;
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(
        said.contains("; another program listens there, and --port takes another port"),
        "{said}"
    );
}
