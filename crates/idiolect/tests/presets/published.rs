//! The rewrites that were published, through the stops and checks of each preset.

use idiolect::distill::{DistillConfig, DistillSettings, Verdict, judge};
use idiolect::generate::FinishReason;
use idiolect::prompt::{ChatTemplate, ChatTokens, Template};
use idiolect::{Check, SdftSettings};
use idiolect_testkit::shared_file;

use crate::{named, read};

/// The rewrites that sail-sg/sdft publishes and that differ from the original, in its order.
fn published(name: &str, field: &str) -> Option<Vec<(String, String)>> {
    let texts = |file: String| -> Option<Vec<String>> {
        let path = shared_file(&format!("data/sdft/{file}.json"))?;
        let rows: Vec<serde_json::Value> =
            serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let text = |row: &serde_json::Value| row[field].as_str().unwrap().trim().to_owned();
        Some(rows.iter().map(text).collect())
    };
    let before = texts(format!("{name}_train"))?;
    let pairs = before.into_iter().zip(texts(format!("distilled_{name}"))?);
    Some(pairs.filter(|(before, after)| before != after).collect())
}

/// What a setting leaves of a rewrite: cut at the first stop, then judged.
fn left(
    settings: &DistillSettings,
    template: &Template,
    (label, rewrite): &(String, String),
) -> Option<String> {
    let stops = settings.stops(template);
    let ends = stops.iter().filter_map(|stop| rewrite.find(stop));
    let cut = &rewrite[..ends.min().unwrap_or(rewrite.len())];
    let DistillConfig { check, extras, .. } = settings.config(template, 42).unwrap();
    let verdict = judge(&*check, &extras, label, cut, &FinishReason::Stop).unwrap();
    (verdict == Verdict::Keep).then(|| cut.to_owned())
}

#[test]
fn no_published_rewrite_is_lost_to_a_stop_or_a_check() {
    for (file, name, changed) in [
        ("openfunctions", "openfunction", 236),
        ("alpaca", "alpaca", 1648),
    ] {
        let Some(pairs) = published(name, "output") else {
            continue;
        };
        assert_eq!(pairs.len(), changed);
        let job: SdftSettings = read(&format!("sdft-2402/{file}"));
        for pair in &pairs {
            let kept = left(&job.distill, &named("alpaca"), pair);
            assert_eq!(kept.as_ref(), Some(&pair.1), "{file}");
        }
    }
}

/// Inside a chat template the stop at `###` is for small models, and goes with the verdict `echo`.
#[test]
fn in_a_chat_template_no_rewrite_is_lost_without_the_verdict_echo() {
    let Some(pairs) = published("openfunction", "output") else {
        return;
    };
    let source = "{% for turn in messages %}{{ turn.content }}{% endfor %}";
    let chat = ChatTemplate::new(source, ChatTokens::default()).unwrap();
    let chat = Template::Chat(Box::new(chat));
    let settings = |verdicts: &[&str]| DistillSettings {
        preset: "refer".into(),
        check: Check::Call,
        verdicts: verdicts.iter().map(ToString::to_string).collect(),
        ..DistillSettings::default()
    };
    // Those of whose own words something is left.
    let own = |settings: &DistillSettings| {
        let left = |pair: &&(String, String)| {
            left(settings, &chat, pair).is_some_and(|left| left.trim() != pair.0)
        };
        pairs.iter().filter(left).count()
    };
    assert_eq!(settings(&[]).stops(&chat), ["###"]);
    // 66 are cut down to the original call, and one is cut before it.
    assert_eq!(own(&settings(&[])), 236 - 67);
    assert_eq!(own(&settings(&["unfinished", "empty"])), 236);
}
