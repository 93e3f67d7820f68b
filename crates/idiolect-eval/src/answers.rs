//! Answers to the prompts of a data set, journaled as they come, so that a run that was killed resumes.

use std::path::Path;

use idiolect_completion::{
    AnswerRow, CompletionError, CompletionJournal, CompletionRequest, JournalRun, Prompt, Writer,
};
use idiolect_data::Row;

/// Which prompts are answered, and what the journal knows them by.
pub struct AnswerRun<'a> {
    /// The rows; everything before a row's response is its prompt.
    pub rows: &'a [Row],
    /// The seed of a row's sampling, by its place from 0.
    pub seed: &'a dyn Fn(usize) -> u64,
    /// The hash of a prompt; none is [`Prompt::sha256`]. A local model's is that of its token ids, so that another
    /// tokenizer is refused too.
    pub prompt_sha256: Option<&'a dyn Fn(&Prompt) -> String>,
    /// The journal.
    pub journal: &'a Path,
}

/// Answers every row, in their order; what the journal has is not asked again.
///
/// # Errors
///
/// [`CompletionError::Differs`] for the journal of another model, adapter, sampler, seed or data set;
/// [`CompletionError::Unpaired`] for rows that share an id and for answers that the journal has beside; as
/// [`CompletionJournal::complete`] for the rest.
pub fn answers(
    run: &AnswerRun<'_>,
    writer: &mut dyn Writer,
) -> Result<Vec<AnswerRow>, CompletionError> {
    let request = |(place, row): (usize, &Row)| {
        let prompt = Prompt::Chat(row.example.prompt().to_vec());
        CompletionRequest::new(row.example.id.clone(), prompt, (run.seed)(place))
    };
    let requests: Vec<CompletionRequest> = run.rows.iter().enumerate().map(request).collect();
    let mut held_to = JournalRun::of("answers", writer.identity(), &requests);
    if let Some(hash) = run.prompt_sha256 {
        held_to.prompt_sha256 = Box::new(move |request| hash(&request.prompt));
    }
    let mut journal = CompletionJournal::open(run.journal, held_to)?;
    journal.finish(requests, writer, &mut |made, completion| {
        Ok::<_, CompletionError>(AnswerRow::new(made, completion))
    })
}

#[cfg(test)]
mod tests {
    use idiolect_completion::{BoxError, Completion, WriterFn, WriterIdentity};
    use idiolect_data::{Example, Message, Role};
    use serde_json::Map;

    use super::*;

    fn row(id: &str, text: &str) -> Row {
        let turn = |role, content: &str| Message::new(role, content);
        Row {
            line: 1,
            raw: Map::new(),
            example: Example::new(
                id.into(),
                vec![turn(Role::User, text), turn(Role::Assistant, "label")],
            ),
        }
    }

    fn ask(rows: &[Row], journal: &Path, asked: &mut usize) -> Result<Vec<AnswerRow>, String> {
        let mut writer =
            WriterFn::new(WriterIdentity::named("m"), |request: &CompletionRequest| {
                *asked += 1;
                let Prompt::Chat(turns) = &request.prompt else {
                    return Err(BoxError::from("a chat"));
                };
                Ok(Completion::new(
                    request.id.clone(),
                    format!("{} {}", turns[0].content, turns.len()),
                ))
            });
        let run = AnswerRun {
            rows,
            seed: &|place| 7 + place as u64,
            prompt_sha256: Some(&|prompt| format!("h{}", prompt.sha256().len())),
            journal,
        };
        answers(&run, &mut writer).map_err(|error| error.to_string())
    }

    /// The row of version 0.1, field by field, and a journal of it that is gone on with.
    #[test]
    fn answers_are_journaled_as_ever_and_those_of_others_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("answers.jsonl");
        let first = r#"{"id":"a","text":"old","token_count":2,"finish_reason":"length","model":"m","adapter":null,"sampler":null,"prompt_sha256":"h64","seed":7}"#;
        std::fs::write(&path, format!("{first}\n")).unwrap();
        let rows = [row("a", "x"), row("b", "y")];
        let mut asked = 0;
        let found = ask(&rows, &path, &mut asked).unwrap();
        assert_eq!(asked, 1);
        assert_eq!(
            (found[0].text.as_str(), found[1].text.as_str()),
            ("old", "y 1")
        );
        let text = std::fs::read_to_string(&path).unwrap();
        let second = r#"{"id":"b","text":"y 1","token_count":0,"finish_reason":"stop","model":"m","adapter":null,"sampler":null,"prompt_sha256":"h64","seed":8}"#;
        let added = text.strip_prefix(&format!("{first}\n")).unwrap();
        assert_eq!(
            idiolect_testkit::without_checksums(added).unwrap(),
            format!("{second}\n")
        );
        let other = ask(&rows[1..], &path, &mut asked).unwrap_err();
        assert!(other.contains("answers.jsonl"), "{other}");
    }
}
