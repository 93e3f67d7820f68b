//! A panic that comes in spite of all: one line and an exit status of its own.

use std::any::Any;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::sync::{Mutex, PoisonError};

use idiolect::lm::device::lost;

use crate::error::CliError;

/// What the first panic said, and where.
static FIRST: Mutex<Option<String>> = Mutex::new(None);

/// Has panics noted and not printed, unless `RUST_BACKTRACE` asks for all that there is to know: libraries' panics
/// that are met where they arise are nobody's business.
pub(crate) fn note_them() {
    if std::env::var_os("RUST_BACKTRACE").is_some_and(|value| value != "0") {
        let shown = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            note(info);
            shown(info);
        }));
    } else {
        std::panic::set_hook(Box::new(note));
    }
}

fn note(info: &PanicHookInfo<'_>) {
    let place = info.location().map(|at| format!(" ({at})"));
    let text = said(info.payload()) + &place.unwrap_or_default();
    let mut first = FIRST.lock().unwrap_or_else(PoisonError::into_inner);
    first.get_or_insert(text);
}

/// Runs a command; a panic of it is an error, and no fault of the program where a device of another machine is lost.
pub(crate) fn caught(command: impl FnOnce() -> Result<(), CliError>) -> Result<(), CliError> {
    catch_unwind(AssertUnwindSafe(command)).unwrap_or_else(|payload| {
        if let Some(device) = lost() {
            return Err(CliError::DeviceLost(device));
        }
        let first = FIRST.lock().unwrap_or_else(PoisonError::into_inner).take();
        Err(CliError::Panic(first.unwrap_or_else(|| said(&*payload))))
    })
}

fn said(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
    text.unwrap_or("no words").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_one_line_and_a_status_of_its_own() {
        let before = std::panic::take_hook();
        note_them();
        let done = caught(|| Ok(()));
        let ended = caught(|| panic!("two\nlines of {}", 1));
        let thread = caught(|| {
            std::thread::scope(|scope| scope.spawn(|| panic!("in a thread")).join())
                .unwrap_or_else(|payload| std::panic::resume_unwind(payload))
        });
        std::panic::set_hook(before);
        assert!(done.is_ok());
        let [first, second] = [ended, thread].map(|ended| ended.unwrap_err());
        assert_eq!((first.status(), second.status()), (101, 101));
        let line = first.line();
        assert!(
            line.starts_with("a fault of this program, which is worth a report: two lines of 1 (")
                && line.contains("panics.rs:"),
            "{line}"
        );
        assert!(second.line().contains("in a thread ("));
    }
}
