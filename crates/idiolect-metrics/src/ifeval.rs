//! `IFEval`: does a response keep to instructions that a program can check?
//!
//! Source: google-research/instruction_following_eval (arXiv 2311.07911) as in
//! `josejg/instruction_following_eval@0c495b2f`, strict and loose verdicts as in
//! EleutherAI/lm-evaluation-harness@4e7e0d47.
//! Languages are recognised by the crate `whatlang` and not by langdetect, whose verdicts on short or
//! mixed text depend on a random seed: see [`Instruction::asks_for_language`].

mod case;
mod checks;
mod instruction;
mod sentences;
mod tokens;
mod verdicts;
mod words;

pub use instruction::{Instruction, Relation};
pub use sentences::sentence_count;
pub use verdicts::{Accuracies, InstructionVerdict, accuracies};
pub use words::word_count;
