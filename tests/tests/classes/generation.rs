//! Greedy text with the KV cache: as transformers computes it anew for each token.

use std::ops::ControlFlow;

use idiolect::generate::{GenerationConfig, Request, Sampling, Stops, generate};
use idiolect::lm::DecoderLogits;
use idiolect::model::NoAdapter;

use crate::case::each;

#[test]
fn sixty_four_greedy_tokens_alone_together_and_guessed_ahead() {
    each(|case| {
        let rows = case.rows("left");
        let expected: Vec<Vec<u32>> =
            serde_json::from_value(case.json["greedy_ids"].clone()).unwrap();
        let requests = rows.iter().enumerate().map(|(index, row)| Request {
            variant: 0,
            index,
            prompt: row.clone(),
            seed: 0,
        });
        let requests: Vec<Request> = requests.collect();
        for (batch_size, speculate) in [(1, 0), (4, 0), (4, 4)] {
            let settings = GenerationConfig {
                sampling: Sampling::GREEDY,
                stops: Stops {
                    ignore_eos: true,
                    ..Stops::default()
                },
                max_new_tokens: 64,
                batch_size,
                share_prefixes: true,
                speculate,
            };
            let found = generate(
                &mut DecoderLogits::new(&case.decoder, &NoAdapter),
                &requests,
                &settings,
                &|_| Ok(String::new()),
                &mut |_| ControlFlow::Continue(()),
            )
            .unwrap();
            let found: Vec<Vec<u32>> = found.into_iter().map(|one| one.token_ids).collect();
            assert_eq!(found, expected, "{} {batch_size} {speculate}", case.name);
        }
    });
}
