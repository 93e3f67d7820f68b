//! Text chosen from the largest logits that a device finds, against text chosen from whole rows read back:
//! the same tokens, drawn with the same random numbers.
#![allow(clippy::expect_used, reason = "helpers of tests end them")]

use std::ops::ControlFlow;

use burn::tensor::FloatDType;
use idiolect::generate::{
    BoxError, Generated, GenerationConfig, Logits, NextLogits, Request, RowPart, Sampling, Stops,
    generate,
};
use idiolect::lm::DecoderLogits;
use idiolect::model::NoAdapter;
use idiolect_kernels::is_gpu;
use idiolect_testkit::{device, shared};

const PAPER: Sampling = Sampling {
    temperature: 0.95,
    top_k: 50,
    top_p: 0.7,
    ..Sampling::GREEDY
};

/// Reads every row whole.
struct Whole<'a>(DecoderLogits<'a>);

impl NextLogits for Whole<'_> {
    fn vocab(&self) -> usize {
        self.0.vocab()
    }

    fn cheap_tokens(&self) -> usize {
        self.0.cheap_tokens()
    }

    fn begin(&mut self, rows: usize, tokens: usize) -> Result<(), BoxError> {
        self.0.begin(rows, tokens)
    }

    fn share(&mut self, tokens: usize) -> Result<(), BoxError> {
        self.0.share(tokens)
    }

    fn pass(&mut self, parts: &[RowPart<'_>]) -> Result<Logits, BoxError> {
        self.0.pass(parts)
    }
}

fn write(model: &mut dyn NextLogits, sampling: Sampling) -> Vec<Generated> {
    let request = |index: usize| Request {
        variant: 0,
        index,
        prompt: (1..=5 + 3 * u32::try_from(index).expect("a few")).collect(),
        seed: Request::row_seed(7, index),
    };
    let requests: Vec<Request> = (0..4).map(request).collect();
    let settings = GenerationConfig {
        sampling,
        stops: Stops::default(),
        max_new_tokens: 12,
        batch_size: 3,
        share_prefixes: true,
        speculate: 4,
    };
    let decode = |_: &[u32]| Ok(String::new());
    let go_on = &mut |_: idiolect::generate::GenerationEvent<'_>| ControlFlow::Continue(());
    generate(model, &requests, &settings, &decode, go_on).expect("text")
}

#[test]
fn a_device_chooses_what_the_host_would() {
    let Some(shared) = shared() else { return };
    let folder = shared.join("oracles/tiny/tiny-llama2");
    let (decoder, _) =
        idiolect::model::load(&folder, &device().unwrap(), FloatDType::F32).expect("a model");
    for sampling in [Sampling::GREEDY, PAPER] {
        let mut whole = Whole(DecoderLogits::new(&decoder, &NoAdapter));
        let mut largest = DecoderLogits::new(&decoder, &NoAdapter).on_device();
        let (whole, largest) = (write(&mut whole, sampling), write(&mut largest, sampling));
        assert_eq!(whole, largest, "{sampling:?}");
    }
    // A GPU multiplies more rows in the time in which it reads the weights.
    let guesses = DecoderLogits::new(&decoder, &NoAdapter).cheap_tokens();
    assert_eq!(guesses, if is_gpu(&device().unwrap()) { 64 } else { 8 });
}
