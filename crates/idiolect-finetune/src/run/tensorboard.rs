//! Numbers of a run as `TensorBoard` reads them: a file of `Event` messages, one frame each.
//!
//! Messages are those of `TensorFlow`'s `event.proto` and `summary.proto`, reduced to the fields in use.
//! A frame is the message's length in eight bytes, a masked CRC-32C of these, the message, and its masked
//! CRC-32C (`TensorFlow`'s `record_writer.cc`).
//! It writes scalars only, and reads nothing.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use idiolect_train::{EvaluationRow, StepRow};
use prost::Message;

use super::clock::now;
use crate::FineTuneError;

/// `tensorflow.Event`.
#[derive(Clone, PartialEq, Message)]
struct Event {
    #[prost(double, tag = "1")]
    wall_time: f64,
    #[prost(int64, tag = "2")]
    step: i64,
    #[prost(string, optional, tag = "3")]
    file_version: Option<String>,
    #[prost(message, optional, tag = "5")]
    summary: Option<Summary>,
    #[prost(message, optional, tag = "7")]
    session_log: Option<SessionLog>,
}

/// `tensorflow.Summary`.
#[derive(Clone, PartialEq, Message)]
struct Summary {
    #[prost(message, repeated, tag = "1")]
    value: Vec<Scalar>,
}

/// `tensorflow.Summary.Value`.
#[derive(Clone, PartialEq, Message)]
struct Scalar {
    #[prost(string, tag = "1")]
    tag: String,
    // Optional, so that a zero is written too.
    #[prost(float, optional, tag = "2")]
    simple_value: Option<f32>,
}

/// `tensorflow.SessionLog`.
#[derive(Clone, PartialEq, Message)]
struct SessionLog {
    #[prost(int32, tag = "1")]
    status: i32,
}

/// Tells `TensorBoard` to forget what an earlier file says of this step and later ones.
const START: i32 = 1;

/// An open event file.
#[derive(Debug)]
pub(crate) struct Board {
    path: PathBuf,
    file: File,
}

impl Board {
    /// Begins a file in `folder`, for a run that has done `done` steps.
    ///
    /// # Errors
    ///
    /// [`FineTuneError::Io`] when it cannot be written.
    pub(crate) fn new(folder: &Path, done: usize) -> Result<Self, FineTuneError> {
        std::fs::create_dir_all(folder).map_err(FineTuneError::io(folder))?;
        let seconds = now().as_secs();
        // TensorBoard reads the files of a folder in the order of their names.
        let path = folder.join(format!(
            "events.out.tfevents.{seconds:010}.{done:08}.idiolect"
        ));
        let file = File::create(&path).map_err(FineTuneError::io(&path))?;
        let mut board = Self { path, file };
        board.write(Event {
            file_version: Some("brain.Event:2".to_owned()),
            ..Event::default()
        })?;
        board.write(Event {
            step: step(done + 1),
            session_log: Some(SessionLog { status: START }),
            ..Event::default()
        })?;
        Ok(board)
    }

    /// Notes a step.
    ///
    /// # Errors
    ///
    /// As [`Board::new`].
    pub(crate) fn step(&mut self, row: &StepRow) -> Result<(), FineTuneError> {
        let more: Vec<(String, f64)> = row
            .more
            .iter()
            .map(|(name, value)| (format!("train/{name}"), *value))
            .collect();
        let mut values = vec![
            ("train/loss", row.loss),
            ("train/learning_rate", row.lr),
            ("train/gradient_norm", row.grad_norm),
        ];
        values.extend(more.iter().map(|(name, value)| (name.as_str(), *value)));
        self.scalars(row.step, &values)
    }

    /// Notes an evaluation.
    ///
    /// # Errors
    ///
    /// As [`Board::new`].
    pub(crate) fn evaluation(&mut self, row: &EvaluationRow) -> Result<(), FineTuneError> {
        let mut values = vec![("held_out/loss", row.eval_loss)];
        values.extend(row.eval_accuracy.map(|share| ("held_out/accuracy", share)));
        self.scalars(row.step, &values)
    }

