//! How much an adapter has made its model forget: `measure MODEL ADAPTER [PROMPTS] [JOURNAL]`.

use idiolect_completion::{Progress, Quiet};
use idiolect_forgetting::{BaseAnswers, ForgettingPlace, ForgettingSettings};
use idiolect_lm::LanguageModel;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, adapter, more @ ..] = arguments.as_slice() else {
        return Err("measure MODEL ADAPTER [PROMPTS] [JOURNAL]".into());
    };
    let prompts = more.first().map_or("64", String::as_str).parse()?;
    let place = ForgettingPlace {
        journal: more.get(1).map(Into::into),
        ..ForgettingPlace::user_cache()
    };
    let progress: &dyn Progress = &Quiet;
    let base = LanguageModel::open(model)?;
    let settings = ForgettingSettings::of(prompts);
    let answers = BaseAnswers::draw(&base, &settings, &place, progress)?;
    let found = answers.measure(&base.load_adapter(adapter.as_ref())?, progress)?;
    let mut out = std::io::stdout().lock();
    std::io::Write::write_fmt(&mut out, format_args!("{found}\n"))?;
    Ok(())
}
