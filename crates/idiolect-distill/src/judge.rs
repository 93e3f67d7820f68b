//! Which rewrites are kept: Eq. 4 of the self-distillation paper (arXiv 2402.13669).
//!
//! Source: sail-sg/sdft@bfb6c255 `eval/gen_distilled_data.py`; a rewrite that is refused leaves the
//! original response in its place.
//! What the reference does not look at (text cut off, empty text, markup of the template) is in
//! [`Extras`] and off by default.

mod language;

use idiolect_completion::{BoxError, FinishReason};
use idiolect_metrics::python::{split, strip};

use crate::check::RewriteCheck;
use crate::extras::Extras;
use crate::verdict::{Reason, Verdict};
use language::changed;

/// Phrases that speak of the task instead of doing it; refused anywhere, in any case.
pub const BANNED_PHRASES: [&str; 5] = [
    "reference answer",
    "your response",
    "my response",
    "your own response",
    "now it's your turn",
];

/// Refused at the very beginning, in this case only.
pub const BANNED_OPENING: &str = "Your turn";

/// Eq. 4 for one rewrite, exactly as the reference decides: banned phrases, then the task's check.
///
/// White space around both texts does not count.
/// An empty rewrite passes where the check has nothing against it.
///
/// # Errors
///
/// For a label that the check cannot use, where no phrase was banned before: with
/// [`Check::Call`](crate::Check::Call) one that is no function call.
pub fn verdict(check: &dyn RewriteCheck, label: &str, rewrite: &str) -> Result<Verdict, BoxError> {
    let (label, rewrite) = (strip(label), strip(rewrite));
    let reason = match banned(rewrite) {
        Some(phrase) => Some(Reason::BannedPhrase {
            phrase: phrase.to_owned(),
        }),
        None => check.objection(label, rewrite)?,
    };
    Ok(reason.map_or(Verdict::Keep, Verdict::Reject))
}

/// [`verdict`], then the extra ones that are switched on.
///
/// A rewrite that ended at [`FinishReason::Length`] was cut off; one whose prompt was too long is refused always.
///
/// # Errors
///
/// As [`verdict`].
pub fn judge(
    check: &dyn RewriteCheck,
    extras: &Extras,
    label: &str,
    rewrite: &str,
    finish_reason: &FinishReason,
) -> Result<Verdict, BoxError> {
    if *finish_reason == FinishReason::PromptTooLong {
        return Ok(Verdict::Reject(Reason::PromptTooLong));
    }
    let kept = verdict(check, label, rewrite)?;
    let extra = || extra(extras, label, rewrite, finish_reason).map(Verdict::Reject);
    Ok(if kept.is_keep() {
        extra().unwrap_or(kept)
    } else {
        kept
    })
}

fn banned(rewrite: &str) -> Option<&'static str> {
    let lower = rewrite.to_lowercase();
    let phrase = BANNED_PHRASES
        .into_iter()
        .find(|phrase| lower.contains(phrase));
    phrase.or_else(|| {
        rewrite
            .starts_with(BANNED_OPENING)
            .then_some(BANNED_OPENING)
    })
}

