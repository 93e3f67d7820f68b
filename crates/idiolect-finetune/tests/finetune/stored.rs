//! Training on distributions that a distillation stored, against the same loss in f64 from all of the vocabulary.

mod refused;

use std::collections::HashMap;
use std::path::PathBuf;

use idiolect_completion::{LogprobFile, LogprobHead, LogprobTail, Logprobs, TokenLogprob};
use idiolect_data::{DataSettings, Dataset, Journal, Row, RunDir};
use idiolect_finetune::{
    FineTuneError, FineTuneSettings, FineTuned, Hooks, Loss, TrainSettings, TrainingEvent, train,
};
use idiolect_lm::{LanguageModel, ModelSettings, TokenScore};
use idiolect_tokens::{IGNORE, TokenRow};
use idiolect_train::TrainConfig;
use serde_json::{Value, json};

use crate::place::{Place, bits, examples};

/// Rows whose responses are the teacher's.
const STORED: usize = 8;
/// The row whose text has no end: the last token of its response is not the teacher's.
const SHORT: usize = 3;

fn trained(row: &TokenRow) -> Vec<u32> {
    let pairs = row.input_ids.iter().zip(&row.labels);
    let trained = pairs.filter(|(_, label)| **label != IGNORE);
    trained.map(|(id, _)| *id).collect()
}

/// What the model says of the response of a row when it is asked otherwise: all of the vocabulary.
fn taught(model: &LanguageModel, row: &Row) -> Vec<TokenScore> {
    let tokens = model
        .example_row(row.example.id.clone(), &row.example)
        .unwrap();
    let prompt = format!("{} Say it is so.", row.example.prompt()[0].content);
    let turn = idiolect_data::Message::new(idiolect_data::Role::User, prompt);
    let prompt = model.conversation_ids(&[turn][..]).unwrap();
    let vocab = model.decoder().config.vocab_size;
    model
        .answer_scores(&prompt, &trained(&tokens), vocab)
        .unwrap()
}

/// Places of the entries among the likeliest at place `at` of a text.
fn chosen(at: usize, vocab: usize, (count, tail): (usize, LogprobTail)) -> Vec<usize> {
    let mut chosen: Vec<usize> = (0..count).collect();
    if tail == LogprobTail::Drawn {
        chosen[count - 1] += at * 31 % (vocab - count + 1);
    }
    chosen
}

fn entries(at: usize, score: &TokenScore, form: (usize, LogprobTail)) -> Vec<TokenLogprob> {
    let all = &score.likeliest;
    let chosen = chosen(at, all.len(), form).into_iter();
    let entries = chosen.map(|chosen| TokenLogprob {
        token: all[chosen].token,
        log_probability: all[chosen].log_probability,
    });
    entries.collect()
}

/// A folder as a distillation leaves it, with so many tokens at each.
fn distilled(
    place: &Place,
    model: &LanguageModel,
    name: &str,
    form: (usize, LogprobTail),
) -> PathBuf {
    let run = RunDir::new(place.path(name));
    std::fs::create_dir_all(run.journals()).unwrap();
    let mut rows = examples();
    for (at, row) in rows.iter_mut().enumerate().take(STORED) {
        row[RunDir::LOGPROBS_OF] = at.into();
    }
    let set = place.lines(&format!("{name}/distilled.jsonl"), &rows);
    let data = Dataset::open(&set).unwrap();
    let journal = run.journal(RunDir::REWRITES);
    let head = LogprobHead {
        count: form.0,
        vocabulary: model.vocabulary_hash(),
        tail: form.1,
    };
    let path = RunDir::logprobs_beside(&journal);
    let mut file = LogprobFile::open(&path, head, 0).unwrap();
    let rows = data.rows[..STORED].iter().enumerate().map(|(at, row)| {
        let scores = taught(model, row);
        let places = scores.iter().enumerate();
        let entries = places.map(|(at, score)| entries(at, score, form)).collect();
        let mut ids: Vec<u32> = scores.iter().map(|score| score.own.token).collect();
        let end = ids.pop();
        let end = if at == SHORT { None } else { end };
        let stored = Logprobs {
            entries,
            tail: form.1,
            end,
        };
        let stored = file.append(&at.into(), &stored).unwrap();
        json!({"id": at, "token_ids": ids, "logprobs": stored})
    });
    Journal::write(&journal, &rows.collect::<Vec<Value>>()).unwrap();
    set
}

fn start(place: &Place, set: &Dataset, told: &mut Vec<String>) -> Result<FineTuned, FineTuneError> {
    let run = place.run(set).config(TrainConfig {
        epochs: 2,
        batch_size: 6,
        accumulation: 2,
        learning_rate: 1e-2,
        ..TrainConfig::default()
    });
    let run = run.settings(FineTuneSettings {
        loss: Loss::StoredKl,
        ..FineTuneSettings::default()
    });
    run.on_event(|event| {
        if let TrainingEvent::Stored(_) = event {
            told.push(event.to_string());
        }
    })
    .start()
}

/// `KL(teacher | student)` in f64, over the `count` likeliest tokens of the teacher and the rest of both, or with the
/// last token in the place of the rest.
fn divergence(
    at: usize,
    (teacher, student): (&TokenScore, &TokenScore),
    (count, tail): (usize, LogprobTail),
) -> f64 {
    let own: HashMap<u32, f64> = student
        .likeliest
        .iter()
        .map(|own| (own.token, f64::from(own.log_probability)))
        .collect();
    let (mut sum, mut left) = (0.0, (1.0, 1.0));
    let vocab = teacher.likeliest.len();
    for place in chosen(at, vocab, (count, tail)) {
        let entry = teacher.likeliest[place];
        let (q, p) = (f64::from(entry.log_probability), own[&entry.token]);
        if tail == LogprobTail::Drawn && place + 1 >= count {
            return sum + left.0 * (q - p);
        }
        sum += q.exp() * (q - p);
        left = (left.0 - q.exp(), left.1 - p.exp());
    }
    let is_all = count == vocab;
    sum + if is_all {
        0.0
    } else {
        left.0 * (left.0 / left.1).ln()
    }
}

