//! What errors blame, the input or the run, and all their causes in one line.

use std::io::{Error as IoError, ErrorKind};

use idiolect::completion::CompletionError;
use idiolect::continuation::ContinuationError;
use idiolect::distill::DistillError;
use idiolect::eval::EvalError;
use idiolect::finetune::FineTuneError;
use idiolect::forgetting::ForgettingError;
use idiolect::generate::GenerateError;
use idiolect::hub::HubError;
use idiolect::lm::LmError;
use idiolect::model::ModelError;
use idiolect::teacher::TeacherError;
use idiolect::train::TrainError;
use idiolect::{Blame, BoxError, Dataset, Error, error_causes, error_line};

fn io(kind: ErrorKind) -> Error {
    Error::Io {
        path: "runs/a".into(),
        source: IoError::from(kind),
    }
}

fn setting() -> LmError {
    LmError::Setting {
        name: "device".into(),
        expected: "cpu".into(),
        found: "gpu".into(),
    }
}

fn damaged() -> ModelError {
    ModelError::NoModel {
        path: "models/m".into(),
        found: "a folder without config.json".into(),
    }
}

fn unreachable() -> HubError {
    HubError::Unreachable {
        url: "https://huggingface.co/a/b".into(),
        found: "no connection".into(),
        attempts: 5,
    }
}

fn silent() -> TeacherError {
    TeacherError::GaveUp {
        url: "http://127.0.0.1:8080/v1".into(),
        id: 3.into(),
        attempts: 6,
        expected: "an answer",
        found: "no connection".into(),
    }
}

/// An error of a training, as a job gives it.
fn training(error: TrainError) -> Error {
    FineTuneError::from(error).into()
}

fn objective(source: impl Into<BoxError>) -> Error {
    let source = source.into();
    training(TrainError::Objective { step: 1, source })
}

#[test]
fn of_files_the_input_is_to_blame_and_of_a_full_disk_the_run() {
    let missing = Error::from(Dataset::open("missing.jsonl").unwrap_err());
    assert_eq!(missing.blame(), Blame::Input);
    for kind in [
        ErrorKind::NotFound,
        ErrorKind::PermissionDenied,
        ErrorKind::IsADirectory,
        ErrorKind::InvalidData,
        ErrorKind::UnexpectedEof,
    ] {
        assert_eq!(io(kind).blame(), Blame::Input, "{kind}");
    }
    for kind in [
        ErrorKind::StorageFull,
        ErrorKind::BrokenPipe,
        ErrorKind::AddrInUse,
    ] {
        assert_eq!(io(kind).blame(), Blame::Run, "{kind}");
    }
    let full = TrainError::Io {
        path: "runs/a/checkpoints".into(),
        source: IoError::from(ErrorKind::StorageFull),
    };
    assert_eq!(training(full).blame(), Blame::Run);
}

#[test]
fn a_training_that_fails_by_itself_is_of_the_run() {
    let quantity = "loss";
    let diverged = TrainError::NotFinite {
        step: 7,
        quantity,
        value: f64::NAN,
    };
    assert_eq!(training(diverged).blame(), Blame::Run);
    let still = TrainError::NeverMoved {
        step: 1,
        parameter: "b".into(),
    };
    assert_eq!(training(still).blame(), Blame::Run);
    let lost = FineTuneError::DeviceLost {
        step: 3,
        device: "remote:ID".into(),
        kept: true,
    };
    assert_eq!(Error::from(lost).blame(), Blame::Run);
    let lost = TrainError::DeviceLost { step: 3, place: 0 };
    assert_eq!(training(lost).blame(), Blame::Run);
    let stopped = FineTuneError::Stopped {
        steps: 3,
        kept: true,
    };
    assert_eq!(Error::from(stopped).blame(), Blame::Run);
    let forgot = ForgettingError::Exceeded {
        limit: 0.1,
        found: 0.2,
    };
    let forgot = Error::from(FineTuneError::from(forgot));
    assert_eq!(forgot.blame(), Blame::Run);
    let refused = TrainError::Setting {
        name: "epochs",
        expected: "at least 1",
        found: "0".into(),
    };
    assert_eq!(training(refused).blame(), Blame::Input);
}

#[test]
fn what_a_model_or_a_setting_causes_is_of_the_input() {
    assert_eq!(objective("out of memory").blame(), Blame::Run);
    assert_eq!(objective(setting()).blame(), Blame::Input);
    assert_eq!(objective(LmError::from(damaged())).blame(), Blame::Input);
    let asked = |source: BoxError| Error::from(EvalError::Model { source }).blame();
    assert_eq!(asked("no answer".into()), Blame::Run);
    assert_eq!(asked(setting().into()), Blame::Input);
    assert_eq!(asked(damaged().into()), Blame::Input);
    let not_finite = GenerateError::NotFinite {
        index: 0,
        step: 1,
        token: 2,
        found: f32::NAN,
    };
    assert_eq!(asked(LmError::from(not_finite).into()), Blame::Run);
}

#[test]
fn a_judge_that_cannot_be_opened_is_of_the_input_and_one_that_fails_of_the_run() {
    let opened = EvalError::OpenJudge {
        source: setting().into(),
    };
    assert_eq!(Error::from(opened).blame(), Blame::Input);
    let opened = EvalError::OpenJudge {
        source: silent().into(),
    };
    assert_eq!(Error::from(opened).blame(), Blame::Run);
    let failed = EvalError::Judge {
        source: setting().into(),
    };
    assert_eq!(Error::from(failed).blame(), Blame::Run);
}

#[test]
fn servers_and_the_hub_are_of_the_run_where_they_do_not_answer() {
    assert_eq!(Blame::of(&unreachable()), Blame::Run);
    let fetched = Error::from(EvalError::from(unreachable()));
    assert_eq!(fetched.blame(), Blame::Run);
    let name = HubError::Name {
        found: "a".into(),
        expected: "owner/name",
    };
    assert_eq!(Blame::of(&name), Blame::Input);
    assert_eq!(Error::from(silent()).blame(), Blame::Run);
    let gave_up = CompletionError::Writer {
        stage: "rewrite".into(),
        done: 1,
        asked: 2,
        source: silent().into(),
    };
    let gave_up = Error::from(DistillError::from(gave_up));
    assert_eq!(gave_up.blame(), Blame::Run);
    let key = TeacherError::Key {
        variable: "KEY".into(),
        found: "nothing",
    };
    assert_eq!(Error::from(key).blame(), Blame::Input);
}

#[test]
fn texts_that_are_missing_are_of_the_run() {
    let incomplete = DistillError::Incomplete {
        path: "journal".into(),
        asked: 2,
        missing: vec![1.into()],
    };
    assert_eq!(Error::from(incomplete).blame(), Blame::Run);
    let empty = ContinuationError::NoText {
        texts: 2,
        advice: String::new(),
    };
    assert_eq!(Error::from(empty).blame(), Blame::Run);
}

#[test]
fn a_line_has_each_cause_once_and_no_line_end() {
    let error = objective(LmError::from(damaged()));
    assert_eq!(error_causes(&error).count(), 2);
    let last = error_causes(&error).last().unwrap();
    assert!(last.is::<ModelError>());
    let line = error_line(&error);
    assert_eq!(line, format!("step 1: objective failed: {}", damaged()));
    let said_twice = Error::from(EvalError::Model {
        source: "the model\nfailed".into(),
    });
    assert_eq!(error_line(&said_twice), "the model failed");
}
