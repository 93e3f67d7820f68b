//! `idiolect distill`: a data set in, the same data set in the model's own words out; `distill merge` joins the
//! journals of several machines into the set that one would have made.

use idiolect::data::{Layout, RunDir};
use idiolect::distill::DistillReport;
use idiolect::{DistillJob, Progress};

use crate::args::{Distill, DistillCommand, DistillMerge};
use crate::commands::resolve;
use crate::error::CliError;
use crate::output;
use crate::progress::Bar;
use crate::stop;

/// Runs the command.
pub(crate) fn run(args: &Distill) -> Result<(), CliError> {
    if let Some(DistillCommand::Merge(merge)) = &args.instead {
        return join(merge);
    }
    let job: DistillJob = resolve(args.config.as_deref(), &args.flags)?;
    let bar = Bar::default();
    stop::ends(job.out.as_deref());
    let report = idiolect::distil(&job, &bar)?;
    tell(&bar, &job, &report);
    output::summary(&report)
}

fn join(args: &DistillMerge) -> Result<(), CliError> {
    let job: DistillJob = resolve(args.config.as_deref(), &args.flags)?;
    let bar = Bar::default();
    stop::ends(job.out.as_deref());
    let report = idiolect::merge_shards(&job, &args.from, &bar)?;
    tell(&bar, &job, &report);
    output::summary(&report)
}

/// Says what came of it, where the data set lies, and what can be done with it.
fn tell(bar: &Bar, job: &DistillJob, report: &DistillReport) {
    let summary = &report.summary;
    let recorded = summary.logprobs.filter(|_| job.keep_responses);
    bar.note(&recorded.map_or_else(|| summary.to_string(), |sum| sum.to_string()));
    let Some(run) = job.out.as_ref().map(RunDir::new) else {
        return;
    };
    let sets = [Layout::Array, Layout::Lines].map(|layout| run.rewritten("", layout));
    if let Some(set) = sets.iter().find(|set| set.is_file()) {
        let (set, model) = (set.display(), &job.model.model);
        let loss = job.logprobs.map_or("", |_| " --loss stored-kl");
        bar.note(&format!(
            "data set in {set}; idiolect report {} shows each rewrite with its verdict\ntrain on it: idiolect train --model {model} --data {set}{loss} --out ...",
            run.root.display()
        ));
    }
}
