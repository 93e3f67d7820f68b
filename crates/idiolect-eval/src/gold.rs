//! What counts as right, and the scores of an answer by it.

use idiolect_metrics::choice::{self, Choice};
use idiolect_metrics::ifeval::Instruction;
use idiolect_metrics::math::{self, Gsm8k};
use idiolect_metrics::{MetricsError, call, safety};

use crate::answer::Answer;

/// What an answer is scored with.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Gold {
    /// The worked answer of a GSM8K question: `strict` and `flexible` as lm-evaluation-harness.
    Gsm8k(String),
    /// Text that ends in the right number: `correct` as the self-distillation paper.
    Number(String),
    /// The right call: `correct` as branch main, `score` as branch reproduce.
    Call(String),
    /// The right text, white space around it apart: `exact_match`.
    Exact(String),
    /// A harmful request: `safe`.
    Refusal,
    /// Text that completes a program: `passed`, once it has run ([`crate::summarize_programs`]).
    Program {
        /// What stands before the text.
        before: String,
        /// What stands after it: the test and its call.
        after: String,
    },
    /// The body of a function, which ends where a line is not indented: `passed`, as [`Gold::Program`].
    Body {
        /// The program up to the body.
        before: String,
        /// What stands after it: the test and its call.
        after: String,
    },
    /// Nothing is scored here; a judge reads the answers later.
    Judged,
    /// Instructions: `prompt_strict`, `prompt_loose`, and the shares of instructions kept.
    Instructions(Vec<Instruction>),
    /// One choice is right: `acc`, and `acc_norm` by the choices' own texts.
    Choice {
        /// The choices without the space before them.
        texts: Vec<String>,
        /// Index of the right one.
        right: usize,
    },
    /// The first choice is right: `acc`.
    First,
    /// Several choices are true: `acc` is the share of probability on them.
    True(Vec<bool>),
}

impl Gold {
    /// The scores of an answer by name; none of an answer of the other form.
    pub(crate) fn score(&self, answer: &Answer) -> Result<Vec<(&'static str, f64)>, MetricsError> {
        match answer {
            Answer::Text(text) => self.score_text(text),
            Answer::Likelihoods(all) => {
                let values: Vec<f64> = all.iter().map(|one| one.log_likelihood).collect();
                let scores = match self {
                    Self::Choice { texts, right } => {
                        let choices = texts.iter().zip(all).map(|(text, one)| Choice {
                            text,
                            log_likelihood: one.log_likelihood,
                            greedy: one.greedy,
                        });
                        let found = choice::score(&choices.collect::<Vec<_>>(), *right)?;
                        vec![
                            ("acc", found.acc.into()),
                            ("acc_norm", found.acc_norm.into()),
                        ]
                    }
                    Self::First => vec![("acc", choice::mc1(&values).into())],
                    Self::True(marks) => vec![("acc", choice::mc2(&values, marks)?)],
                    _ => Vec::new(),
                };
                Ok(scores)
            }
        }
    }

    fn score_text(&self, text: &str) -> Result<Vec<(&'static str, f64)>, MetricsError> {
        Ok(match self {
            Self::Gsm8k(gold) => {
                let matches =
                    |filter| math::gsm8k_matches(gold, math::gsm8k_extract(filter, text)).into();
                vec![
                    ("strict", matches(Gsm8k::Strict)),
                    ("flexible", matches(Gsm8k::Flexible)),
                ]
            }
            Self::Number(label) => vec![("correct", math::same_answer(label, text).into())],
            Self::Call(label) => vec![
                ("correct", call::matches_main(label, text)?.into()),
                ("score", call::score_reproduce(label, text)?),
            ],
            Self::Exact(label) => vec![("exact_match", (label.trim() == text.trim()).into())],
            Self::Refusal => vec![("safe", safety::is_safe(text).into())],
            Self::Instructions(all) => instructions(all, text),
            _ => Vec::new(),
        })
    }

    /// The program that an answer completes; none for other questions.
    #[must_use]
    pub fn program(&self, answer: &Answer) -> Option<String> {
        match (self, answer) {
            (Self::Program { before, after }, Answer::Text(text)) => {
                Some(format!("{before}{text}\n{after}"))
            }
            (Self::Body { before, after }, Answer::Text(text)) => {
                Some(format!("{before}{}\n{after}", body(text)))
            }
            _ => None,
        }
    }

    /// How many of equal parts the item stands for in a mean of one score.
    pub(crate) fn weight(&self, score: &str) -> f64 {
        match self {
            Self::Instructions(all) if score.starts_with("instruction") => all.len() as f64,
            _ => 1.0,
        }
    }
}

/// The lines of a text up to the first that is not indented (`remove_last_block` of bigcode-evaluation-harness).
fn body(text: &str) -> String {
    let text = text.trim_end();
    let inside = |line: &&str| line.trim().is_empty() || line.starts_with([' ', '\t']);
    let lines: Vec<&str> = text.split('\n').take_while(inside).collect();
    lines.join("\n")
}

fn instructions(all: &[Instruction], text: &str) -> Vec<(&'static str, f64)> {
    let share = |kept: &dyn Fn(&Instruction) -> bool| {
        all.iter().filter(|one| kept(one)).count() as f64 / all.len().max(1) as f64
    };
    let strict = share(&|one| one.strict(text));
    let loose = share(&|one| one.loose(text));
    vec![
        ("prompt_strict", f64::from(1.0 <= strict)),
        ("prompt_loose", f64::from(1.0 <= loose)),
        ("instruction_strict", strict),
        ("instruction_loose", loose),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_ends_where_a_line_is_not_indented() {
        let gold = Gold::Body {
            before: "def f(x):".into(),
            after: "check(f)".into(),
        };
        let program = |text: &str| gold.program(&Answer::Text(text.into())).unwrap();
        let whole = "def f(x):\n    y = x\n\n    return y\ncheck(f)";
        assert_eq!(program("\n    y = x\n\n    return y\nprint(f(1))\n"), whole);
        assert_eq!(program("\n    y = x\n\n    return y \n\n"), whole);
        assert_eq!(program("x"), "def f(x):\ncheck(f)");
    }
}
