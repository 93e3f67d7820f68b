//! The command line, as typed. Nothing is resolved or checked here.
//!
//! Options that are settings of a library are written into a table with the names that a configuration file
//! uses; what is not typed is left out, so that the library's defaults hold.
#![allow(
    clippy::doc_markdown,
    reason = "what clap prints as help has no markup"
)]

use std::path::PathBuf;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use clap_complete::Shell;
use idiolect::OnPolicySettings;
use idiolect::data::settings::with_typed_names;

use crate::progress::LogForm;

pub(crate) use chat::Chat;
pub(crate) use continuing::Continue;
pub(crate) use data::DataOptions;
pub(crate) use distilling::{Distill, DistillCommand, DistillFlags, DistillMerge, DistillOptions};
pub(crate) use evaluation::Eval;
pub(crate) use export::Export;
pub(crate) use fetching::{Fetch, Push};
pub(crate) use files::{Combine, Generate, Inspect, Merge, Metrics, Report, Score};
pub(crate) use forgetting::ForgettingOptions;
pub(crate) use init::Init;
pub(crate) use lend::Lend;
pub(crate) use model::ModelOptions;
pub(crate) use sampling::{DrawOptions, SamplingOptions};
pub(crate) use serve::Serve;
pub(crate) use server::ServerOptions;
pub(crate) use training::{DistillOnline, Sdft, Source, Train, TrainOptions};

mod chat;
mod continuing;
mod data;
mod distilling;
mod evaluation;
mod export;
mod fetching;
mod files;
mod forgetting;
mod init;
mod lend;
mod model;
mod sampling;
mod serve;
mod server;
mod training;

/// Fine-tune Llama, Mistral, Qwen, SmolLM and Granite models in their own words
///
/// The model rewrites a data set's answers, rewrites that pass a check replace the originals, an adapter is
/// trained on those, and a report says how far the model moved (arXiv 2402.13669).
#[derive(Parser, Debug)]
#[command(
    name = "idiolect",
    version,
    propagate_version = true,
    arg_required_else_help = true,
    max_term_width = 100,
    after_help = "Start here:
  idiolect init                                   # writes train.toml for a model and a file of examples
  idiolect train --config train.toml
  idiolect chat --model MODEL --adapter RUN       # the run directory that train names"
)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// What standard error gets: human, a bar on a terminal and lines elsewhere; json, an object a line; or quiet, errors
    /// alone
    #[arg(
        long,
        global = true,
        value_enum,
        default_value = "human",
        value_name = "FORM",
        help_heading = "Log",
        hide_possible_values = true
    )]
    pub log: LogForm,
    /// Seconds between two lines about the same work, where no terminal shows a bar
    #[arg(
        long,
        global = true,
        default_value_t = 10,
        value_name = "SECONDS",
        help_heading = "Log"
    )]
    pub log_every: u64,
    /// Say what is opened, planned and written, and how long it takes; twice, each step and each request too
    #[arg(
        short,
        long,
        global = true,
        action = clap::ArgAction::Count,
        help_heading = "Log"
    )]
    pub verbose: u8,
}

impl Cli {
    /// The command line as clap knows it: `generate` has one name for the rows that it computes together, and `chat`
    /// computes one.
    pub(crate) fn whole() -> clap::Command {
        let hidden =
            |command: clap::Command| command.mut_arg("generation_batch_size", |arg| arg.hide(true));
        let whole = Self::command().mut_subcommand("generate", hidden);
        let whole = whole.mut_subcommand("chat", hidden);
        let whole = whole.mut_subcommand("distill-online", |command| {
            let hide = |command: clap::Command, name| command.mut_arg(name, |arg| arg.hide(true));
            let command = OnPolicySettings::UNUSED.into_iter().fold(command, hide);
            let command = command.mut_arg("temperature", |arg| {
                arg.help("0 takes the likeliest token [default: 1]")
            });
            command.mut_arg("speculate", |arg| {
                arg.help("Most tokens a row guesses from its own text and verifies in one pass; 0 is off [default: 0]")
            })
        });
        with_negatives(whole).next_line_help(is_narrow())
    }

