//! `docs/RESULTS.md`: what was found, in a sentence, a figure and two tables. Its sentences follow the corrected
//! p-values.

use std::fmt::Write;

use idiolect::metrics::interval::shown_p;

use crate::analysis::{
    AT_EQUAL_LEARNING, Finding, Items, added, divergence, items, primary, secondary,
};
use crate::args::Args;
use crate::arm::Lab;
use crate::design::{
    ANSWER_TOKENS, ARC, ARMS, Arm, BATCH, DRAWN_TOKENS, EPOCHS, FEW_ROWS, GREEDY, GREEDY_TOKENS,
    HELD_OUT, LONGEST, PROMPTS, RANK, RATE, ROWS, Run, SEEDS, SLOW, runs,
};
use crate::error::ExperimentError;
use crate::figure::{self, Point};
use crate::record::{Record, Records};

/// Writes page and figure, once the primary endpoint is known.
pub(crate) fn write(lab: &Lab<'_>, records: &Records, args: &Args) -> Result<(), ExperimentError> {
    let Some(found) = primary(records) else {
        println!("the runs of the primary endpoint are not done: no page is written");
        return Ok(());
    };
    let figure = args.results.with_extension("svg");
    figure::draw(&points(records), &figure)?;
    let done = runs()
        .iter()
        .filter(|run| records.of(run).is_some())
        .count();
    let text = format!(
        "{}{}\n![Learning against forgetting](results/{})\n\n{}\n{}{}",
        opening(lab, done),
        sentence(&found) + &learned(records),
        figure.file_name().unwrap_or_default().display(),
        arms(records),
        tests(records, &secondary(records)),
        on_policy(records),
    );
    std::fs::write(&args.page, text).map_err(ExperimentError::io(&args.page))?;
    println!("{}", args.page.display());
    Ok(())
}

fn opening(lab: &Lab<'_>, done: usize) -> String {
    let [rewritten, differ] = lab.rows.counts;
    format!(
        "# Results\n\n\
         Written by `cargo xtask experiment`; not by hand. Numbers of every item are in `docs/results`.\n\n\
         {model}, LoRA of rank {RANK} on queries and values, rate {RATE}, batch {BATCH}, {EPOCHS} epochs, {seeds} \
         seeds; {done} of {all} runs are done. The model rewrote {rewritten} Alpaca rows of at most {LONGEST} \
         characters; {differ} rewrites were kept and differ, and the first {ROWS} of these rows train every arm. Rows \
         whose rewrite was refused are left out, so that the arms differ in every row; with them the effect would be \
         smaller.\n\n\
         - *Forgetting*: rise in nats per token of the base model's own answers to {PROMPTS} questions, sampled at \
         temperature 1, at most {ANSWER_TOKENS} tokens: an estimate of KL(base ‖ tuned) per token.\n\
         - *Learning*: fall in nats per token of the responses of {HELD_OUT} held-out rows.\n\
         - *BLEU-4*, *ROUGE-L*, *cosine*: likeness of {GREEDY} greedy answers of {GREEDY_TOKENS} tokens to the base \
         model's; 1 is unmoved.\n\
         - *ARC*: change of the share right of {ARC} items of ARC-Challenge.\n\n\
         Fixed beforehand as the primary endpoint: forgetting, plain less distilled, at {ROWS} rows, by a paired \
         permutation test over questions with the seeds averaged, two-sided at 0.05, one sign in all seeds. Intervals \
         are 95 %, by a bootstrap over items and seeds.\n\n",
        model = lab.model.name(),
        seeds = SEEDS.len(),
        all = runs().len(),
    )
}

/// What the primary endpoint says.
fn sentence(found: &Finding) -> String {
    let (effect, p) = (&found.effect, shown_p(found.p));
    let signs = found
        .seeds
        .iter()
        .all(|seed| (*seed > 0.0) == (effect.mean > 0.0));
    let numbers = format!(
        "{:+.4} nats a token ({:+.4} to {:+.4}), p {p}, seeds {}",
        effect.mean,
        effect.low,
        effect.high,
        found
            .seeds
            .iter()
            .map(|seed| format!("{seed:+.4}"))
            .collect::<Vec<_>>()
            .join(", "),
    );
    let said = match (found.is_certain() && signs, effect.mean > 0.0) {
        (true, true) => "Plain training forgets more than distilled training",
        (true, false) => "Distilled training forgets more than plain training",
        (false, _) => "No difference in forgetting between plain and distilled training is certain",
    };
    format!("**{said}**: {numbers}.\n")
}