fn extra(
    extras: &Extras,
    label: &str,
    rewrite: &str,
    finish_reason: &FinishReason,
) -> Option<Reason> {
    if extras.unfinished && *finish_reason == FinishReason::Length {
        return Some(Reason::Unfinished);
    }
    if extras.empty && strip(rewrite).is_empty() {
        return Some(Reason::Empty);
    }
    let mut markers = extras.echo.iter();
    if let Some(marker) = markers.find(|marker| rewrite.contains(marker.as_str())) {
        let marker = marker.clone();
        return Some(Reason::Echo { marker });
    }
    let (expected, found) = (split(label).count(), split(rewrite).count());
    let expected = expected.saturating_mul(extras.least_percent).div_ceil(100);
    if found < expected {
        return Some(Reason::TooShort { expected, found });
    }
    let changed = extras.language.then(|| changed(label, rewrite)).flatten();
    changed.map(|(expected, found)| Reason::LanguageChanged { expected, found })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Check;

    fn said(check: Check, label: &str, rewrite: &str) -> Verdict {
        verdict(&check, label, rewrite).unwrap()
    }

    #[test]
    fn phrases_are_banned_in_any_case_and_the_opening_in_its_own() {
        let phrase = |text| match said(Check::Text, "", text) {
            Verdict::Reject(Reason::BannedPhrase { phrase }) => Some(phrase),
            _ => None,
        };
        assert_eq!(
            phrase("As the Reference Answer says").as_deref(),
            Some("reference answer")
        );
        assert_eq!(phrase(" \u{1f}Your turn!").as_deref(), Some("Your turn"));
        assert_eq!(
            (phrase("your turn!"), phrase("So, Your turn"), phrase("")),
            (None, None, None)
        );
    }

    #[test]
    fn each_check_names_its_reason() {
        let answer = Reason::DifferentAnswer {
            expected: Some("7".into()),
            found: None,
        };
        assert_eq!(
            said(Check::Math, "#### 7", "seven"),
            Verdict::Reject(answer)
        );
        assert_eq!(said(Check::Math, "#### 7", "It is 7."), Verdict::Keep);
        let call = Verdict::Reject(Reason::DifferentCall);
        assert_eq!(said(Check::Call, "f(a=1, b=2)", "f(b=2)"), call);
        assert_eq!(said(Check::Call, "f(a=1)", "g(x=1)"), call);
        assert_eq!(said(Check::CallHalf, "f(a=1)", "g(x=1)"), Verdict::Keep);
        assert_eq!(said(Check::CallHalf, "f(a=1)", "g(x=2)"), call);
        assert_eq!(
            said(Check::Code, "", "print(1)"),
            Verdict::Reject(Reason::NoCode)
        );
    }

    #[test]
    fn a_label_that_is_no_call_is_looked_at_only_without_banned_phrases() {
        assert!(verdict(&Check::Call, "not a call", "f(x)").is_err());
        assert!(
            !verdict(&Check::Call, "not a call", "my response f(x)")
                .unwrap()
                .is_keep()
        );
    }

    #[test]
    fn extras_are_off_until_asked_for_and_come_last() {
        let judged = |extras: &Extras, text, finish: &str| {
            judge(&Check::Math, extras, "1", text, &FinishReason::from(finish)).unwrap()
        };
        let all = Extras {
            unfinished: true,
            empty: true,
            echo: vec!["###".into()],
            ..Extras::default()
        };
        assert_eq!(judged(&Extras::default(), "1 ###", "length"), Verdict::Keep);
        assert_eq!(
            judged(&all, "1 ###", "length"),
            Verdict::Reject(Reason::Unfinished)
        );
        let echo = Reason::Echo {
            marker: "###".into(),
        };
        assert_eq!(judged(&all, "1 ###", "stop"), Verdict::Reject(echo));
        assert_eq!(judged(&all, "1", "stop"), Verdict::Keep);
        let text = |text| judge(&Check::Text, &all, "1", text, &FinishReason::Stop).unwrap();
        assert_eq!(text(" \n"), Verdict::Reject(Reason::Empty));
        let Verdict::Reject(first) = judged(&all, "2 ###", "length") else {
            panic!("kept")
        };
        assert_eq!(first.name(), "different_answer");
    }

    #[test]
    fn a_rewrite_may_be_too_short_or_in_another_language() {
        let label = "The quick brown fox jumps over the lazy dog because nobody has told it that the \
            dog is not asleep at all and may well jump up.";
        let judged = |extras: &Extras, text: &str| {
            judge(&Check::Text, extras, label, text, &FinishReason::Stop)
        };
        let half = Extras {
            least_percent: 50,
            ..Extras::default()
        };
        let reason = Reason::TooShort {
            expected: 14,
            found: 3,
        };
        assert_eq!(
            judged(&half, "A fox jumps.").unwrap(),
            Verdict::Reject(reason)
        );
        assert!(judged(&half, label).unwrap().is_keep());
        let language = Extras {
            language: true,
            ..Extras::default()
        };
        let german = "Der schnelle braune Fuchs springt über den faulen Hund, weil ihm niemand gesagt \
            hat, dass der Hund gar nicht schläft.";
        let reason = Reason::LanguageChanged {
            expected: "eng".into(),
            found: "deu".into(),
        };
        assert_eq!(judged(&language, german).unwrap(), Verdict::Reject(reason));
        for text in ["Fuchs", "", "x = [1, 2, 3]", label] {
            assert!(judged(&language, text).unwrap().is_keep(), "{text}");
        }
    }
}
