//! `distill`: in parts, and with its verdicts and likelihoods switched.

use serde_json::{Value, json};

use crate::common::{Place, done, idiolect, refused, words};
use crate::{DISTILL, call, run};

#[test]
fn parts_merge_into_what_one_machine_writes() {
    let Some(place) = Place::new() else { return };
    let distill = &format!("{DISTILL} --logprobs 3");
    run(&place, &format!("{distill} --out $OUT/whole"));
    for part in ["1/3", "2/3", "3/3"] {
        let summary = run(
            &place,
            &format!("{distill} --out $OUT/parts --shard {part}"),
        );
        assert_eq!(summary["rows"], 4, "{part}");
    }
    let merge = distill.replace("distill", "distill merge");
    run(
        &place,
        &format!("{merge} --from $OUT/parts --out $OUT/merged"),
    );
    for file in ["distilled.json", "summary.json"] {
        let [whole, merged] = ["whole", "merged"].map(|run| place.read(&format!("{run}/{file}")));
        assert_eq!(whole, merged, "{file}");
    }
    let stored = |run: &str| {
        let rows = place.lines(&format!("{run}/journal/rewrites.jsonl"));
        let sum = |row: &Value| (row["id"].as_u64(), row["logprobs"]["checksum"].clone());
        let mut sums: Vec<_> = rows.iter().map(sum).collect();
        sums.sort_by_key(|(id, _)| *id);
        sums
    };
    assert!(stored("whole").iter().all(|(_, sum)| sum.is_string()));
    assert_eq!(stored("whole"), stored("merged"));
    // A part is missing, another one is there twice: said, and the run resumes to the same set.
    let journal = |part: usize| format!("--from $OUT/parts/journal/rewrites-{part}-of-3.jsonl");
    let some = [journal(1), journal(3), journal(1)].join(" ");
    let out = idiolect(&words(&call(
        &place,
        &format!("{merge} {some} --out $OUT/some"),
    )));
    let errors = String::from_utf8_lossy(&out.stderr).into_owned();
    assert_eq!(out.status.code(), Some(1), "{errors}");
    assert!(
        errors.contains("12 rows, found none for 4 of them"),
        "{errors}"
    );
    let report: Value = serde_json::from_str(&place.read("some/merge.json")).expect("JSON");
    assert_eq!(report["missing"], json!([1, 4, 7, 10]));
    let double = report["double"].as_array().expect("rows");
    assert!(double.len() == 4 && double.iter().all(|row| row["equal"] == true));
    run(&place, &format!("{distill} --out $OUT/some"));
    assert_eq!(
        place.read("some/distilled.json"),
        place.read("whole/distilled.json")
    );
    // Another sampler's journal is refused by name.
    let other = format!("{merge} --temperature 0.5 --from $OUT/parts --out $OUT/other");
    let other = other.replacen("--temperature 0.9 ", "", 1);
    refused(
        &words(&call(&place, &other)),
        &["rewrites-1-of-3.jsonl", "--temperature was 0.9, is 0.5"],
    );
    let wrong = format!("{distill} --out $OUT/no --shard 4/3");
    refused(&words(&call(&place, &wrong)), &["shard", "4/3"]);
}

#[test]
fn the_summary_tells_passes_and_likelihood_and_verdicts_are_switched() {
    let Some(place) = Place::new() else { return };
    let summary = run(&place, &format!("{DISTILL} --out $OUT/a"));
    assert!(summary["tokens_per_pass"].as_f64().expect("a number") >= 0.9);
    let nll = |summary: &Value, when: &str| summary["target_nll"][when]["per_token"].as_f64();
    assert!(nll(&summary, "before").expect("before") > 0.0);
    assert!(nll(&summary, "after").expect("after") > 0.0);
    let written: Value = serde_json::from_str(&place.read("a/summary.json")).expect("JSON");
    assert_eq!(written, summary);
    // The same journal, judged anew and not scored.
    let strict = run(
        &place,
        &format!("{DISTILL} --out $OUT/a --verdicts unfinished --no-likelihood"),
    );
    assert_eq!(
        strict["refused"]["unfinished"],
        strict["finish_reasons"]["length"]
    );
    assert!(summary["refused"]["unfinished"].is_null() && strict["target_nll"].is_null());
    let wrong = format!("{DISTILL} --out $OUT/b --verdicts none,empty");
    refused(&words(&call(&place, &wrong)), &["--verdicts", "none"]);
    // Without a reference, rows without an answer are dropped and nothing is there to score before.
    let unaided = DISTILL.replace("sdft-2402/main/using", "unaided");
    let alone = run(
        &place,
        &format!("{unaided} --verdicts none --out $OUT/alone"),
    );
    let left: Value = serde_json::from_str(&place.read("alone/distilled.json")).expect("JSON");
    assert_eq!(
        left.as_array().expect("rows").len() as u64,
        alone["replaced"].as_u64().expect("a count")
    );
    assert!(nll(&alone, "before").is_none() && nll(&alone, "after").is_some());
}