/// The mean loss of the first step, whose student is the model itself.
fn expected(model: &LanguageModel, data: &Dataset, form: (usize, LogprobTail)) -> f64 {
    let (vocab, mut sum, mut tokens) = (model.decoder().config.vocab_size, 0.0, 0);
    for (at, row) in data.rows.iter().enumerate() {
        let own = model
            .example_row(row.example.id.clone(), &row.example)
            .unwrap();
        let student = model.prompt_scores(&own.input_ids, vocab).unwrap();
        let student = student.iter().zip(&own.labels[1..]);
        let student: Vec<_> = student.filter(|(_, label)| **label != IGNORE).collect();
        let teacher = taught(model, row);
        tokens += student.len();
        let without = usize::from(at == SHORT);
        for (place, (student, _)) in student.iter().enumerate() {
            let is_stored = at < STORED && place + without < teacher.len();
            sum += if is_stored {
                divergence(place, (&teacher[place], student), form)
            } else {
                -f64::from(student.own.log_probability)
            };
        }
    }
    sum / tokens as f64
}

#[test]
fn the_loss_is_that_of_the_distributions_and_of_plain_tokens_to_half_precision() {
    let Some(place) = Place::new() else { return };
    let model = place.model();
    let vocab = model.decoder().config.vocab_size;
    for form in [
        (vocab, LogprobTail::Lumped),
        (20, LogprobTail::Lumped),
        (20, LogprobTail::Drawn),
    ] {
        let name = format!("run-{form:?}");
        let set = distilled(&place, &model, &name, form);
        let (data, mut told) = (Dataset::open(&set).unwrap(), Vec::new());
        let tuned = start(&place, &data, &mut told).unwrap();
        let first = tuned.report.steps[0].loss;
        let wanted = expected(&model, &data, form);
        let off = (first - wanted).abs() / wanted;
        assert!(off < 1e-4, "{name}: {first} in place of {wanted}: {off:e}");
        let last = tuned.report.steps.last().unwrap().loss;
        assert!(last < first, "{first} {last}");
        assert!(
            told[0].ends_with("7 rows have all of theirs, 1 some, 4 none and the plain loss"),
            "{told:?}"
        );
        let again = start(&place, &data, &mut told).unwrap();
        assert_eq!(bits(&tuned.adapter), bits(&again.adapter));
    }
}

#[test]
fn packed_rows_and_held_out_rows_keep_their_distributions() {
    let Some(place) = Place::new() else { return };
    let model = place.model();
    let form = (20, LogprobTail::Drawn);
    let set = distilled(&place, &model, "run", form);
    let data = Dataset::open(&set).unwrap();
    let settings = |packing| FineTuneSettings {
        loss: Loss::StoredKl,
        packing,
        max_length: Some(96),
        eval_data: Some(set.clone()),
        ..FineTuneSettings::default()
    };
    let config = |batch_size| TrainConfig {
        epochs: 1,
        batch_size,
        accumulation: 1,
        // The evaluation is that of the model itself.
        learning_rate: 1e-9,
        ..TrainConfig::default()
    };
    let run = |packing, rows| {
        let run = place.run(&data).config(config(rows));
        run.settings(settings(packing)).start().unwrap().report
    };
    let (plain, packed) = (run(false, 12), run(true, 12));
    let wanted = expected(&model, &data, form);
    for (found, what) in [
        (plain.steps[0].loss, "plain"),
        (packed.steps[0].loss, "packed"),
        (plain.evaluations[0].eval_loss, "held out"),
    ] {
        let off = (found - wanted).abs() / wanted;
        assert!(off < 1e-4, "{what}: {found} in place of {wanted}");
    }
}

/// Two data sets of other forms, one with fewer tokens, and rows without.
#[test]
fn a_mix_has_the_losses_of_its_parts() {
    let Some(place) = Place::new() else { return };
    let model = place.model();
    let forms = [
        (20, LogprobTail::Drawn),
        (5, LogprobTail::Lumped),
        (7, LogprobTail::Drawn),
    ];
    let (mut sets, mut wanted) = (Vec::new(), Vec::new());
    for (at, form) in forms.into_iter().enumerate() {
        let set = distilled(&place, &model, &format!("run-{at}"), form);
        wanted.push(expected(&model, &Dataset::open(&set).unwrap(), form));
        sets.push(set);
    }
    let wanted = wanted.iter().sum::<f64>() / forms.len() as f64;
    let run = TrainSettings {
        model: ModelSettings {
            model: place.model_path("tiny-llama3"),
            ..ModelSettings::default()
        },
        data: DataSettings {
            data: sets,
            ..DataSettings::default()
        },
        train: TrainConfig {
            epochs: 1,
            batch_size: 36,
            accumulation: 1,
            ..TrainConfig::default()
        },
        finetune: FineTuneSettings {
            loss: Loss::StoredKl,
            ..FineTuneSettings::default()
        },
        out: Some(place.path("mixed")),
        ..TrainSettings::default()
    };
    let outcome = train(&run, Hooks::default()).unwrap();
    let first = outcome.report().steps[0].loss;
    let off = (first - wanted).abs() / wanted;
    assert!(off < 1e-4, "{first} in place of {wanted}: {off:e}");
}