    /// The arguments of this process.
    pub(crate) fn parsed() -> Result<Self, clap::Error> {
        let mut whole = Self::whole();
        let mut matches = whole.try_get_matches_from_mut(std::env::args_os())?;
        Self::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut whole))
    }
}

/// A command whose options take negative numbers, so that one out of its range is refused as their value.
fn with_negatives(command: clap::Command) -> clap::Command {
    let has_value = |arg: &clap::Arg| {
        let count = arg.get_num_args();
        count.map_or(arg.get_action().takes_values(), |count| {
            count.takes_values()
        })
    };
    let command = command.mut_args(|arg| {
        let negative = has_value(&arg);
        arg.allow_negative_numbers(negative)
    });
    command.mut_subcommands(with_negatives)
}

/// The options of a command that its help shows, without the hyphens before them.
pub(crate) fn options(command: &clap::Command) -> impl Iterator<Item = &str> {
    let shown = command.get_arguments().filter(|own| !own.is_hide_set());
    shown.filter_map(clap::Arg::get_long)
}

/// A text with the settings in it as they are typed, where they are options of a command.
pub(crate) fn as_typed(text: &str) -> String {
    let cli = Cli::whole();
    let all = || cli.get_subcommands().flat_map(options);
    with_typed_names(text, &|name| all().any(|option| option == name))
}

/// Whether names of options and their help do not fit beside each other.
fn is_narrow() -> bool {
    let told = std::env::var("COLUMNS").ok();
    let told = told.and_then(|columns| columns.parse().ok());
    let columns = told.or_else(|| terminal_size::terminal_size().map(|(width, _)| width.0));
    columns.is_some_and(|columns: u16| columns < NARROW)
}

/// Columns below which help has options and what they mean below each other.
const NARROW: u16 = 72;

/// The commands.
#[derive(Subcommand, Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "one is made, when the program starts"
)]
pub(crate) enum Command {
    /// Write a configuration for train that fits this machine, after a few questions
    Init(Init),
    /// Show a model, an adapter on it, or which text of a data set is trained
    Inspect(Inspect),
    /// Let a model continue prompts
    Generate(Generate),
    /// Talk with a model, its adapter on, or with and without it side by side
    Chat(Chat),
    /// Answer programs over HTTP as OpenAI's API does: completions and chat, with adapters by name
    Serve(Serve),
    /// Lend a device of this machine to trainings on others, which name it in --devices
    Lend(Lend),
    /// Negative log-likelihood of responses
    Score(Score),
    /// Train an adapter
    Train(Train),
    /// Rewrite a data set's answers in the model's own words
    Distill(Distill),
    /// Train the model on its own answers, itself as the teacher that is shown a demonstration
    DistillOnline(DistillOnline),
    /// Halve documents and have a teacher continue them: training rows without instructions
    Continue(Continue),
    /// Fold an adapter into its model
    Merge(Merge),
    /// Write an adapter or a model as a GGUF file for llama.cpp, Ollama and LM Studio
    Export(Export),
    /// Add up several adapters of one model, each with a weight
    Combine(Combine),
    /// Scores of rows of text, or how far weights moved
    Metrics(Metrics),
    /// Measure a model on tasks
    Eval(Eval),
    /// Get the files of tasks and data sets from the Hugging Face Hub
    Fetch(Fetch),
    /// Upload an adapter or a model to the Hugging Face Hub, with a card of its data, settings and losses
    Push(Push),
    /// Write a run's page and its numbers: losses, scores, shift, verdicts, samples
    Report(Report),
    /// The whole job: distil, train plain and distilled, evaluate the base model and both
    Sdft(Sdft),
    /// List the chat templates that --template takes
    Templates,
    /// List the presets of rewriting, continuing and sampling
    Presets,
    /// List the tasks that eval measures
    Tasks,
    /// Say what this machine has: threads, memory, devices, features, the Hub's cache and token, the sandbox
    Doctor,
    /// Completions of a shell on standard output
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Manual pages of the program and of each command
    Man {
        /// Folder to write them to
        #[arg(long, value_name = "FOLDER")]
        out: PathBuf,
    },
}
