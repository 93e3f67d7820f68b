//! How likely tokens are, against vLLM: what a server of it says of a prompt, and what is said here.

use idiolect::LanguageModel;
use idiolect_testkit::smollm2_folder;
use serde_json::Value;

/// A request to vLLM 0.32 in f32 on a CPU, and its reply with the three likeliest in the place of each token.
const REQUEST: &str =
    include_str!("../../../crates/idiolect-teacher/tests/recorded/vllm-0.32-request.json");
const REPLY: &str =
    include_str!("../../../crates/idiolect-teacher/tests/recorded/vllm-0.32-reply.json");

/// What both may differ by, in nats.
const BOUND: f64 = 5e-4;

#[test]
fn tokens_of_a_prompt_are_as_likely_as_vllm_says() {
    let Some(folder) = smollm2_folder() else {
        return;
    };
    let model = LanguageModel::open(&folder.display().to_string()).unwrap();
    let [request, reply] =
        [REQUEST, REPLY].map(|text| serde_json::from_str::<Value>(text).unwrap());
    let places = reply["choices"][0]["prompt_logprobs"].as_array().unwrap();
    let ids: Vec<u32> = serde_json::from_value(request["prompt"].clone()).unwrap();
    assert_eq!(ids.len(), places.len());
    let scores = model.prompt_scores(&ids, 3).unwrap();
    for (score, place) in scores.iter().zip(&places[1..]) {
        let said = |token: u32| place[token.to_string()]["logprob"].as_f64();
        for ours in score.likeliest.iter().chain([&score.own]) {
            let theirs = said(ours.token).unwrap_or_else(|| panic!("{ours:?} in {place}"));
            let off = (f64::from(ours.log_probability) - theirs).abs();
            assert!(off <= BOUND, "{ours:?}: {off} from {theirs}");
        }
    }
}
