//! Strict and loose verdicts of a response, and the accuracies that they add up to.

use super::checks;
use super::instruction::Instruction;
use crate::python;

impl Instruction {
    /// Whether `response`, unchanged, is not blank and follows the instruction.
    #[must_use]
    pub fn strict(&self, response: &str) -> bool {
        !python::strip(response).is_empty() && checks::follows(self, response)
    }

    /// Whether `response` follows the instruction in any of eight readings: with and without
    /// asterisks, each with and without its first and its last line.
    #[must_use]
    pub fn loose(&self, response: &str) -> bool {
        let lines: Vec<&str> = response.split('\n').collect();
        let inner = |from: usize, to: usize| {
            let text = lines.get(from..to).unwrap_or_default().join("\n");
            python::strip(&text).to_owned()
        };
        let end = lines.len();
        let readings = [
            response.to_owned(),
            inner(1, end),
            inner(0, end - 1),
            inner(1, end - 1),
        ];
        readings
            .iter()
            .any(|text| self.strict(text) || self.strict(&text.replace('*', "")))
    }
}

/// Whether a response follows an instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InstructionVerdict {
    /// By the strict reading, [`Instruction::strict`].
    pub strict: bool,
    /// By any of the loose readings, [`Instruction::loose`].
    pub loose: bool,
}

/// The four accuracies of `IFEval`, each from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Accuracies {
    /// Share of prompts all of whose instructions are followed.
    pub prompt_strict: f64,
    /// Share of instructions that are followed.
    pub instruction_strict: f64,
    /// Share of prompts all of whose instructions are followed by the loose verdicts.
    pub prompt_loose: f64,
    /// Share of instructions that are followed by the loose verdicts.
    pub instruction_loose: f64,
}

/// The accuracies over prompts, given a verdict on each instruction of each prompt.
///
/// None where there is no prompt or no instruction.
#[must_use]
pub fn accuracies(prompts: &[Vec<InstructionVerdict>]) -> Option<Accuracies> {
    type Kept = fn(&InstructionVerdict) -> bool;
    let share = |hits: usize, all: usize| (0 < all).then(|| hits as f64 / all as f64);
    let all = prompts.concat();
    let whole = |kept: Kept| prompts.iter().filter(|one| one.iter().all(kept)).count();
    let single = |kept: Kept| all.iter().filter(|one| kept(one)).count();
    Some(Accuracies {
        prompt_strict: share(whole(|one| one.strict), prompts.len())?,
        instruction_strict: share(single(|one| one.strict), all.len())?,
        prompt_loose: share(whole(|one| one.loose), prompts.len())?,
        instruction_loose: share(single(|one| one.loose), all.len())?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loose_verdict_looks_past_an_opening_line() {
        let quoted = Instruction::Quotation {};
        assert!(!quoted.strict("Sure:\n\"Yes.\"") && quoted.loose("Sure:\n\"Yes.\""));
        assert!(quoted.loose("*\"Yes.\"*") && !quoted.loose("Yes."));
    }

    #[test]
    fn a_blank_response_follows_nothing() {
        assert!(!Instruction::NoComma {}.strict(" \n") && !Instruction::NoComma {}.loose(" "));
    }
}
