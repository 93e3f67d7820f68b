//! `idiolect chat`: turns typed one after the other, answers as they are written.

use std::io::{BufRead, IsTerminal, Write};
use std::ops::ControlFlow;
use std::sync::atomic::Ordering;

use idiolect::Progress;
use idiolect::lm::jobs::{Chat as Conversation, ChatSettings, ChatSide};

use crate::args::Chat;
use crate::commands::generate::adapters;
use crate::commands::resolve;
use crate::error::CliError;
use crate::output::Stream;
use crate::progress::Bar;
use crate::stop;

/// What may be typed beside turns.
const HELP: &str = "/undo takes back the last turn, /clear begins anew, /system TEXT begins anew with this system text, \
                    /exit or the end of input ends; Ctrl-C ends an answer";

/// What Ctrl-C is answered with where no answer is under way, and where one is.
const AT_PROMPT: &str = "Ctrl-C again, or /exit, ends the conversation";
const AT_ANSWER: &str = "the answer ends here";

/// Runs the command.
pub(crate) fn run(args: &Chat) -> Result<(), CliError> {
    let bar = Bar::default();
    let settings = ChatSettings {
        model: resolve(None, &args.model.with_template(args.template.as_ref()))?,
        adapters: adapters(&args.adapter)?,
        generation: resolve(None, &args.sampling)?,
        seed: args.seed,
        system: args.system.clone(),
        beside: args.beside,
    };
    let mut chat = Conversation::open(settings, &bar).map_err(idiolect::Error::from)?;
    stop::asks(AT_PROMPT);
    let is_watched = std::io::stdin().is_terminal();
    if is_watched {
        bar.note(HELP);
    }
    loop {
        if is_watched {
            // Where standard error is gone, the answers still come.
            let _ = write!(std::io::stderr(), "> ");
        }
        let mut line = String::new();
        let read = std::io::stdin().lock().read_line(&mut line);
        let ended = read.map_err(CliError::Input)? == 0;
        if ended && is_watched {
            let _ = writeln!(std::io::stderr());
        }
        if ended || !turn(&mut chat, line.trim_end(), &bar)? {
            return Ok(());
        }
    }
}

/// Does what a line says; false where it ends the conversation.
fn turn(chat: &mut Conversation, line: &str, bar: &Bar) -> Result<bool, CliError> {
    match line.split_once(' ').unwrap_or((line, "")) {
        ("", _) => {}
        ("/exit" | "/quit", _) => return Ok(false),
        ("/help", _) => bar.note(HELP),
        ("/undo", _) => {
            if !chat.undo() {
                bar.note("there is no turn to take back");
            }
        }
        ("/clear", _) => {
            let system = chat.system().map(str::to_owned);
            chat.begin_anew(system);
        }
        ("/system", text) => chat.begin_anew(Some(text.to_owned()).filter(|text| !text.is_empty())),
        (command, _) if command.starts_with('/') => {
            bar.note(&format!("{command} is none of these: {HELP}"));
        }
        _ => answer(chat, line, bar)?,
    }
    Ok(true)
}

/// Writes the answers to a turn; one that cannot be answered is told, and the conversation goes on.
fn answer(chat: &mut Conversation, text: &str, bar: &Bar) -> Result<(), CliError> {
    let (mut out, mut last) = (Stream::default(), None);
    let stopped = stop::flag();
    // A Ctrl-C at the prompt was about no answer.
    stopped.store(false, Ordering::SeqCst);
    stop::asks(AT_ANSWER);
    let said = chat.say(text, &mut |side, piece| {
        let begins = last != Some(side);
        if begins && (side == ChatSide::Base || last.is_some()) {
            let (gap, name) = if side == ChatSide::Base {
                ("", "base")
            } else {
                ("\n", "adapted")
            };
            out.write(&format!("{gap}[{name}] "));
        }
        last = Some(side);
        if !stopped.load(Ordering::SeqCst) && out.write(piece) {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    });
    stopped.store(false, Ordering::SeqCst);
    stop::asks(AT_PROMPT);
    match said {
        Ok(()) => out.end(),
        Err(error) => {
            bar.note(&format!("not answered: {error}"));
            Ok(())
        }
    }
}
