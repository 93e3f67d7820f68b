//! The stages of the whole job. Each keeps what it has done, so that another run goes on behind it.

use std::path::Path;

use idiolect::data::{DataSet, Row};
use idiolect::embed::Embedder;
use idiolect::lora::LoraAdapter;

use crate::adapting;
use crate::answering::{Answered, answer};
use crate::commands::distill;
use crate::commands::sdft::Keys;
use crate::continuing::{Generation, LocalWriter};
use crate::dataset;
use crate::distilling::{self, Likelihood};
use crate::error::CliError;
use crate::fleet::Fleet;
use crate::identity::Writer;
use crate::opened::Opened;
use crate::outcome::{Measure, Outcome, Side, target_nll};
use crate::prepared;
use crate::progress::say;
use crate::training::{self, Run};

/// A job under way.
pub struct Job<'a> {
    /// Its settings.
    pub keys: &'a Keys,
    /// The seed model.
    pub opened: Opened,
    /// Its run directory.
    pub out: &'a Path,
}

impl Job<'_> {
    /// Runs every stage that is not done, and scores the answers.
    ///
    /// # Errors
    ///
    /// Every [`CliError`] of the stages.
    pub fn run(&mut self, set: &DataSet, eval: &DataSet) -> Result<Outcome, CliError> {
        say("1/4 rewriting the responses");
        let place = self.out.join("distill");
        let distilled = distill::rewrite(&self.keys.distill(), &self.opened, set, &place)?;
        say("2/4 how likely the seed model finds the responses, before and after");
        let nll_before = target_nll(&self.opened, &set.rows)?;
        let nll_after = target_nll(&self.opened, &distilled.set.rows)?;
        let likelihood = Likelihood {
            before: Some(nll_before),
            after: nll_after,
        };
        distilling::report(
            &distilled.summary,
            Some(likelihood),
            &place.join("summary.json"),
        )?;
        let seed = self.answers("seed", None, eval)?;
        say("3/4 training on the original responses");
        let plain = self.side("plain", &set.rows, eval)?;
        say("4/4 training on the rewritten responses");
        let distilled_side = self.side("distilled", &distilled.set.rows, eval)?;
        let check = distilling::check(&self.keys.distill)?;
        let summary = distilled.summary;
        let seed = Side {
            answers: seed,
            shift: None,
            last_loss: None,
        };
        let embedder = self.keys.embedder.as_deref();
        let device = self.opened.decoder.device();
        let embedder = embedder
            .map(|folder| Embedder::load(folder, &device))
            .transpose()?;
        let measure = Measure {
            embedder: embedder.as_ref(),
            seed: self.keys.seed(),
        };
        Outcome::new(
            eval,
            (check, &measure),
            [seed, plain, distilled_side],
            summary,
            [nll_before, nll_after],
        )
    }

    /// Trains on `rows` and answers the held-out rows with the adapter.
    fn side(&mut self, name: &str, rows: &[Row], eval: &DataSet) -> Result<Side, CliError> {
        let out = self.out.join(name);
        let (adapter, last_loss) = self.trained(&out, rows)?;
        let shift = idiolect::lora::shift(&adapter, &self.opened.decoder);
        let seed = self.opened.decoder.clone();
        self.opened.wear(adapter);
        let answers = self.answers(name, Some(&out.join("adapter")), eval);
        (self.opened.decoder, self.opened.adapter) = (seed, None);
        Ok(Side {
            answers: answers?,
            shift: Some(shift),
            last_loss,
        })
    }

    /// The finished adapter of a folder, or one trained now.
    fn trained(&self, out: &Path, rows: &[Row]) -> Result<(LoraAdapter, Option<f64>), CliError> {
        let (keys, opened) = (self.keys, &self.opened);
        let ready = out.join("adapter");
        if ready.join("adapter_config.json").is_file() {
            let device = opened.decoder.device();
            let adapter = idiolect::lora::load(&ready, &opened.decoder, &device)?.at_rest();
            return Ok((adapter, last_loss(&out.join("metrics.jsonl"))));
        }
        let config = training::config(&keys.train, keys.seed())?;
        let prepared = prepared::prepare(opened, rows, &keys.train, keys.seed())?;
        let start = adapting::adapter(&keys.train, opened, keys.seed())?;
        let fleet = Fleet::open((&keys.model, &keys.train), opened, keys.seed())?;
        let cancel = training::stop_flag();
        let run = Run {
            opened,
            config: &config,
            rows: &prepared.rows,
            held_out: &prepared.held_out,
            loss: adapting::loss(&keys.train)?,
            fleet: &fleet,
            checkpoint_blocks: keys.train.checkpoint_blocks.as_deref(),
            tensorboard: keys.train.tensorboard.unwrap_or(false),
            out,
            resume: true,
            cancel: &cancel,
        };
        let (adapter, _) = training::train(&run, start).map_err(|error| match error {
            CliError::Stopped { what, .. } => CliError::Stopped {
                what,
                again: "nothing more",
            },
            other => other,
        })?;
        Ok((adapter, last_loss(&out.join("metrics.jsonl"))))
    }

    fn answers(
        &self,
        name: &str,
        adapter: Option<&Path>,
        eval: &DataSet,
    ) -> Result<Vec<Answered>, CliError> {
        let opened = &self.opened;
        let generation = &Generation::new(&self.keys.sampling, opened, self.keys.seed());
        let writer = Writer::local(opened, adapter, generation)?;
        let journal = self.out.join("journal").join(format!("{name}.jsonl"));
        dataset::folder_of(&journal)?;
        answer(
            LocalWriter { opened, generation },
            &writer,
            &eval.rows,
            &journal,
        )
    }
}

/// The loss of the last step in a metrics file.
fn last_loss(path: &Path) -> Option<f64> {
    let text = std::fs::read_to_string(path).ok()?;
    let mut rows = text
        .lines()
        .rev()
        .filter_map(|line| serde_json::from_str(line).ok());
    rows.find_map(|row: serde_json::Value| row["loss"].as_f64())
}