/// What the arms learned: less forgetting is worth less where less was learned.
fn learned(records: &Records) -> String {
    let of = |arm, measure: fn(&Record) -> &Vec<f64>| {
        let found = items(records, (arm, ROWS), measure)?.interval();
        Some(format!(
            "{:.3} ({:.3} to {:.3})",
            found.mean, found.low, found.high
        ))
    };
    let learning = |arm| of(arm, |record| &record.learning);
    let (Some(plain), Some(distilled)) = (learning(Arm::Plain), learning(Arm::Distilled)) else {
        return String::new();
    };
    let mut text = format!(
        "Nats a token learned of the held-out responses: plain training {plain}, distilled training {distilled}.\n"
    );
    let forgetting = of(Arm::PlainSlow, |record| &record.forgetting);
    if let (Some(learned), Some(forgot)) = (learning(Arm::PlainSlow), forgetting) {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "Plain training at {SLOW} of the rate learned {learned} and forgot {forgot}: the two have to be read together."
        );
    }
    text
}

fn arms(records: &Records) -> String {
    let mut text = String::from(
        "| trained on | rows | learning | forgetting | plain text | BLEU-4 | ROUGE-L | cosine | ARC | shift |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for arm in ARMS {
        let of = |measure: fn(&Record) -> &Vec<f64>, digits: usize| {
            items(records, arm, measure).map_or("–".into(), |items| {
                let found = items.interval();
                format!(
                    "{:.digits$} [{:.digits$}, {:.digits$}]",
                    found.mean, found.low, found.high
                )
            })
        };
        let single = |measure: fn(&Record) -> f64| {
            let seeds = SEEDS.iter().map(|seed| {
                let (arm, rows) = arm;
                records
                    .of(&Run {
                        arm,
                        rows,
                        seed: *seed,
                    })
                    .map(measure)
            });
            let values: Option<Vec<f64>> = seeds.collect();
            values.map_or("–".into(), |all| {
                format!("{:.4}", all.iter().sum::<f64>() / all.len() as f64)
            })
        };
        let (name, rows) = arm;
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| {name} | {rows} | {} | {} | {} | {} | {} | {} | {} | {} |",
            of(|record| &record.learning, 4),
            of(|record| &record.forgetting, 4),
            single(|record| record.plain_text),
            of(|record| &record.bleu4, 3),
            of(|record| &record.rouge_l, 3),
            of(|record| &record.cosine, 3),
            of(|record| &record.knowledge, 3),
            single(|record| record.shift),
        );
    }
    text
}

fn tests(records: &Records, found: &[Finding]) -> String {
    let mut text = format!(
        "Secondary, p corrected over six tests (Holm):\n\n{}",
        tested(found)
    );
    let is_slow_done = items(records, (Arm::PlainSlow, ROWS), |record| &record.learning).is_some();
    let is_missing = is_slow_done && found.iter().all(|one| one.name != AT_EQUAL_LEARNING);
    if is_missing {
        let _ = writeln!(
            text,
            "\nForgetting at equal learning cannot be tested: distilled training learned less, or more, than both plain arms."
        );
    }
    if found.len() + usize::from(is_missing) < 6 {
        let _ = writeln!(text, "\nThe runs of the other tests are not done.");
    }
    let _ = writeln!(
        text,
        "\nOne model, one set of rows, one draw of rewrites; gaps at {FEW_ROWS} rows are those of the first {FEW_ROWS} of the \
         same rows. The slope over the mix is that of its ends, so it is no test apart from the primary one."
    );
    text
}

/// The table of tests.
fn tested(found: &[Finding]) -> String {
    let mut text =
        String::from("| tested | difference | p | certain |\n| --- | --- | --- | --- |\n");
    for one in found {
        let effect = &one.effect;
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| {} | {:+.4} [{:+.4}, {:+.4}] {} | {} | {} |",
            one.name,
            effect.mean,
            effect.low,
            effect.high,
            one.unit,
            shown_p(one.p),
            if one.is_certain() { "yes" } else { "no" },
        );
    }
    text
}

/// The arm that was added later; nothing before its runs are done.
fn on_policy(records: &Records) -> String {
    let Some([first, last]) = divergence(records) else {
        return String::new();
    };
    let shown = |items: &Items| {
        let found = items.interval();
        let seeds: Vec<String> = items
            .means()
            .iter()
            .map(|seed| format!("{seed:.3}"))
            .collect();
        let seeds = seeds.join(", ");
        format!(
            "{:.3} ({:.3} to {:.3}; seeds {seeds})",
            found.mean, found.low, found.high
        )
    };
    format!(
        "\nThe arm on policy (arXiv 2601.19897) was added after the design: the model answers the same rows by itself, \
         at most {DRAWN_TOKENS} tokens, and the base model, shown the response, teaches each token; one epoch, the same \
         rate. Its divergence from the teacher in nats a token: {} in the first third of the steps, {} in the last. \
         Its own tests, p corrected over the four (Holm):\n\n{}",
        shown(&first),
        shown(&last),
        tested(&added(records)),
    )
}

fn points(records: &Records) -> Vec<Point> {
    let point = |arm: (Arm, usize)| {
        let learned = items(records, arm, |record| &record.learning)?.means();
        let forgot = items(records, arm, |record| &record.forgetting)?.means();
        let seeds = learned.into_iter().zip(forgot).collect();
        Some(Point { arm, seeds })
    };
    ARMS.into_iter().filter_map(point).collect()
}
