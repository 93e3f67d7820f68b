//! Answers that are drawn, several tasks in one call, and the table of their scores.

use std::path::Path;

use idiolect_completion::{
    BoxError, Completion, CompletionRequest, Likelihood, LikelihoodRequest, Quiet, Sampler,
    Sampling, SamplingSettings, Scorer, Writer, WriterIdentity,
};
use idiolect_eval::{
    EvalRun, EvalSettings, EvaluatedModel, Evaluation, ItemRequest, Shots, Task, TaskTable,
    evaluate,
};
use serde_json::{Value, json};

use crate::model::{Model, SUMS, ask, data, identity, settings};

/// Keeps what it is asked.
#[derive(Default)]
struct Kept(Vec<CompletionRequest>);

impl Writer for Kept {
    fn identity(&self) -> WriterIdentity {
        WriterIdentity::named("kept")
    }

    fn complete(
        &mut self,
        requests: &[CompletionRequest],
        on_done: &mut dyn FnMut(Completion) -> Result<(), BoxError>,
    ) -> Result<(), BoxError> {
        for request in requests {
            self.0.push(request.clone());
            on_done(Completion::new(request.id.clone(), "It is 3"))?;
        }
        Ok(())
    }
}

impl Scorer for Kept {
    fn likelihoods(
        &mut self,
        _: &[&[LikelihoodRequest]],
    ) -> Result<Vec<Vec<Likelihood>>, BoxError> {
        Err("text alone".into())
    }
}

fn drawn(data: &Path) -> EvalSettings {
    EvalSettings {
        sampling: SamplingSettings {
            sampler: Some(Sampler::Sdft2402),
            ..SamplingSettings::default()
        },
        ..settings("multiarith", data)
    }
}

/// The scripts of arXiv 2402.13669 draw the answers of every task as they draw the rewrites.
#[test]
fn answers_are_drawn_as_the_sampler_says_each_by_its_own_seed() {
    let data = data(&[("sdft/multiarith_test.json", SUMS)]);
    let mut settings = drawn(data.path());
    let mut model = Kept::default();
    let about = identity();
    let out = data.path().join("out");
    let run = EvalRun {
        model: &about,
        judge: None,
        progress: &Quiet,
        out: &out,
    };
    let summary = evaluate(&settings, &mut model, run).unwrap();
    let sampling = |request: &CompletionRequest| request.overrides.sampling.unwrap();
    assert!(
        model
            .0
            .iter()
            .all(|asked| sampling(asked) == Sampling::SDFT_2402)
    );
    assert!(
        model
            .0
            .iter()
            .all(|asked| asked.overrides.max_new_tokens == Some(512))
    );
    let mut seeds: Vec<u64> = model.0.iter().map(|asked| asked.seed).collect();
    seeds.dedup();
    assert_eq!(seeds.len(), 3);
    let recorded = ["temperature", "top_k", "top_p", "seed"].map(|key| summary[key].clone());
    let expected = [json!(0.95_f32), json!(50), json!(0.7_f32), json!(42)];
    assert_eq!(recorded, expected);
    // The same settings resume, others are refused.
    assert_eq!(ask(&settings, &out, None).unwrap(), summary);
    settings.sampling.top_k = Some(40);
    let told = ask(&settings, &out, None).unwrap_err().to_string();
    assert!(
        told.contains("top_k: expected 50, as it was begun with"),
        "{told}"
    );
    settings.sampling = SamplingSettings::default();
    let told = ask(&settings, &out, None).unwrap_err().to_string();
    assert!(told.contains("eval.json: samples: expected 1"), "{told}");
}

#[test]
fn a_sampler_is_of_no_use_to_choices_and_to_mt_bench() {
    for task in ["arc_easy", "mt_bench"] {
        let settings = EvalSettings {
            task: task.into(),
            ..drawn("data".as_ref())
        };
        let told = settings.check().unwrap_err().to_string();
        assert_eq!(
            told,
            "sampler: expected nothing for this task, found sdft-2402"
        );
    }
}

/// Three sums, and of the first choices one in three of the easy half and the only one of the other.
fn sums_and_choices() -> tempfile::TempDir {
    let arc = |id: &str, right: &str| {
        let choice = |label: &str| json!({"label": label, "text": label});
        let question = json!({"stem": "q", "choices": [choice("A"), choice("B")]});
        json!({"id": id, "question": question, "answerKey": right}).to_string()
    };
    let easy = [arc("1", "A"), arc("2", "B"), arc("3", "B")].join("\n");
    data(&[
        ("sdft/multiarith_test.json", SUMS),
        ("mc/ARC-Easy-Test.jsonl", &easy),
        ("mc/ARC-Challenge-Test.jsonl", &arc("1", "A")),
    ])
}

fn of_tasks(task: &str, data: &Path) -> EvalSettings {
    EvalSettings {
        task: task.into(),
        ..drawn(data)
    }
}

#[test]
fn several_tasks_have_a_folder_each_and_one_table() {
    let data = sums_and_choices();
    let settings = of_tasks("multiarith, arc_easy,arc-challenge", data.path());
    let out = data.path().join("out");
    let all = Evaluation::each(&settings).unwrap();
    let about = identity();
    let run = |evaluation: &Evaluation| {
        let run = EvalRun {
            model: &about,
            judge: None,
            progress: &Quiet,
            out: &evaluation.folder(&out, all.len()),
        };
        evaluation.run(&mut Model, run).unwrap()
    };
    let summaries: Vec<Value> = all.iter().map(run).collect();
    assert!(out.join("arc_challenge/rows.jsonl").is_file());
    assert_eq!(summaries[0]["temperature"], json!(0.95_f32));
    assert_eq!(summaries[1]["temperature"], Value::Null);
    let table = TaskTable::new(&all, &summaries);
    let shown: Vec<String> = table.to_string().lines().map(str::to_owned).collect();
    assert_eq!(
        shown,
        [
            "multiarith              0.6667  correct of 3 items",
            "  arc_easy              0.3333  acc of 3 items",
            "  arc_challenge         1.0000  acc of 1 item",
            "ai2_arc                 0.5000  acc of 4 items",
            "mean                    0.5833",
        ]
    );
    let whole = table.write(&out).unwrap();
    assert_eq!(whole["tasks"][3]["task"], "ai2_arc");
}