    fn scalars(&mut self, at: usize, values: &[(&str, f64)]) -> Result<(), FineTuneError> {
        #[allow(clippy::cast_possible_truncation, reason = "the format's own type")]
        let scalar = |(tag, value): &(&str, f64)| Scalar {
            tag: (*tag).to_owned(),
            simple_value: Some(*value as f32),
        };
        let value = values.iter().map(scalar).collect();
        self.write(Event {
            step: step(at),
            summary: Some(Summary { value }),
            ..Event::default()
        })
    }

    fn write(&mut self, event: Event) -> Result<(), FineTuneError> {
        let wall_time = now().as_secs_f64();
        let frame = frame(&Event { wall_time, ..event }.encode_to_vec());
        self.file
            .write_all(&frame)
            .map_err(FineTuneError::io(&self.path))
    }
}

fn step(step: usize) -> i64 {
    i64::try_from(step).unwrap_or(i64::MAX)
}

fn frame(message: &[u8]) -> Vec<u8> {
    let length = (message.len() as u64).to_le_bytes();
    let sums = [&length[..], message].map(|bytes| masked(bytes).to_le_bytes());
    [&length[..], &sums[0], message, &sums[1]].concat()
}

/// The CRC-32C of bytes, turned and shifted so that sums of sums tell something too.
fn masked(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes)
        .rotate_right(15)
        .wrapping_add(0xa282_ead8)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::float_cmp, reason = "a test's own file")]
mod tests {
    use super::*;

    /// The messages of a file, every sum checked.
    fn read(mut bytes: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        while !bytes.is_empty() {
            let (length, rest) = bytes.split_at(8);
            let (sum, rest) = rest.split_at(4);
            assert_eq!(sum, masked(length).to_le_bytes());
            let length = usize::try_from(u64::from_le_bytes(length.try_into().unwrap())).unwrap();
            let (message, rest) = rest.split_at(length);
            let (sum, rest) = rest.split_at(4);
            assert_eq!(sum, masked(message).to_le_bytes());
            events.push(Event::decode(message).unwrap());
            bytes = rest;
        }
        events
    }

    #[test]
    fn a_frame_is_what_tensorflow_writes() {
        // The first message of a file with its time has 24 bytes, so all files of TensorFlow begin alike.
        assert_eq!(
            masked(&24_u64.to_le_bytes()).to_le_bytes(),
            *b"\xa3\x7f\x4b\x22"
        );
        let event = Event {
            file_version: Some("brain.Event:2".to_owned()),
            ..Event::default()
        };
        let found = frame(&event.encode_to_vec());
        assert_eq!(found[..8], [15, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(&found[12..27], b"\x1a\x0dbrain.Event:2");
    }

    #[test]
    fn what_was_written_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let mut board = Board::new(folder.path(), 4).unwrap();
        let row = StepRow {
            step: 5,
            epoch: 0.5,
            loss: 1.25,
            lr: 0.0,
            grad_norm: 3.0,
            trained_tokens: 7,
            more: [("entropy".to_owned(), 0.5)].into(),
        };
        board.step(&row).unwrap();
        let events = read(&std::fs::read(&board.path).unwrap());
        assert_eq!(events[0].file_version.as_deref(), Some("brain.Event:2"));
        assert_eq!(
            (events[1].step, events[1].session_log.clone()),
            (5, Some(SessionLog { status: START }))
        );
        let summary = events[2].summary.clone().unwrap();
        let values: Vec<_> = summary
            .value
            .iter()
            .map(|v| (v.tag.as_str(), v.simple_value))
            .collect();
        let expected = [
            ("train/loss", Some(1.25)),
            ("train/learning_rate", Some(0.0)),
            ("train/gradient_norm", Some(3.0)),
            ("train/entropy", Some(0.5)),
        ];
        assert_eq!((events[2].step, values), (5, expected.to_vec()));
    }
}
