//! A template in one line: what it makes of one question and its answer.

use super::NamedTemplate;
use super::slots::{CONTENT, REFERENCE, Slot};

impl NamedTemplate {
    /// One exchange as the template writes it, without a system text: `question` and `answer` stand for the messages,
    /// `<bos>` and `<eos>` for the tokenizer's own tokens, `\n` for a line end.
    ///
    /// ```
    /// # use idiolect_prompt::NamedTemplate;
    /// let chatml = NamedTemplate::by_name("chatml").unwrap();
    /// let line = r"<|im_start|>user\nquestion<|im_end|>\n<|im_start|>assistant\nanswer<|im_end|>";
    /// assert_eq!(chatml.sketch(), line);
    /// ```
    #[must_use]
    pub fn sketch(&self) -> String {
        let turns = [
            (&self.start, ""),
            (&self.user, "question"),
            (&self.assistant, "answer"),
        ];
        let slots = turns
            .into_iter()
            .flat_map(|(slots, content)| slots.iter().map(move |slot| written(slot, content)));
        slots.collect::<String>().replace('\n', "\\n")
    }
}

fn written(slot: &Slot, content: &str) -> String {
    match slot {
        Slot::Text(pattern) => pattern
            .replace(CONTENT, content)
            .replace(REFERENCE, "reference"),
        Slot::Bos => "<bos>".to_owned(),
        Slot::Eos => "<eos>".to_owned(),
        Slot::Token(token) => token.clone(),
    }
}
