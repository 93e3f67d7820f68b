//! A compiled template with checks of sizes between its instructions.
//!
//! The engine counts instructions and bounds none of them: a text that is joined with itself forty times in a
//! loop takes a terabyte. So the compiled form is copied with a call behind whatever makes a value, and before
//! whatever takes time with one; the calls are filters of names that no template can write as one
//! (`super::budget`). What a template renders stays the same.

use std::collections::BTreeSet;

use minijinja::machinery::{Instruction, Instructions};
use minijinja::value::{Value, ValueKind};

use super::budget::{CALLED, KEPT, MADE, SLICED, TOUCHED, USED, WRITTEN};
use super::operations::{ADDED, GENERATORS, ITERATED, LISTED};

/// The number of a filter that is looked up by its name each time.
const BY_NAME: u8 = u8::MAX;

type Step = Instruction<'static>;

/// The instructions with checks between them.
pub(super) fn checked(own: &Instructions<'static>) -> Instructions<'static> {
    let steps: Vec<&Step> = (0..).map_while(|at| own.get(at)).collect();
    let targets: BTreeSet<u32> = steps.iter().filter_map(|step| target(step)).collect();
    let with_checks = |at: usize| {
        let place = u32::try_from(at).unwrap_or(u32::MAX);
        // A value that another branch left is not the constant that stands before.
        let before = at.checked_sub(1).filter(|_| !targets.contains(&place));
        match steps[at] {
            Instruction::ApplyFilter("tojson", ..) if is_generator(&steps[..at]) => {
                let refuse = Instruction::ApplyFilter(LISTED, Some(1), BY_NAME);
                vec![refuse, steps[at].clone()]
            }
            step => with_checks(step, before.map(|before| steps[before])),
        }
    };
    let mut starts = vec![0_u32];
    for at in 0..steps.len() {
        let more = u32::try_from(with_checks(at).len()).unwrap_or(u32::MAX);
        starts.push(starts[at].saturating_add(more));
    }
    let mut out = Instructions::new(own.name(), own.source());
    for at in 0..steps.len() {
        for step in with_checks(at) {
            add(&mut out, moved(step, &starts), own, at);
        }
    }
    out
}

/// Adds a step with the place in the source that `own` gives the step at `at`.
fn add(out: &mut Instructions<'static>, step: Step, own: &Instructions<'static>, at: usize) {
    let at = u32::try_from(at).unwrap_or(u32::MAX);
    let line = own.get_line(at).and_then(|line| u16::try_from(line).ok());
    match (own.get_span(at), line) {
        (Some(span), _) => out.add_with_span(step, span),
        (None, Some(line)) => out.add_with_line(step, line),
        (None, None) => out.add(step),
    };
}

/// A step with the checks around it; `before` is the step that left the top of the stack, where it is known.
fn with_checks(step: &Step, before: Option<&Step>) -> Vec<Step> {
    let check = |name| Instruction::ApplyFilter(name, Some(1), BY_NAME);
    let constant = match before {
        Some(Instruction::LoadConst(value)) => Some(value),
        _ => None,
    };
    let own = step.clone();
    match step {
        // Text of the template, which a loop may repeat, goes the way of values.
        Instruction::EmitRaw(text) => {
            vec![
                Instruction::LoadConst(Value::from(*text)),
                Instruction::Emit,
            ]
        }
        Instruction::StringConcat => vec![
            check(WRITTEN),
            Instruction::Swap,
            check(WRITTEN),
            Instruction::Swap,
            own,
            check(MADE),
        ],
        Instruction::Add => vec![
            Instruction::ApplyFilter(ADDED, Some(2), BY_NAME),
            check(MADE),
        ],
        Instruction::PushLoop(_) => vec![check(ITERATED), own],
        Instruction::Mul
        | Instruction::BuildList(_)
        | Instruction::BuildMap(_)
        | Instruction::ApplyFilter(..) => vec![own, check(MADE)],
        // The text that is cut stands below its three numbers.
        Instruction::Slice => vec![
            Instruction::ApplyFilter(SLICED, Some(4), BY_NAME),
            check(MADE),
        ],
        Instruction::CallFunction(..) | Instruction::CallObject(_) => vec![own, check(CALLED)],
        Instruction::Eq
        | Instruction::Ne
        | Instruction::Gt
        | Instruction::Gte
        | Instruction::Lt
        | Instruction::Lte
        | Instruction::In
        | Instruction::CompareAndPreserve(_)
        | Instruction::PerformTest(..)
            if constant.is_none() && !is_unary(step) =>
        {
            vec![check(USED), own]
        }
        Instruction::GetItem if constant.is_none_or(|key| key.kind() != ValueKind::String) => {
            vec![Instruction::Swap, check(TOUCHED), Instruction::Swap, own]
        }
        Instruction::SetAttr(_) => vec![Instruction::Swap, check(KEPT), Instruction::Swap, own],
        _ => vec![own],
    }
}

/// Whether these steps leave what Python computes item by item, and arguments of the next filter above it.
fn is_generator(steps: &[&Step]) -> bool {
    let is_argument = |step: &&Step| {
        matches!(
            step,
            Instruction::LoadConst(_) | Instruction::BuildKwargs(_)
        )
    };
    let made = steps.iter().rev().find(|step| !is_argument(step));
    matches!(made, Some(Instruction::ApplyFilter(name, ..)) if GENERATORS.contains(name))
}

/// A test of one value, which takes no time worth counting.
fn is_unary(step: &Step) -> bool {
    matches!(step, Instruction::PerformTest(_, Some(1), _))
}

/// Where a step jumps to.
fn target(step: &Step) -> Option<u32> {
    match step {
        Instruction::Iterate(to)
        | Instruction::Jump(to)
        | Instruction::JumpIfFalse(to)
        | Instruction::JumpIfFalseOrPop(to)
        | Instruction::JumpIfTrueOrPop(to)
        | Instruction::BuildMacro(_, to, _) => Some(*to),
        _ => None,
    }
}

/// The step with its jump to where its target now begins.
fn moved(mut step: Step, starts: &[u32]) -> Step {
    if let Instruction::Iterate(to)
    | Instruction::Jump(to)
    | Instruction::JumpIfFalse(to)
    | Instruction::JumpIfFalseOrPop(to)
    | Instruction::JumpIfTrueOrPop(to)
    | Instruction::BuildMacro(_, to, _) = &mut step
    {
        let start = usize::try_from(*to).ok().and_then(|to| starts.get(to));
        *to = start.copied().unwrap_or(u32::MAX);
    }
    step
}
