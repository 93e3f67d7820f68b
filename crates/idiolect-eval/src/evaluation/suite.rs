//! Several tasks in one call: which they are, and the settings of each.

use crate::error::EvalError;
use crate::evaluation::settings::EvalSettings;
use crate::evaluation::shots::Shots;
use crate::tasks::Task;

/// Tasks that are measured together, by a name for all of them: those of the Open LLM Leaderboard of 2023 with its
/// worked examples, and those of general knowledge in the scripts of arXiv 2402.13669.
const SUITES: [(&str, &[&str], Shots); 2] = [
    (
        "open_llm_leaderboard",
        &[
            "arc_challenge",
            "hellaswag",
            "mmlu",
            "truthfulqa_mc2",
            "winogrande",
            "gsm8k",
        ],
        Shots::Leaderboard,
    ),
    (
        "sdft_knowledge",
        &[
            "mmlu",
            "truthfulqa_mc1",
            "truthfulqa_mc2",
            "arc_easy",
            "arc_challenge",
            "hellaswag",
            "winogrande",
        ],
        Shots::Number(0),
    ),
];

/// The settings of each task that is named; a setting that none of them has use for is refused.
pub(crate) fn each(settings: &EvalSettings) -> Result<Vec<EvalSettings>, EvalError> {
    let named = settings.task.split(',').map(str::trim);
    let mut all: Vec<EvalSettings> = Vec::new();
    for one in named.flat_map(|name| tasks_of(settings, name)) {
        if all.iter().any(|earlier| earlier.task == one.task) {
            let expected = "each task once";
            return Err(EvalError::setting("task", expected, one.task));
        }
        all.push(one);
    }
    if let [one] = all.as_slice() {
        return Ok(vec![one.clone()]);
    }
    let tasks = all.iter().map(|one| one.task.parse::<Task>());
    let tasks = tasks.collect::<Result<Vec<Task>, _>>()?;
    let useless = |key: &(&'static str, String)| {
        let unused = |task: &Task| settings.unused(task).contains(key);
        tasks.iter().all(unused)
    };
    if let Some((name, found)) = settings.given().into_iter().find(useless) {
        return Err(EvalError::setting(name, "nothing for these tasks", found));
    }
    let pairs = all.iter().zip(&tasks);
    Ok(pairs.map(|(one, task)| one.fitting(task)).collect())
}

/// The settings of the tasks behind a name: that of a suite, or of one task.
fn tasks_of(settings: &EvalSettings, name: &str) -> Vec<EvalSettings> {
    let plain = name.replace('-', "_");
    let suite = SUITES.into_iter().find(|(suite, ..)| *suite == plain);
    let named = |name: &str, shots| EvalSettings {
        task: name.to_owned(),
        shots,
        ..settings.clone()
    };
    match suite {
        Some((_, tasks, own)) => {
            let none = settings.shots == Shots::default();
            let shots = if none { own } else { settings.shots };
            tasks.iter().map(|task| named(task, shots)).collect()
        }
        None => vec![named(name, settings.shots)],
    }
}
