//! Who writes: a local model or a server, by one name.

use std::path::Path;

use idiolect_completion::{
    BoxError, Completion, CompletionRequest, Progress, Reasoning, Watched, Writer, WriterAddress,
    WriterIdentity,
};
use idiolect_generate::GenerationSettings;
use idiolect_lm::{LanguageModel, LocalWriter, ModelSettings};
use idiolect_teacher::{ServerSettings, Teacher, TeacherConfig};
use serde_json::Value;

use crate::Error;

/// How a writer is opened.
pub(crate) struct Writers<'a> {
    /// Where a local model computes; its name is the writer's.
    pub(crate) model: ModelSettings,
    /// How a server is asked.
    pub(crate) server: ServerSettings,
    /// How text is generated.
    pub(crate) generation: GenerationSettings,
    /// What becomes of reasoning in it.
    pub(crate) reasoning: Reasoning,
    /// Seed of the waits between attempts at a server.
    pub(crate) seed: u64,
    /// What a stage is called.
    pub(crate) stage: &'static str,
    /// Hears how far it is.
    pub(crate) progress: &'a dyn Progress,
}

/// A writer that is ready.
pub(crate) enum AnyWriter<'a> {
    /// A model of this process.
    Local(Box<LocalWriter<'a>>),
    /// A server.
    Server(Box<Teacher>, &'a dyn Progress),
}

impl<'a> Writers<'a> {
    /// Opens a model of this process, with an adapter where one is given, or a server.
    pub(crate) fn open(
        &self,
        address: &WriterAddress,
        adapter: Option<&Path>,
    ) -> Result<AnyWriter<'a>, Error> {
        match address {
            WriterAddress::Local(model) => self.local(model, adapter),
            WriterAddress::Server(_) if adapter.is_some() => {
                let expected = "a local teacher, for a server has its own";
                Err(Error::setting("adapter", expected, "a server"))
            }
            WriterAddress::Server(url) => {
                let config = TeacherConfig {
                    reasoning: self.reasoning,
                    ..self.server.config(url, &self.generation, self.seed)
                };
                let teacher = Teacher::open(config, self.progress)?;
                Ok(AnyWriter::Server(Box::new(teacher), self.progress))
            }
        }
    }

    fn local(&self, model: &str, adapter: Option<&Path>) -> Result<AnyWriter<'a>, Error> {
        let settings = ModelSettings {
            model: model.into(),
            revision: None,
            ..self.model.clone()
        };
        let model = LanguageModel::load(&settings, self.progress)?;
        let model = model.load_optional_adapter(adapter)?;
        let writer = model.writer(&self.generation)?.cut_to_positions();
        let writer = writer.progress(self.stage, self.progress);
        Ok(AnyWriter::Local(Box::new(writer.reasoning(self.reasoning))))
    }
}

impl AnyWriter<'_> {
    /// Says what a server cost, where it was asked anything, and how many texts of a local model had reasoning.
    pub(crate) fn tell(&self) {
        if let Self::Local(local) = self {
            local.tell();
        }
        if let Self::Server(server, progress) = self
            && server.spent().attempts > 0
        {
            progress.note(&server.spending());
            server
                .advice()
                .iter()
                .for_each(|advice| progress.note(advice));
        }
    }

    /// What to do about replies without text; nothing where all is well.
    pub(crate) fn advice(&self) -> Option<String> {
        match self {
            Self::Local(local) => local.advice(),
            Self::Server(server, _) => server.advice(),
        }
    }

    /// What a server cost, or how many texts of a local model had reasoning, for a summary.
    pub(crate) fn spent(&self) -> Option<Value> {
        match self {
            Self::Local(local) => local.costs(),
            Self::Server(server, _) => server.costs(),
        }
    }
}

impl Writer for AnyWriter<'_> {
    fn identity(&self) -> WriterIdentity {
        match self {
            Self::Local(local) => local.identity(),
            Self::Server(server, _) => server.identity(),
        }
    }

    fn complete(
        &mut self,
        requests: &[CompletionRequest],
        on_done: &mut dyn FnMut(Completion) -> Result<(), BoxError>,
    ) -> Result<(), BoxError> {
        match self {
            Self::Local(local) => local.complete(requests, on_done),
            Self::Server(server, progress) => {
                Watched::new(server.as_mut(), "ask", *progress).complete(requests, on_done)
            }
        }
    }

    fn fits(&self, request: &CompletionRequest) -> Result<bool, BoxError> {
        match self {
            Self::Local(local) => local.fits(request),
            Self::Server(server, _) => server.fits(request),
        }
    }
}
