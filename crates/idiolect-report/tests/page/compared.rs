//! Several runs on one page.

use super::*;

#[test]
fn two_runs_stand_side_by_side_with_the_settings_that_differ() {
    let (folder, run) = run();
    let runs = ["slow", "fast"].map(|name| run.part(name));
    for (part, rate) in runs.iter().zip(["1e-4", "1e-3"]) {
        put(&part.metrics(), &metrics(&[2.0, 1.0]));
        put(
            &part.run_toml(),
            &format!("rank = 8\nlearning_rate = {rate}\n"),
        );
    }
    let paths = runs.map(|run| run.root);
    let missing = write_runs(&paths, None).unwrap_err().to_string();
    assert_eq!(
        missing,
        "out: expected a folder for the page of 2 runs, found nothing"
    );
    let to = folder.path().join("both");
    let html = std::fs::read_to_string(write_runs(&paths, Some(&to)).unwrap()).unwrap();
    let numbers = std::fs::read_to_string(to.join("report.json")).unwrap();
    let numbers: Value = serde_json::from_str(&numbers).unwrap();
    let differ = json!([{"setting": "learning_rate", "values": [1e-4, 1e-3]}]);
    assert_eq!(numbers["differences"], differ);
    assert_eq!(numbers["runs"][1]["losses"]["run"][1]["loss"], 1.0);
    for part in [
        "slow · fast",
        "var(--c1)",
        "var(--c2)",
        "Loss by step",
        "<td>1.0000</td><td>1.0000</td>",
    ] {
        assert!(html.contains(part), "{part}: {html}");
    }
    let single = write_runs(&paths[..1], Some(&to)).unwrap();
    assert!(
        std::fs::read_to_string(single)
            .unwrap()
            .contains("<h1>slow</h1>")
    );
}