#[test]
fn what_is_recorded_of_each_token_is_trained_on() {
    let Some(place) = Place::new() else { return };
    let summary = run(&place, &format!("{DISTILL} --logprobs 20 --out $OUT/d"));
    let (stored, tokens) = (&summary["logprobs"], summary["tokens"].as_u64().unwrap());
    assert_eq!(stored["rewrites"], 12);
    // A rewrite that ended by itself has its end too.
    let ended = summary["finish_reasons"]["stop"].as_u64().unwrap_or(0);
    assert_eq!(stored["tokens"].as_u64(), Some(tokens + ended));
    let train = |model: &str, data: &str, out: &str| {
        let text = format!(
            "train --model {model} --data {data} --loss stored-kl --epochs 1 --threads 1 --out $OUT/{out}"
        );
        call(&place, &text)
    };
    done(&words(&train("$M", "$OUT/d/distilled.json", "t")));
    let count: Value = serde_json::from_str(&place.read("t/stored.json")).expect("JSON");
    let of = |name: &str| count[name].as_u64().expect("a count");
    let rows = of("rows") + of("rows_in_part") + of("rows_without");
    assert_eq!(rows, 12);
    assert!(of("tokens") > 0, "{count}");
    let replaced = summary["replaced"].as_u64().expect("a count");
    assert!(of("rows") + of("rows_in_part") <= replaced);
    // A vocabulary with a word more is another one; and a data set that nobody distilled.
    let more = train("$M", "$OUT/d/distilled.json", "no");
    let more = [more, vec!["--add-tokens".into(), "zebra".into()]].concat();
    refused(&words(&more), &["logprobs.bin", "vocabulary"]);
    let call = train("$M", "$D", "no");
    refused(&words(&call), &["--loss", "stored distributions"]);
    // Another number of them is another journal.
    let call = crate::call(&place, &format!("{DISTILL} --logprobs 5 --out $OUT/d"));
    refused(&words(&call), &["--logprobs was 20, is 5"]);
    let call = crate::call(&place, &format!("{DISTILL} --logprobs 0 --out $OUT/e"));
    refused(&words(&call), &["--logprobs", "1 to 1000"]);
}

#[test]
fn responses_that_stay_are_trained_on_whole() {
    let Some(place) = Place::new() else { return };
    let distill = "distill --model $M --data $D --keep-responses --logprobs 20 --threads 1";
    let summary = run(&place, &format!("{distill} --out $OUT/d"));
    assert_eq!(summary["logprobs"]["rewrites"], 12);
    // Nothing was rewritten, and nothing says so.
    let counts = ["rewritten", "replaced", "identical", "kept"].map(|key| summary[key].as_u64());
    assert_eq!(counts, [0, 0, 0, 12].map(Some), "{summary}");
    assert_eq!(place.read("d/side_by_side.jsonl"), "");
    // The data set is as it was, but for the name of each row's distributions and white space around texts.
    let set: Vec<Value> = serde_json::from_str(&place.read("d/distilled.json")).expect("JSON");
    let before = std::fs::read_to_string(place.alpaca()).expect("rows");
    let before: Vec<Value> = serde_json::from_str(&before).expect("JSON");
    for (after, before) in set.iter().zip(&before) {
        let (after, before) = (after["output"].as_str(), before["output"].as_str());
        assert_eq!(after, before.map(str::trim));
    }
    let train =
        "train --model $M --data $OUT/d/distilled.json --loss stored-kl --epochs 1 --threads 1";
    done(&words(&call(&place, &format!("{train} --out $OUT/t"))));
    let count: Value = serde_json::from_str(&place.read("t/stored.json")).expect("JSON");
    assert_eq!(
        (&count["rows"], &count["tokens_without"]),
        (&json!(12), &json!(0))
    );
    assert_eq!(count["tokens"], summary["logprobs"]["tokens"]);
    let no = |more: &str, expected: &[&str]| {
        let call = call(&place, &format!("{distill} {more} --out $OUT/no"));
        refused(&words(&call), expected);
    };
    no("--check math", &["--keep-responses", "check"]);
    let call = call(&place, &distill.replace("--logprobs 20", "--out $OUT/no"));
    refused(&words(&call), &["--logprobs", "keep"]);
}
