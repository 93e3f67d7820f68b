//! A fine-tuning computes what a loop made by hand computes.

use std::ops::ControlFlow;

use burn::tensor::{Tensor, TensorData};
use idiolect_finetune::{ActivationCheckpointing, FineTuneSettings};
use idiolect_lora::{AdapterBatch, Checkpointing, LoraAdapter, LoraConfig, adapter_gradients};
use idiolect_model::Decoder;
use idiolect_tokens::{TokenBatch, TokenRow};
use idiolect_train::{
    BoxError, CHUNK_ROWS, Evaluated, LossSum, Objective, StepContext, StepLoss, Trainer,
    TrainerEvent, head_loss,
};

use crate::place::{Place, bits, config};

/// Cross entropy of the labelled tokens, written out once more.
struct NextToken<'a>(&'a Decoder);

impl Objective<LoraAdapter> for NextToken<'_> {
    fn gradients(
        &self,
        adapter: &LoraAdapter,
        batch: &TokenBatch,
        step: StepContext,
    ) -> Result<StepLoss, BoxError> {
        let predicts = |i: &usize| !(i + 1).is_multiple_of(batch.width) && batch.labels[i + 1] >= 0;
        let places: Vec<usize> = (0..batch.labels.len()).filter(predicts).collect();
        let targets: Vec<i64> = places.iter().map(|i| batch.labels[i + 1]).collect();
        let device = self.0.device();
        let ids: Vec<i64> = batch.input_ids.iter().map(|id| i64::from(*id)).collect();
        let ids = TensorData::new(ids, [batch.rows, batch.width]);
        let trained: Vec<u32> = places.iter().map(|i| u32::try_from(*i).unwrap()).collect();
        let trained = TensorData::new(trained, [places.len()]);
        let positions = AdapterBatch {
            ids: Tensor::from_data(ids, &device),
            trained_positions: Tensor::from_data(trained, &device),
            dropout_seed: step.seed,
            context: None,
        };
        let mut sum = 0.0;
        let gradients =
            adapter_gradients(self.0, adapter, &positions, Checkpointing::Off, |hidden| {
                let loss = head_loss(&hidden, &targets, &self.0.head(), step.divisor, CHUNK_ROWS);
                sum = loss.sum;
                Ok::<_, BoxError>(loss.gradient)
            })?;
        let loss = LossSum {
            sum,
            trained_tokens: targets.len(),
        };
        Ok(StepLoss { loss, gradients })
    }

    fn evaluate(&self, _: &LoraAdapter, _: &TokenBatch) -> Result<Evaluated, BoxError> {
        Err("nothing is held out".into())
    }
}

#[test]
fn a_fine_tuning_is_a_loop_made_by_hand_bit_for_bit() {
    let Some(place) = Place::new() else { return };
    let (model, data, config) = (place.model(), place.data(), config());
    let row = |row: &idiolect_data::Row| {
        let example = &row.example;
        model
            .example_row(example.id.clone(), &example.messages)
            .unwrap()
    };
    let rows: Vec<TokenRow> = data.rows.iter().map(row).collect();
    let device = model.device().autodiff();
    let decoder = model.decoder();
    let start = LoraAdapter::new(&LoraConfig::default(), decoder, config.seed, &device).unwrap();
    let objective = NextToken(decoder);
    let mut steps = Vec::new();
    let trainer = Trainer::new(&config, &objective, &rows, model.pad_id());
    let trained = trainer.run(start, &mut |event| {
        if let TrainerEvent::Step { row, .. } = event {
            steps.push(row.clone());
        }
        ControlFlow::Continue(())
    });
    let expected = trained.unwrap().module.frozen();

    let found = place.run(&data).settings(FineTuneSettings {
        activation_checkpointing: ActivationCheckpointing::Off,
        ..FineTuneSettings::default()
    });
    let found = found.start().unwrap();
    assert_eq!(found.report.steps, steps);
    assert_eq!(steps.len(), 12);
    assert!(steps[11].loss < steps[0].loss, "{steps:?}");
    assert_eq!(bits(&found.adapter), bits(&expected));
}
