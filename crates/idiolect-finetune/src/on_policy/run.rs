//! One run of on-policy self-distillation: its prompts, its teacher, and the loop followed to its end.

use std::cell::RefCell;

use idiolect_completion::GenerationSettings;
use idiolect_data::settings::to_toml;
use idiolect_data::{RunDir, SkippedRow};
use idiolect_lm::{LanguageModel, adapter_folder};
use idiolect_lora::{Checkpointing, LoraAdapter};
use idiolect_prompt::ContextTemplate;
use idiolect_tokens::TokenRow;
use idiolect_train::{Rows, TrainConfig, Trainer};

use super::answers::{AnswerSource, Student};
use super::batch::Batch;
use super::choices::TeacherKind;
use super::drawing::Teaching;
use super::groups::Reward;
use super::journal::AnswerJournal;
use super::objective::{State, Steps};
use super::prompts::{PromptMaker, Prompts};
use super::settings::{OnPolicySettings, check_run};
use super::teaching::TeachingSettings;
use crate::devices::{Trains, check};
use crate::memory::{Memory, PlannedRun, Trained};
use crate::rows::{Limit, RowSource};
use crate::run::fixed::{Fixed, described, shown};
use crate::run::{Follow, Followed, Layout, Listener, RunOptions, Start, finish, with_vocabulary};
use crate::{FineTuneError, FineTuned, MemoryPlan};

/// Where answers come from, and what judges them.
pub(super) type Sources<'a> = (
    Option<Box<dyn AnswerSource + Send + 'a>>,
    Option<Box<dyn Reward + Send + 'a>>,
);

/// A run with its prompts made.
pub(super) struct OnPolicyRun<'a> {
    options: &'a RunOptions<'a>,
    teaching: &'a TeachingSettings,
    generation: &'a GenerationSettings,
    config: TrainConfig,
    model: LanguageModel,
    context: ContextTemplate,
    prompts: Prompts,
    skipped: Vec<SkippedRow>,
}

impl<'a> OnPolicyRun<'a> {
    /// Checks the settings and makes the prompts.
    pub(super) fn new(
        options: &'a RunOptions<'a>,
        teaching: &'a TeachingSettings,
        generation: &'a GenerationSettings,
    ) -> Result<Self, FineTuneError> {
        check_run(&options.settings)?;
        teaching.check()?;
        generation.check().map_err(idiolect_lm::LmError::from)?;
        let settings = &options.settings.finetune;
        let model = with_vocabulary(&options.model, settings)?;
        let context = teaching.template()?;
        let is_judged = teaching.groups.reward.is_some();
        let maker = PromptMaker {
            model: &model,
            context: Some(&context).filter(|_| !is_judged),
            max_length: Limit::new(&model, settings)?.max_length,
            max_new_tokens: generation.max_new_tokens,
            bad_rows: options.settings.data.bad_rows,
        };
        let (prompts, skipped) = maker.all(&options.data)?;
        Ok(Self {
            config: TrainConfig {
                updates_per_window: teaching.updates_per_batch,
                ..options.config.clone()
            },
            options,
            teaching,
            generation,
            context,
            prompts,
            skipped,
            model,
        })
    }

    /// Memory and work of the run.
    pub(super) fn plan(&self, listener: &mut Listener<'_>) -> Result<MemoryPlan, FineTuneError> {
        self.tell_skipped(listener)?;
        Ok(self.layout(&self.start()?, listener)?.plan)
    }

    /// Trains to the end and writes the adapter.
    pub(super) fn train(
        &self,
        (source, reward): Sources<'_>,
        listener: &mut Listener<'_>,
    ) -> Result<FineTuned, FineTuneError> {
        let (options, model) = (self.options, &self.model);
        options.check_job::<OnPolicySettings>()?;
        self.tell_skipped(listener)?;
        let adapter = self.start()?;
        check(&model.device(), model.dtype(), Trains::Adapter)?;
        let layout = self.layout(&adapter, listener)?;
        if reward.is_some() != self.teaching.groups.reward.is_some() {
            let expected = "a reward by name and what judges by it, or neither";
            return Err(FineTuneError::setting("reward", expected, "one of them"));
        }
        let steps = self.steps(&adapter, &layout, (source, reward))?;
        let is_judged = self.teaching.groups.reward.is_some();
        let trainer = Trainer {
            step_rows: Some(&steps),
            average_rate: (self.teaching.teacher == TeacherKind::Ema)
                .then_some(self.teaching.ema_rate),
            // Where answers are judged, the first steps may have nobody to learn from.
            must_move: &|name: &str| !is_judged && name.rsplit('.').next() == Some("b"),
            ..Trainer::new(&layout.config, &steps, &self.prompts, model.pad_id())
        };
        let fixed = self.fixed(&adapter)?;
        let none: &[TokenRow; 0] = &[];
        let follow = Follow {
            run_toml: Some(to_toml(&self.settings(&layout))?),
            ..Follow::new(options, &layout, &none, &fixed)
        };
        let Followed { module, report } = follow.to_the_end(trainer, adapter, listener)?;
        finish(options, model, module.frozen(), report)
    }

    /// Every setting, as `run.toml` has them.
    fn settings(&self, layout: &Layout) -> OnPolicySettings {
        OnPolicySettings::of(&layout.settings, self.teaching, self.generation)
    }

