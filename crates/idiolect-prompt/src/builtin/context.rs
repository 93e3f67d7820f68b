//! Contexts of published on-policy self-distillation.

use crate::ContextTemplate;

/// All of them.
pub(super) fn all() -> Vec<ContextTemplate> {
    vec![sdft_2601(), opsd_2601(), opcd_2602()]
}

/// A demonstration of the answer (arXiv 2601.19897, section 4, and its reference recipe).
fn sdft_2601() -> ContextTemplate {
    ContextTemplate {
        name: "sdft-2601".into(),
        system: String::new(),
        user: "{{content}}\n\nThis is an example for a response to the question:\n{{resp}}\n\nNow answer with a \
               response of your own, including the thinking process."
            .into(),
    }
}

/// A reference solution and a transition to one of the model's own (arXiv 2601.18734, figure 2, without its marks
/// `Problem:` and `Answer:`, whose place the turns of a chat have). The reference code has longer words
/// (siyan-zhao/OPSD@c181e5bf `data_collator.py`).
fn opsd_2601() -> ContextTemplate {
    ContextTemplate {
        name: "opsd-2601".into(),
        system: String::new(),
        user: "{{content}}\n\nHere is a reference solution:\n{{resp}}\n\nAfter understanding the reference \
               solution, please try to solve this problem using your own approach below:"
            .into(),
    }
}

/// A system prompt or experience that is to be learnt (arXiv 2602.12275): the row's response is that text.
fn opcd_2602() -> ContextTemplate {
    ContextTemplate {
        name: "opcd-2602".into(),
        system: "{{resp}}".into(),
        user: "{{content}}".into(),
    }
}
