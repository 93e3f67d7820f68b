//! Self-distillation of a data set by a model, or by a server in its place: rewrite and check.

use std::path::PathBuf;
use std::sync::Arc;

use idiolect_completion::{
    LogprobHead, LogprobTail, Progress, Quiet, Writer, earlier_costs, sum_costs,
};
use idiolect_data::Dataset;
use idiolect_distill::{
    DistillConfig, DistillFiles, DistillSettings, Distilled, RewriteCheck, Shard, distill_into,
    merge_into,
};
use idiolect_generate::GenerationSettings;
use idiolect_lm::LanguageModel;
use idiolect_teacher::{AskedLogprobs, ServerSettings, Teacher};

use super::given::GivenPrompt;
use super::rewritten::Rewritten;
use super::writers::AnyWriter;
use crate::Error;
use crate::settings::DistillJob;

/// A data set rewritten by the model that will be trained on it.
///
/// ```no_run
/// # fn main() -> Result<(), idiolect::Error> {
/// use idiolect::{Check, Dataset, LanguageModel, SelfDistill};
///
/// let model = LanguageModel::open("models/SmolLM2-135M-Instruct.Q4_1.gguf")?;
/// let data = Dataset::open("train.jsonl")?;
/// let distilled = SelfDistill::new(&model, &data)
///     .check(Check::Math)
///     .run_dir("runs/distilled")
///     .start()?;
/// println!("{} of {} replaced", distilled.summary.replaced, distilled.summary.rows);
/// # Ok(())
/// # }
/// ```
pub struct SelfDistill<'a> {
    model: &'a LanguageModel,
    data: &'a Dataset,
    settings: DistillSettings,
    generation: GenerationSettings,
    check: Option<Arc<dyn RewriteCheck>>,
    logprobs: usize,
    keep_responses: bool,
    server: Option<(String, ServerSettings)>,
    shard: Shard,
    seed: u64,
    run_dir: Option<PathBuf>,
    progress: &'a dyn Progress,
}

impl<'a> SelfDistill<'a> {
    /// The paper's settings for free text: template `using`, no task check, greedy, at most 256 tokens.
    #[must_use]
    pub fn new(model: &'a LanguageModel, data: &'a Dataset) -> Self {
        Self {
            model,
            data,
            settings: DistillSettings::default(),
            generation: GenerationSettings::default(),
            check: None,
            logprobs: 0,
            keep_responses: false,
            server: None,
            shard: Shard::WHOLE,
            seed: 42,
            run_dir: None,
            progress: &Quiet,
        }
    }

    /// The distillation that a job's settings describe, of a model and data that are open.
    pub(crate) fn of(model: &'a LanguageModel, data: &'a Dataset, job: DistillJob) -> Self {
        Self {
            server: job.server.map(|url| (url, job.asking)),
            settings: job.distill,
            generation: job.generation,
            logprobs: job.logprobs.unwrap_or(0),
            keep_responses: job.keep_responses,
            seed: job.seed,
            ..Self::new(model, data)
        }
    }

    /// What a rewrite must pass beside the banned phrases: a [`Check`](crate::Check), or a check of one's own.
    #[must_use]
    pub fn check(mut self, check: impl Into<Arc<dyn RewriteCheck>>) -> Self {
        self.check = Some(check.into());
        self
    }

    /// Template, verdicts and share of the rows.
    #[must_use]
    pub fn settings(mut self, settings: DistillSettings) -> Self {
        self.settings = settings;
        self
    }

    /// How text is generated.
    #[must_use]
    pub fn generation(mut self, generation: GenerationSettings) -> Self {
        self.generation = generation;
        self
    }

    /// Records `count` tokens with their log-probabilities at each token of a rewrite beside the journal, for a training
    /// with [`Loss::StoredKl`](idiolect_finetune::Loss::StoredKl): all likeliest but the last, which is drawn from the
    /// others; of a server all likeliest. 0, the default, records none.
    #[must_use]
    pub fn logprobs(mut self, count: usize) -> Self {
        self.logprobs = count;
        self
    }

    /// Rewrites nothing: the distributions of [`Self::logprobs`] are those at the tokens of the data set's own responses,
    /// behind their questions in the model's template. A server must give `prompt_logprobs`, as vLLM's does.
    #[must_use]
    pub fn keep_responses(mut self) -> Self {
        self.keep_responses = true;
        self
    }