    /// The adapter that the run starts with.
    fn start(&self) -> Result<LoraAdapter, FineTuneError> {
        let start = Start {
            settings: &self.options.settings.finetune,
            lora: &self.options.settings.lora,
            seed: self.config.seed,
        };
        let adapter = start.adapter(&self.model)?;
        if adapter.whole.is_empty() {
            return Ok(adapter);
        }
        let expected = "an adapter without modules_to_save";
        Err(FineTuneError::setting("init_adapter", expected, "some"))
    }

    /// The teacher's adapter before the first step; none for the model alone.
    fn teacher(&self, start: &LoraAdapter) -> Result<Option<LoraAdapter>, FineTuneError> {
        if self.teaching.teacher != TeacherKind::Original {
            return Ok(None);
        }
        let Some(folder) = &self.teaching.teacher_adapter else {
            return Ok(Some(start.clone().frozen()));
        };
        let (decoder, device) = (self.model.decoder(), self.model.device());
        let adapter = idiolect_lora::load_adapter(&adapter_folder(folder)?, decoder, &device)?;
        if adapter.whole.is_empty() {
            return Ok(Some(adapter.frozen()));
        }
        let expected = "an adapter without modules_to_save";
        Err(FineTuneError::setting(
            "teacher_adapter",
            expected,
            folder.display(),
        ))
    }

    fn layout(
        &self,
        adapter: &LoraAdapter,
        listener: &mut Listener<'_>,
    ) -> Result<Layout, FineTuneError> {
        let none: &[TokenRow; 0] = &[];
        let settings = &self.options.settings.finetune;
        let run = PlannedRun {
            decoder: self.model.decoder(),
            trained: Trained::Adapter(adapter),
            config: &self.config,
            rows: &self.prompts,
            held_out: &none,
            activation_checkpointing: settings.activation_checkpointing,
            devices: 1,
            memory: Memory::of(&self.model.device(), 1),
        };
        Layout::new(self.options, &run, listener)
    }

    fn steps<'s>(
        &'s self,
        adapter: &LoraAdapter,
        layout: &Layout,
        (source, reward): Sources<'s>,
    ) -> Result<Steps<'s>, FineTuneError> {
        let run = self.options.run.as_ref();
        let journal = run.map(|run| {
            let path = run.journal(RunDir::ANSWERS);
            AnswerJournal::new(path, self.fixed_with_loop(adapter, &layout.config)?)
        });
        Ok(Steps {
            fixed: Teaching {
                model: &self.model,
                checkpointing: if layout.plan.activation_checkpointing {
                    Checkpointing::Blocks
                } else {
                    Checkpointing::Off
                },
                prompts: &self.prompts,
                settings: self.teaching,
                generation: self.generation,
                loss: self.teaching.loss(self.generation.temperature),
                batch_size: layout.config.batch_size,
                seed: self.config.seed,
            },
            state: RefCell::new(State {
                source: source.unwrap_or_else(|| Box::new(Student)),
                reward,
                journal: journal.transpose()?,
                teacher: self.teacher(adapter)?,
                batch: Batch::default(),
            }),
        })
    }

    /// What makes the run beside the settings of its loop; nothing where no directory holds it.
    fn fixed(&self, adapter: &LoraAdapter) -> Result<Fixed, FineTuneError> {
        if self.options.run.is_none() {
            return Ok(Fixed::new());
        }
        let mut fixed = described(self.options, &self.model, adapter)?;
        fixed.remove("loss");
        let settings = serde_json::to_value(self.teaching).unwrap_or_default();
        let drawn = serde_json::to_value(self.generation).unwrap_or_default();
        let both = [settings, drawn].into_iter();
        let both = both.flat_map(|part| part.as_object().cloned().unwrap_or_default());
        fixed.extend(both.map(|(name, value)| (name, shown(value))));
        // What the template says, and not only its name.
        let context = serde_json::to_value(&self.context).unwrap_or_default();
        fixed.insert("context".into(), shown(context));
        if let Some(folder) = &self.teaching.teacher_adapter {
            let hash = idiolect_data::content_hash(&adapter_folder(folder)?)?;
            fixed.insert("teacher_adapter".into(), hash);
        }
        Ok(fixed)
    }

    /// The same with the loop and the prompts: what makes the answers of a run what they are.
    fn fixed_with_loop(
        &self,
        adapter: &LoraAdapter,
        config: &TrainConfig,
    ) -> Result<Fixed, FineTuneError> {
        let mut fixed = self.fixed(adapter)?;
        fixed.insert("prompts".into(), self.prompts.fingerprint());
        let config = TrainConfig {
            checkpoint_every: 0,
            keep_checkpoints: 0,
            ..config.clone()
        };
        let config = serde_json::to_value(config).unwrap_or_default();
        let config = config.as_object().cloned().unwrap_or_default();
        fixed.extend(config.into_iter().map(|(name, value)| (name, shown(value))));
        Ok(fixed)
    }

    /// Lists rows that are left out, and tells of them.
    fn tell_skipped(&self, listener: &mut Listener<'_>) -> Result<(), FineTuneError> {
        let options = self.options;
        let source = RowSource {
            model: &self.model,
            data: &options.data,
            files: &options.settings.data.data,
            held_out: None,
            settings: &options.settings.finetune,
            seed: self.config.seed,
            bad_rows: options.settings.data.bad_rows,
            skipped: &options.skipped,
        };
        source.tell_skipped(options.run.as_ref(), self.skipped.clone(), listener)
    }
}
