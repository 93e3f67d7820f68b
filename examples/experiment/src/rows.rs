//! The rows: which are rewritten, which train every arm, and which are held out.

use std::path::Path;

use idiolect::data::{Dataset, Row, sample};
use idiolect::distill::DistillSettings;
use idiolect::generate::GenerationSettings;
use idiolect::{LanguageModel, Progress, SelfDistill};

use crate::design::{Arm, HELD_OUT, LONGEST, REWRITE_TOKENS, REWRITTEN, ROWS, Run};
use crate::error::ExperimentError;

/// The rows of all arms.
pub(crate) struct Rows {
    /// With the data set's own responses.
    plain: Dataset,
    /// The same rows with the model's rewrites.
    distilled: Dataset,
    /// Rows that no arm trains on.
    pub(crate) held_out: Vec<Row>,
    /// Rows that were rewritten, and those of them whose rewrite was kept and differs.
    pub(crate) counts: [usize; 2],
}

/// What the rows are made of.
pub(crate) struct Source<'a> {
    pub(crate) model: &'a LanguageModel,
    pub(crate) data: &'a Path,
    pub(crate) out: &'a Path,
    pub(crate) draw: u64,
    pub(crate) progress: &'a dyn Progress,
}

impl Source<'_> {
    /// Draws the rows, has the model rewrite them, and keeps those that tell the arms apart.
    pub(crate) fn rows(&self) -> Result<Rows, ExperimentError> {
        let mut set = Dataset::open(self.data)?;
        set.rows.retain(is_short);
        let needed = REWRITTEN + HELD_OUT;
        if set.rows.len() < needed {
            let expected = format!("{needed} rows of at most {LONGEST} characters");
            return Err(self.too_few(expected, set.rows.len()));
        }
        let chosen = sample(set.rows.len(), needed, self.draw).into_iter();
        set.rows = chosen.filter_map(|at| set.rows.get(at).cloned()).collect();
        let held_out = set.rows.split_off(REWRITTEN);
        let rewritten = self.rewritten(&set, "using", "rewrites")?;
        let pairs = set.rows.iter().zip(&rewritten.rows);
        let differ =
            |(plain, own): &(&Row, &Row)| plain.example.response() != own.example.response();
        let pairs: Vec<(Row, Row)> = pairs
            .filter(differ)
            .map(|(plain, own)| (plain.clone(), own.clone()))
            .collect();
        if pairs.len() < ROWS {
            let expected = format!("{ROWS} rows whose rewrite was kept and differs");
            return Err(self.too_few(expected, pairs.len()));
        }
        let counts = [set.rows.len(), pairs.len()];
        let (plain, own) = pairs.into_iter().take(ROWS).unzip();
        let with = |rows| Dataset {
            rows,
            ..set.clone()
        };
        Ok(Rows {
            plain: with(plain),
            distilled: with(own),
            held_out,
            counts,
        })
    }

    fn rewritten(
        &self,
        set: &Dataset,
        preset: &str,
        folder: &str,
    ) -> Result<Dataset, ExperimentError> {
        // The first draw is greedy; the others are sampled, so that another draw is another set of rewrites too.
        let temperature = if self.draw == 1 { 0.0 } else { 1.0 };
        let rewritten = SelfDistill::new(self.model, set)
            .settings(DistillSettings {
                preset: preset.into(),
                ..DistillSettings::default()
            })
            .generation(GenerationSettings {
                max_new_tokens: REWRITE_TOKENS,
                temperature,
                ..GenerationSettings::default()
            })
            .seed(self.draw)
            .run_dir(self.out.join(folder))
            .progress(self.progress)
            .start()?;
        Ok(rewritten.data)
    }

    /// The rows of a run.
    pub(crate) fn of(&self, rows: &Rows, run: &Run) -> Result<Dataset, ExperimentError> {
        let mut set = match run.arm {
            Arm::Plain | Arm::PlainSlow | Arm::OnPolicy => rows.plain.clone(),
            Arm::Distilled => rows.distilled.clone(),
            Arm::Mixed => rows.mixed(),
            Arm::Unaided => self.rewritten(&rows.plain, "unaided", "unaided")?,
        };
        set.rows.truncate(run.rows);
        Ok(set)
    }

    fn too_few(&self, expected: String, found: usize) -> ExperimentError {
        ExperimentError::Rows {
            path: self.data.to_owned(),
            expected,
            found,
        }
    }
}

impl Rows {
    /// Every other row with its rewrite.
    fn mixed(&self) -> Dataset {
        let pairs = self.plain.rows.iter().zip(&self.distilled.rows).enumerate();
        let one = |(at, (plain, own)): (usize, (&Row, &Row))| {
            if at % 2 == 0 { plain } else { own }.clone()
        };
        Dataset {
            rows: pairs.map(one).collect(),
            ..self.plain.clone()
        }
    }
}

/// Whether a row has at most [`LONGEST`] characters in all.
fn is_short(row: &Row) -> bool {
    let texts = row.raw.values().filter_map(|value| value.as_str());
    texts.map(|text| text.chars().count()).sum::<usize>() <= LONGEST
}
