//! A local model as the writer of rewrites.

use std::ops::ControlFlow;

use idiolect::distill::{BoxError, Completion, RewriteRequest, TextToText};
use idiolect::generate::{Event, Generated, Request, groups};

use crate::continuing::{Generation, Pace, continue_requests};
use crate::opened::Opened;
use crate::progress::bar;

/// Rewrites with the model that is opened.
pub struct LocalWriter<'a> {
    /// The seed model.
    pub opened: &'a Opened,
    /// Sampler, stops, budget and batch size; each request brings its own seed.
    pub generation: &'a Generation,
}

impl TextToText for LocalWriter<'_> {
    fn complete(
        &mut self,
        requests: &[RewriteRequest],
        on_done: &mut dyn FnMut(Completion) -> Result<(), BoxError>,
    ) -> Result<(), BoxError> {
        let bar = bar("rewrite", requests.len());
        bar.inc(requests.iter().filter(|request| request.done).count() as u64);
        let encode = |(index, request): (usize, &RewriteRequest)| {
            let prompt = self.opened.tokenizer.encode(&request.prompt)?.ids;
            Ok::<_, BoxError>(Request {
                index,
                prompt,
                seed: request.seed,
            })
        };
        let all = requests
            .iter()
            .enumerate()
            .map(encode)
            .collect::<Result<Vec<_>, _>>()?;
        // Groups are made of all requests, so that a resumed run repeats the one it was in; a group that is
        // wholly done is passed over.
        let mut pace = Pace::default();
        for group in groups(&all, self.generation.settings.batch_size) {
            if group.iter().all(|place| requests[*place].done) {
                continue;
            }
            let mut failed = None;
            let chosen: Vec<Request> = group.iter().map(|place| all[*place].clone()).collect();
            let rows = continue_requests(self.opened, &chosen, self.generation, &mut |event| {
                let Event::Done(done) = event else {
                    return ControlFlow::Continue(());
                };
                if requests[done.index].done {
                    return ControlFlow::Continue(());
                }
                bar.inc(1);
                match on_done(completion(requests, done)) {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(error) => {
                        failed = Some(error);
                        ControlFlow::Break(())
                    }
                }
            })?;
            if let Some(error) = failed {
                return Err(error);
            }
            pace.add(&rows);
        }
        bar.finish_and_clear();
        pace.tell();
        Ok(())
    }
}

fn completion(requests: &[RewriteRequest], done: &Generated) -> Completion {
    Completion {
        id: requests[done.index].id.clone(),
        text: done.text.clone(),
        token_count: done.token_ids.len(),
        token_ids: Some(done.token_ids.clone()),
        finish_reason: done.finish_reason.as_str().into(),
    }
}
