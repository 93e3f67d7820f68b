//! The page of a run: its numbers and plots, that it needs nothing else, and that a browser shows it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests end them"
)]

mod common;

use common::{Place, done, refused, whole_job, words};
use serde_json::{Value, json};

#[test]
fn the_whole_job_leaves_a_page_that_a_browser_shows() {
    let Some(place) = Place::new() else { return };
    done(&words(&whole_job(&place, &place.path("run"))));
    let report: Value = serde_json::from_str(&place.read("run/report/report.json")).expect("JSON");
    page(&place, &report);
    in_a_browser(&place);
}

#[test]
fn a_training_run_alone_has_its_losses_and_settings() {
    let Some(place) = Place::new() else { return };
    let (model, data, run) = (
        place.model("tiny-llama3"),
        place.alpaca(),
        place.path("run"),
    );
    done(&[
        "train", "--model", &model, "--data", &data, "--epochs", "1", "--out", &run,
    ]);
    done(&["report", "--run", &run]);
    let page = place.read("run/report/index.html");
    assert_eq!(page.matches("<svg role=\"img\"").count(), 5);
    assert!(page.contains("tiny-llama3") && page.contains("The training loss went from"));
    let again = place.path("again");
    done(&["report", "--run", &run, "--out", &again]);
    assert_eq!(place.read("again/index.html"), page);
    let both = place.path("both");
    done(&["report", "--run", &run, "--run", &run, "--out", &both]);
    assert!(
        place
            .read("both/index.html")
            .contains("All settings are the same.")
    );
    refused(
        &["report", "--run", &run, "--run", &run],
        &["out", "2 runs"],
    );
    place.write("run/metrics.jsonl", "{\"step\": 1\n");
    refused(&["report", "--run", &run], &["metrics.jsonl"]);
}

/// The page has the numbers, every plot with its text, and nothing from elsewhere.
fn page(place: &Place, report: &Value) {
    let page = place.read("run/report/index.html");
    assert_eq!(
        page.matches("<svg role=\"img\"").count(),
        9,
        "learning and forgetting, five curves, BLEU-4, ROUGE-L, blocks"
    );
    for part in [
        "Learning against forgetting",
        "Loss by step",
        "Tokens a second by step",
        "optimiser step</text>",
        "Histogram of ROUGE-L",
        "Frobenius norm",
        "var(--c2)",
        "@media screen and (prefers-color-scheme: dark)",
        "color-scheme: light;",
        "@media print",
        "Say red.",
        "Begun ",
        "<h3>Side by side</h3>",
        "run/distilled/adapter --prompt",
    ] {
        let part = part
            .replace("</text>", "")
            .replace('/', "&#x2f;")
            .replace("<&#x2f;", "</");
        assert!(page.contains(&part), "{part}");
    }
    for part in ["<script", "<link", "<img", "@import", "url(", "src="] {
        assert!(!page.contains(part), "{part}");
    }
    numbers(&page, report);
    assert_eq!(
        report["samples"][0]["answers"].as_array().map(Vec::len),
        Some(3)
    );
    assert_eq!(
        report["hashes"].as_object().map(serde_json::Map::len),
        Some(3)
    );
    // The same page from the run directory alone, with a task that was measured since.
    let run = place.path("run");
    std::fs::create_dir_all(place.path("run/eval/plain-gsm8k")).expect("made");
    let summary = json!({"task": "gsm8k", "shots": 5, "items": 9,
        "scores": {"strict": {"mean": 0.1234, "low": 0.0, "high": 0.5}}});
    place.write("run/eval/plain-gsm8k/summary.json", &summary.to_string());
    done(&["report", "--run", &run]);
    let again = place.read("run/report/index.html");
    for part in ["plain-gsm8k", "0.12<small>0.00 to 0.50"] {
        assert!(again.contains(part) && !page.contains(part), "{part}");
    }
    std::fs::remove_dir_all(place.path("run/eval")).expect("removed");
    done(&["report", "--run", &run]);
    assert_eq!(place.read("run/report/index.html"), page);
    refused(
        &["report", "--run", &place.path("none")],
        &["none", "outcome.json"],
    );
}

/// Every mean of the table stands on the page, with its interval, as `report.json` has it.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a number of digits"
)]
fn numbers(page: &str, report: &Value) {
    let mut found = 0;
    for model in report["models"].as_array().expect("models") {
        for (name, interval) in model["intervals"].as_object().expect("intervals") {
            let [mean, low, high] =
                ["mean", "low", "high"].map(|end| interval[end].as_f64().expect("a number"));
            let half = (high - low) / 2.0;
            let digits = if half > 0.0 {
                (1.0 - half.log10().floor()).clamp(0.0, 6.0) as usize
            } else {
                4
            };
            let cell =
                format!("<td>{mean:.digits$}<small>{low:.digits$} to {high:.digits$}</small>");
            assert!(page.contains(&cell), "{name}: {cell}");
            found += 1;
        }
    }
    assert!(found > 12, "{found}");
}

/// Opt-in, since it needs a browser: `IDIOLECT_CHROMIUM` is its path.
fn in_a_browser(place: &Place) {
    let Some(chromium) = std::env::var_os("IDIOLECT_CHROMIUM") else {
        idiolect_testkit::skipped("IDIOLECT_CHROMIUM names no browser to show the report in");
        return;
    };
    let page = format!("file://{}", place.path("run/report/index.html"));
    let browse = |more: &[&str]| {
        let always = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--window-size=1280,3000",
        ];
        let run = std::process::Command::new(&chromium)
            .args(always)
            .args(more)
            .arg(&page)
            .output();
        run.expect("the browser").stdout
    };
    let dom = String::from_utf8(browse(&["--dump-dom"])).expect("UTF-8");
    for part in [
        "<svg role=\"img\"",
        "optimiser step",
        "How the distance is spread",
        "Learning against forgetting",
        "polyline",
    ] {
        assert!(dom.contains(part), "{part}: {dom}");
    }
    let shot = |name: &str, scheme: &str| {
        let to = format!("--screenshot={}", place.path(name));
        browse(&[
            &to,
            &format!("--blink-settings=preferredColorScheme={scheme}"),
        ]);
        std::fs::read(place.path(name)).expect("a screenshot")
    };
    let (dark, light) = (shot("dark.png", "0"), shot("light.png", "1"));
    assert!(
        50_000 < dark.len() && 50_000 < light.len(),
        "plots and text take more"
    );
    assert_ne!(dark, light);
}
