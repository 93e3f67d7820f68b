//! What all stages of a job share: its settings, its model, the held-out rows, and what the base model says of them.

use idiolect_completion::{AnswerRow, Progress, Prompt};
use idiolect_data::{Dataset, RunDir, text_hash};
use idiolect_eval::{AnswerRun, answers};
use idiolect_finetune::FineTune;
use idiolect_forgetting::{BaseState, ForgettingPlace};
use idiolect_generate::Request;
use idiolect_lm::{LanguageModel, ModelPrompt};

use crate::Error;
use crate::settings::{FORGETTING, SdftSettings};

/// A job under way.
pub(super) struct Stages<'s> {
    pub(super) settings: &'s SdftSettings,
    pub(super) out: RunDir,
    pub(super) model: LanguageModel,
    pub(super) eval: Dataset,
    pub(super) progress: &'s dyn Progress,
}

impl Stages<'_> {
    /// The training on the rows of `set`, evaluated on the held-out ones.
    pub(super) fn training<'a>(&'a self, set: &'a Dataset) -> FineTune<'a> {
        FineTune::new(&self.model, set)
            .lora(self.settings.lora.clone())
            .config(self.settings.train.clone())
            .settings(self.settings.finetune.clone())
            .held_out(&self.eval)
    }

    /// What the base model says of itself and of the held-out responses.
    pub(super) fn base(&self) -> Result<BaseState, Error> {
        let settings = self.settings.forgetting.with_default(FORGETTING);
        let place = ForgettingPlace::of_run(&self.out);
        let (model, rows) = (&self.model, &self.eval.rows);
        Ok(BaseState::of(
            model,
            rows,
            &settings,
            &place,
            self.progress,
        )?)
    }

    /// The model's answers to the held-out rows, journaled under a name.
    pub(super) fn answers(
        &self,
        name: &str,
        model: &LanguageModel,
    ) -> Result<Vec<AnswerRow>, Error> {
        let seed = self.settings.train.seed;
        let mut writer = model.writer(&self.settings.generation)?;
        writer = writer.progress("answer", self.progress);
        writer = writer.reasoning(self.settings.distill.reasoning);
        // Of the token ids, so that the journal of another tokenizer is refused too.
        let hash = |prompt: &Prompt| match prompt {
            Prompt::Chat(turns) => {
                let ids = model.prompt_ids(&ModelPrompt::Messages(turns.clone()));
                ids.map_or_else(|_| prompt.sha256(), |ids| text_hash(&format!("{ids:?}")))
            }
            other => other.sha256(),
        };
        let run = AnswerRun {
            rows: &self.eval.rows,
            seed: &|place| Request::row_seed(seed, place),
            prompt_sha256: Some(&hash),
            journal: &self.out.journal(name),
        };
        std::fs::create_dir_all(self.out.journals()).map_err(Error::io(self.out.journals()))?;
        Ok(answers(&run, &mut writer)?)
    }
}
