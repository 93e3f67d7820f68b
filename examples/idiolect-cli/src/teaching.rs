//! Whoever continues a text: a local model or a server, by one name.

use std::path::Path;

use idiolect::continuation::{BoxError, Completion, ContinuationRequest, Prompt, TextToText};
use idiolect::generate::Request;
use idiolect::prompt::{NamedTemplate, Template};

use crate::continuing::{Generation, LocalWriter};
use crate::error::CliError;
use crate::identity::Writer;
use crate::keys::{ModelKeys, SamplingKeys};
use crate::opened::Opened;
use crate::progress::say;
use crate::rows::user;
use crate::server::{ServerKeys, ServerTeacher};

/// How teachers of a run are opened.
pub struct Teaching<'a> {
    /// Where a local model computes; its name is the teacher's.
    pub model: ModelKeys,
    /// Template of a local model's chats.
    pub template: Option<&'a str>,
    /// How a server is asked.
    pub server: &'a ServerKeys,
    /// How text is generated.
    pub sampling: &'a SamplingKeys,
    /// Seed of the draws.
    pub seed: u64,
}

/// A teacher that is ready.
pub enum AnyTeacher {
    /// A model of this process.
    Local(Box<LocalTeacher>),
    /// A server.
    Server(Box<ServerTeacher>),
}

/// A model of this process that teaches.
pub struct LocalTeacher {
    opened: Opened,
    generation: Generation,
    writer: Writer,
}

impl Teaching<'_> {
    /// Opens `local:MODEL` or `openai:URL`; `flag` is where the name was given.
    ///
    /// # Errors
    ///
    /// [`CliError::Setting`] for another name; the errors of opening a model or reaching a server.
    pub fn open(
        &self,
        flag: &str,
        name: &str,
        adapter: Option<&Path>,
    ) -> Result<AnyTeacher, CliError> {
        let (kind, place) = name.split_once(':').unwrap_or((name, ""));
        match kind {
            "local" if !place.is_empty() => self.local(place, adapter),
            "openai" if adapter.is_some() => {
                let expected = "a local teacher, for a server has its own";
                Err(CliError::setting("--adapter", expected, "a server"))
            }
            "openai" if !place.is_empty() => {
                let teacher = self.server.open(place, self.sampling, self.seed)?;
                Ok(AnyTeacher::Server(Box::new(teacher)))
            }
            kind => Err(CliError::setting(flag, "local:MODEL or openai:URL", kind)),
        }
    }

    fn local(&self, model: &str, adapter: Option<&Path>) -> Result<AnyTeacher, CliError> {
        let keys = ModelKeys {
            model: Some(model.into()),
            ..self.model.clone()
        };
        let opened = Opened::new(&keys, adapter, self.template)?;
        let generation = Generation::new(self.sampling, &opened, self.seed);
        let writer = Writer::local(&opened, adapter, &generation)?;
        Ok(AnyTeacher::Local(Box::new(LocalTeacher {
            opened,
            generation,
            writer,
        })))
    }
}

impl AnyTeacher {
    /// Who it is, for the journal.
    #[must_use]
    pub fn writer(&self) -> Writer {
        match self {
            Self::Local(local) => local.writer.clone(),
            Self::Server(server) => server.writer(),
        }
    }

    /// Says what a server cost, where it wrote anything.
    pub fn tell(&self) {
        if let Self::Server(server) = self
            && server.teacher.spent().texts > 0
        {
            say(&server.spent());
        }
    }
}

impl TextToText for AnyTeacher {
    fn complete(
        &mut self,
        requests: &[ContinuationRequest],
        on_done: &mut dyn FnMut(Completion) -> Result<(), BoxError>,
    ) -> Result<(), BoxError> {
        match self {
            Self::Local(local) => {
                let LocalTeacher {
                    opened, generation, ..
                } = &**local;
                LocalWriter { opened, generation }.complete(requests, on_done)
            }
            Self::Server(server) => server.complete(requests, on_done),
        }
    }
}

impl TextToText for LocalWriter<'_> {
    fn complete(
        &mut self,
        requests: &[ContinuationRequest],
        on_done: &mut dyn FnMut(Completion) -> Result<(), BoxError>,
    ) -> Result<(), BoxError> {
        let raw = Template::Named(NamedTemplate::by_name("vanilla")?);
        let encode = |(index, request): (usize, &ContinuationRequest)| {
            let rendered = match &request.prompt {
                Prompt::Text(text) => raw.prompt(&user(text)),
                Prompt::Chat(turns) => self.opened.template.prompt(turns),
            };
            Ok::<_, BoxError>(Request {
                index,
                prompt: self.opened.tokenizer.encode(&rendered?)?.ids,
                seed: request.seed,
            })
        };
        let all = requests.iter().enumerate().map(encode);
        let all = all.collect::<Result<Vec<_>, _>>()?;
        let done: Vec<bool> = requests.iter().map(|request| request.done).collect();
        self.finish("continue", &all, &done, &mut |row| {
            on_done(Completion {
                id: requests[row.index].id.clone(),
                text: row.text.clone(),
                token_count: row.token_ids.len(),
                passes: Some(row.passes),
                finish_reason: row.finish_reason.as_str().into(),
            })
        })
    }
}
