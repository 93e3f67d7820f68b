//! Arena-Hard and `AlpacaEval`: answers beside a baseline's.

use serde_json::{Value, json};

use crate::common::{Place, refused, words};
use crate::loopback::{Act, Server};
use crate::{call, run, tasks};

#[test]
fn arena_hard_and_alpaca_eval_compare_with_a_baseline() {
    let Some(place) = Place::new() else { return };
    tasks(&place);
    run(&place, "--task arena_hard --out $OUT/seed");
    let server = Server::start(|asked| {
        let shown = asked.shown();
        // The baseline's answers are marked; whoever has no mark is better.
        let text = match shown.split_once("Assistant B's Answer|>") {
            Some((first, _)) if first.contains("MARK") => "[[B>>A]]",
            Some(_) => "[[A=B]]",
            None if shown.contains("Say red.") => {
                "[{'model': 'model_1', 'rank': 1}, {'model': 'model_2', 'rank': 2}]"
            }
            None => "neither",
        };
        Act::text(asked, text)
    });
    let judge = format!("--judge openai:{} --server-model j", server.url);
    // Its own answers as the baseline, marked.
    let mut rows = place.lines("seed/rows.jsonl");
    for row in &mut rows {
        row["text"] = format!("MARK {}", row["text"].as_str().unwrap()).into();
    }
    place.rows("baseline.jsonl", &rows);
    let text = format!("--task arena_hard --out $OUT/arena --baseline $OUT/baseline.jsonl {judge}");
    let summary = run(&place, &text);
    // Three games are won where the baseline stands first, one is half won where it stands second.
    assert_eq!(summary["scores"]["win"]["mean"], json!(0.875));
    assert_eq!(
        (
            &summary["judge"]["judgements"],
            &summary["judge"]["baseline"]
        ),
        (&json!(4), &json!("baseline.jsonl"))
    );
    assert_eq!(place.lines("arena/rows.jsonl")[0]["win"], json!(0.875));
    let spent = &summary["judge"]["spent"];
    assert_eq!(
        (&spent["attempts"], &spent["texts"]),
        (&json!(4), &json!(4))
    );
    let written: Value = serde_json::from_str(&place.read("arena/summary.json")).unwrap();
    assert_eq!(written, summary);
    let summary = run(
        &place,
        &format!("--task alpaca_eval --out $OUT/alpaca {judge}"),
    );
    assert_eq!(
        (&summary["judge"]["judgements"], &summary["judge"]["unread"]),
        (&json!(2), &json!(1))
    );
    let outputs: Value = serde_json::from_str(&place.read("alpaca/outputs.json")).unwrap();
    assert_eq!(outputs.as_array().unwrap().len(), 2);
    let short = place.rows("short.jsonl", &rows[..1]);
    let text = format!("--task arena_hard --out $OUT/short --baseline {short} {judge}");
    refused(
        &words(&call(&place, &text)),
        &["short.jsonl", "no answer to \"v\""],
    );
}
