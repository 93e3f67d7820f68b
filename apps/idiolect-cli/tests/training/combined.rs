//! Adapters added up: they score as one, and undo each other.

use serde_json::json;

use crate::common::{Place, done, refused, with};
use crate::flags;

#[test]
#[allow(clippy::too_many_lines, reason = "lists of flags")]
fn combined_adapters_score_as_one_and_undo_each_other() {
    let Some(place) = Place::new() else { return };
    let flags = flags(&place);
    let (model, first, second) = (place.model("tiny-llama3"), place.path("a"), place.path("b"));
    done(&with(&flags, &["--out", &first]));
    done(&with(
        &flags,
        &[
            "--seed",
            "7",
            "--targets",
            "all-linear",
            "--rank",
            "3",
            "--out",
            &second,
        ],
    ));
    let [first, second] = [first, second].map(|run| format!("{run}/adapter"));
    let data = place.rows(
        "rows.jsonl",
        &[json!({"prompt": "Say red.", "response": "red it is"})],
    );
    let nll = |adapter: &str| {
        let out = place.path("scores.jsonl");
        done(&[
            "score",
            "--model",
            &model,
            "--data",
            &data,
            "--adapter",
            adapter,
            "--out",
            &out,
        ]);
        place.lines("scores.jsonl")[0]["nll"]
            .as_f64()
            .expect("a number")
    };
    let combined = |name: &str, parts: &[&str]| {
        let out = place.path(name);
        let parts = parts.iter().flat_map(|part| ["--adapter", part]);
        let all: Vec<&str> = ["combine", "--model", &model, "--out", &out]
            .into_iter()
            .chain(parts)
            .collect();
        done(&all);
        nll(&out)
    };
    let same = combined(
        "same",
        &[&format!("{first}=0.25"), &format!("{first}=0.75")],
    );
    assert!((same - nll(&first)).abs() < 1e-4, "{same} {}", nll(&first));
    let back = combined("back", &[&first, &second, &format!("{first}=-1")]);
    assert!(
        (back - nll(&second)).abs() < 1e-3,
        "{back} {}",
        nll(&second)
    );
    let wrong = format!("{first}=half");
    refused(
        &[
            "combine",
            "--model",
            &model,
            "--out",
            &place.path("no"),
            "--adapter",
            &wrong,
        ],
        &["--adapter", "half"],
    );
}
