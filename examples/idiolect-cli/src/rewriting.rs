//! A local model as the writer of rewrites.

use idiolect::distill::{BoxError, Completion, RewriteRequest, TextToText};
use idiolect::generate::Request;

use crate::continuing::LocalWriter;

impl TextToText for LocalWriter<'_> {
    fn complete(
        &mut self,
        requests: &[RewriteRequest],
        on_done: &mut dyn FnMut(Completion) -> Result<(), BoxError>,
    ) -> Result<(), BoxError> {
        let encode = |(index, request): (usize, &RewriteRequest)| {
            let prompt = self.opened.tokenizer.encode(&request.prompt)?.ids;
            let seed = request.seed;
            Ok::<_, BoxError>(Request {
                index,
                prompt,
                seed,
            })
        };
        let all = requests.iter().enumerate().map(encode);
        let all = all.collect::<Result<Vec<_>, _>>()?;
        let done: Vec<bool> = requests.iter().map(|request| request.done).collect();
        self.finish("rewrite", &all, &done, &mut |row| {
            on_done(Completion {
                id: requests[row.index].id.clone(),
                text: row.text.clone(),
                token_count: row.token_ids.len(),
                token_ids: Some(row.token_ids.clone()),
                passes: Some(row.passes),
                finish_reason: row.finish_reason.as_str().into(),
            })
        })
    }
}