    /// Has an OpenAI-compatible server rewrite in the place of the model, which then gives template and vocabulary. It
    /// is asked in turns, for its own chat template, but for a preset in the raw form of the paper's scripts.
    #[must_use]
    pub fn server(mut self, url: impl Into<String>, asked: ServerSettings) -> Self {
        self.server = Some((url.into(), asked));
        self
    }

    /// One part of the rows, for several machines.
    #[must_use]
    pub fn shard(mut self, shard: Shard) -> Self {
        self.shard = shard;
        self
    }

    /// Seed of the mix and of the draws.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Folder of journal, data set and summary; a run that was interrupted resumes there. It must be given.
    #[must_use]
    pub fn run_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.run_dir = Some(path.into());
        self
    }

    /// Who hears how far it is.
    #[must_use]
    pub fn progress(mut self, progress: &'a dyn Progress) -> Self {
        self.progress = progress;
        self
    }

    /// Rewrites the responses and writes journal, data set and summary.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] without a run directory; [`Error::Distill`] for what the data, the journal of another
    /// run or the model refuse; [`Error::Lm`] for settings of the generation out of range.
    pub fn start(self) -> Result<Rewritten, Error> {
        let run_dir = self.folder()?;
        let (config, mut writer) = (self.config()?, self.writer()?);
        let files = DistillFiles::new(&run_dir, self.shard);
        let before = earlier_costs(&files.summary(), &["spent"])?;
        let Distilled { set, summary, .. } =
            distill_into(self.data, &config, self.shard, &mut writer, &run_dir)?;
        writer.tell();
        let spent = sum_costs(&before, writer.spent());
        let rewritten = Rewritten {
            data: set,
            summary,
            files: files.clone(),
            is_unaided: config.is_unaided(),
            spent,
        };
        rewritten.report(None).write(&files.summary())?;
        Ok(rewritten)
    }

    /// Joins the journals of several shards, and rewrites as [`start`](Self::start) does.
    pub(super) fn join(self, from: &[PathBuf]) -> Result<Rewritten, Error> {
        let (run_dir, config) = (self.folder()?, self.config()?);
        let identity = self.writer()?.identity();
        let report = merge_into(self.data, &config, &identity, from, &run_dir)?;
        if let Some(remark) = report.remark() {
            self.progress.note(&remark);
        }
        self.start()
    }

    fn folder(&self) -> Result<PathBuf, Error> {
        self.run_dir.clone().ok_or_else(no_folder)
    }

    fn config(&self) -> Result<DistillConfig, Error> {
        let mut config = self.settings.config(self.model.template(), self.seed)?;
        if let Some(check) = &self.check {
            config.check = Arc::clone(check);
        }
        if self.keep_responses {
            config.prompt = Some(Arc::new(GivenPrompt(self.model.clone())));
        }
        let vocab = self.model.decoder().config.vocab_size;
        let (mut count, mut tail) = (self.logprobs.min(vocab), LogprobTail::Drawn);
        if self.server.is_some() {
            config.turns = !self.settings.is_raw();
            (count, tail) = (self.logprobs, LogprobTail::Lumped);
        }
        if count > 0 {
            config.logprobs = Some(LogprobHead {
                count,
                vocabulary: self.model.vocabulary_hash(),
                tail,
            });
        }
        Ok(config)
    }

    fn writer(&self) -> Result<AnyWriter<'a>, Error> {
        let stops = self.settings.stops(self.model.template());
        if let Some((url, asked)) = &self.server {
            let mut config = asked.config(url, &self.generation, self.seed);
            config.stop.extend(stops);
            config.reasoning = self.settings.reasoning;
            config.logprobs = self.asked_logprobs();
            let teacher = Teacher::open(config, self.progress)?;
            return Ok(AnyWriter::Server(Box::new(teacher), self.progress));
        }
        let stops: Vec<&str> = stops.iter().map(String::as_str).collect();
        let writer = self.model.writer(&self.generation)?.extra_stops(&stops);
        let writer = writer.reasoning(self.settings.reasoning);
        let writer = writer.logprobs(self.logprobs);
        let writer = writer.progress("rewrite", self.progress);
        Ok(AnyWriter::Local(Box::new(writer)))
    }

    /// What a server is asked of each token: the ids must be of the model's vocabulary.
    fn asked_logprobs(&self) -> Option<AskedLogprobs> {
        let tokenizer = self.model.tokenizer().clone();
        (self.logprobs > 0).then(|| AskedLogprobs {
            count: self.logprobs,
            decode: Arc::new(move |ids: &[u32]| tokenizer.decode(ids, true).ok()),
        })
    }
}

pub(super) fn no_folder() -> Error {
    Error::setting("out", "a folder", "nothing")
}