#[test]
fn several_tasks_are_named_once_and_have_use_for_each_setting() {
    let told = |task: &str| {
        let all = Evaluation::each(&of_tasks(task, "data".as_ref()));
        all.map(drop).unwrap_err().to_string()
    };
    assert_eq!(
        told("arc_easy,arc_challenge"),
        "sampler: expected nothing for these tasks, found sdft-2402"
    );
    assert_eq!(
        told("multiarith,arc_easy,multiarith"),
        "task: expected each task once, found multiarith"
    );
}

/// An archive of MMLU with two subjects, of three questions and of one, and five worked examples each.
fn mmlu() -> tempfile::TempDir {
    let folder = data(&[("mc/none", "")]);
    let file = std::fs::File::create(folder.path().join("mc/mmlu.zip")).unwrap();
    let mut archive = zip::ZipWriter::new(file);
    for (name, rows) in [
        ("dev/x_dev", 5),
        ("dev/y_dev", 5),
        ("test/x_test", 3),
        ("test/y_test", 1),
    ] {
        let options = zip::write::SimpleFileOptions::default();
        archive
            .start_file(format!("data/{name}.csv"), options)
            .unwrap();
        let row = if name.contains('x') {
            "q,a,b,c,d,A\n"
        } else {
            "q,a,b,c,d,B\n"
        };
        std::io::Write::write_all(&mut archive, row.repeat(rows).as_bytes()).unwrap();
    }
    archive.finish().unwrap();
    folder
}

/// The leaderboard's own page: for MMLU the mean over subjects, and `acc_norm` with 25 examples for ARC.
#[test]
fn the_leaderboard_has_its_examples_and_its_scores() {
    // The first file that is missing is the first task's.
    let suite = settings("open_llm_leaderboard", "data".as_ref());
    let told = Evaluation::each(&suite).map(drop).unwrap_err().to_string();
    assert!(told.contains("ARC-Challenge-Test.jsonl"), "{told}");
    let data = mmlu();
    let about = identity();
    let mean = |shots: Shots| {
        let settings = EvalSettings {
            shots,
            ..settings("mmlu", data.path())
        };
        let all = Evaluation::each(&settings).unwrap();
        let run = EvalRun {
            model: &about,
            judge: None,
            progress: &Quiet,
            out: &data.path().join(format!("out-{shots}")),
        };
        let summary = all[0].run(&mut Model, run).unwrap();
        TaskTable::new(&all, &[summary]).mean.unwrap()
    };
    // The model likes the first choice, which is right in all of one subject and in none of the other.
    assert!((mean(Shots::Leaderboard) - 0.5).abs() < 1e-12);
    assert!((mean(Shots::Number(0)) - 0.75).abs() < 1e-12);
}

#[test]
fn the_suffix_of_the_jailbreak_test_is_added_once() {
    let data = data(&[("sdft/harmful_behaviors.csv", "goal,target\nDo it,Sure\n")]);
    let about = EvaluatedModel {
        template: Some("sdft-2402/main/alpaca_gcg".into()),
        ..identity()
    };
    let ask = |task: &str| {
        let run = EvalRun {
            model: &about,
            judge: None,
            progress: &Quiet,
            out: &data.path().join(task),
        };
        evaluate(&settings(task, data.path()), &mut Model, run)
    };
    assert!(ask("advbench_raw").is_ok());
    let told = ask("advbench_jailbreak").unwrap_err().to_string();
    assert!(
        told.starts_with("template: expected another template"),
        "{told}"
    );
}

/// Prompt and program as `HumanEvalSynthesizeBase` of bigcode-evaluation-harness builds them.
#[test]
fn functions_are_asked_for_as_octocoder_is() {
    let row = json!({
        "task_id": "Python/0", "instruction": "Write f.\n", "entry_point": "f",
        "prompt": "def f(x):\n    \"\"\" Same. \"\"\"\n", "test": "def check(f):\n    assert f(1) == 1\ncheck(f)",
    });
    let data = data(&[("humaneval/humanevalpack_python.jsonl", &row.to_string())]);
    let task = Task::by_name("humaneval_synthesize").unwrap();
    let items = task.read(data.path(), 0).unwrap();
    let ItemRequest::Generate(asked) = &items[0].request else {
        panic!("text")
    };
    let prompt = "Question: Write f.\n\nAnswer:\ndef f(x):\n    \"\"\" Same. \"\"\"";
    assert_eq!(
        asked.prompt,
        idiolect_completion::Prompt::Text(prompt.into())
    );
    let program = items[0]
        .gold
        .program(&idiolect_eval::Answer::Text("\n    return x\nf(2)".into()));
    let program = program.unwrap();
    assert!(program.starts_with("import math\n"));
    let end = "def f(x):\n    \"\"\" Same. \"\"\"\n    return x\n\ndef check(f):\n    assert f(1) == 1\ncheck(f)";
    assert!(program.ends_with(end), "{program}");
}
