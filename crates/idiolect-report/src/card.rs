//! The card of a trained adapter or model: the `README.md` that the Hub shows, from the files of the run that made it.
//!
//! It says what the files say, and nothing of this machine: of paths only the last part. The head is the YAML that the
//! Hub reads (`huggingface_hub` 2.4, `repocard_data.py`).

mod facts;
mod license;
mod table;

use std::fmt::Write;
use std::path::Path;

use crate::ReportError;

use facts::Facts;
pub use facts::{CardKind, published};
pub use license::card_license;
use table::{line, row};

/// What the card of a folder says.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelCard {
    /// What the folder holds.
    pub kind: CardKind,
    /// The base model: its name on the Hub, or the last part of its path.
    pub base: Option<String>,
    /// Whether that is a name on the Hub.
    pub base_is_on_hub: bool,
    /// The licence of the base model, by its identifier on the Hub; none where nothing says it.
    pub license: Option<String>,
    facts: Facts,
}

impl ModelCard {
    /// Reads the folder of an adapter or a model, and the run directory above it where there is one.
    ///
    /// # Errors
    ///
    /// [`ReportError::NoModel`] for a folder of neither; those of files that do not parse.
    pub fn read(folder: &Path) -> Result<Self, ReportError> {
        let facts = Facts::read(folder)?;
        let base = facts.base();
        let base_is_on_hub = base.as_deref().is_some_and(facts::is_hub_name);
        let license = match &base {
            Some(base) if !base_is_on_hub => facts::license_beside(Path::new(base))?,
            _ => None,
        };
        let short = |base: String| {
            if base_is_on_hub {
                base
            } else {
                table::last_part(&base)
            }
        };
        Ok(Self {
            kind: facts.kind,
            base: base.map(short),
            base_is_on_hub,
            license,
            facts,
        })
    }

    /// The card of a repository `owner/name`.
    #[must_use]
    pub fn text(&self, repository: &str) -> String {
        let name = repository.rsplit('/').next().unwrap_or(repository);
        let mut text = self.head();
        let _ = write!(text, "\n# {}\n\n{}\n", line(name), self.what());
        text += &self.usage(repository);
        for (title, rows) in [
            ("Data", self.facts.data()),
            ("Settings", self.facts.settings()),
            ("Losses and forgetting", self.facts.numbers()),
        ] {
            if !rows.is_empty() {
                let _ = write!(text, "\n## {title}\n\n| | |\n|---|---|\n");
                for (key, value) in rows {
                    text += &row(key, &value);
                }
            }
        }
        let _ = write!(text, "\n## Licence\n\n{}\n", self.licence());
        text
    }

    fn head(&self) -> String {
        let library = match self.kind {
            CardKind::Adapter => "peft",
            CardKind::Model => "transformers",
        };
        let mut text = String::from("---\n");
        if let Some(license) = &self.license {
            let _ = writeln!(text, "license: {}", serde_json::json!(license));
        }
        if let (Some(base), true) = (&self.base, self.base_is_on_hub) {
            let _ = writeln!(text, "base_model: {}", serde_json::json!(base));
        }
        let tags = match self.kind {
            CardKind::Adapter => "- lora\n- idiolect\n",
            CardKind::Model => "- idiolect\n",
        };
        let _ = write!(
            text,
            "library_name: {library}\npipeline_tag: text-generation\ntags:\n{tags}---\n"
        );
        text
    }

    /// One sentence.
    fn what(&self) -> String {
        let base = match (&self.base, self.base_is_on_hub) {
            (Some(base), true) => format!("[{base}](https://huggingface.co/{base})"),
            (Some(base), false) => format!("`{}`", line(base)),
            (None, _) => "a model that its files do not name".to_owned(),
        };
        let method = if self.facts.is_distilled() {
            ", on answers that the model first rewrote in its own words ([arXiv 2402.13669](https://arxiv.org/abs/2402.13669))"
        } else {
            ""
        };
        match (self.kind, self.facts.has_run()) {
            (CardKind::Adapter, _) => {
                format!("A LoRA adapter for {base}, trained with Idiolect{method}.")
            }
            (CardKind::Model, true) => {
                format!("Every weight of {base}, trained with Idiolect{method}.")
            }
            (CardKind::Model, false) => "A model written by Idiolect.".to_owned(),
        }
    }

    fn usage(&self, repository: &str) -> String {
        let base = self.base.as_deref().unwrap_or("BASE");
        let call = match self.kind {
            CardKind::Adapter => format!(
                "hf download {repository} --local-dir adapter\nidiolect chat --model {} --adapter adapter",
                line(base)
            ),
            CardKind::Model => format!("idiolect chat --model {repository}"),
        };
        format!("\n```sh\n{call}\n```\n")
    }

    fn licence(&self) -> String {
        let own = match &self.license {
            Some(license) => format!("The base model's licence is `{}`.", line(license)),
            None => "The base model's licence was not found; its own page says it.".to_owned(),
        };
        format!("{own} What the data allow is for their owner to say.")
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn write(place: &Path, name: &str, text: &str) {
        let path = place.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn run() -> tempfile::TempDir {
        let place = tempfile::tempdir().unwrap();
        let config = r#"{"base_model_name_or_path": "owner/base", "r": 8, "lora_alpha": 16}"#;
        write(place.path(), "adapter/adapter_config.json", config);
        let toml = "model = \"owner/base\"\ndata = [\"/srv/me/secret/own | rows.jsonl\"]\nrank = 8\nalpha = 16.0\n\
                    targets = \"q_proj,v_proj\"\nlearning_rate = 0.0001\nepochs = 2\nbatch_size = 4\naccumulation = 2\n\
                    seed = 42\ndtype = \"f32\"\nformat = \"alpaca\"\nout = \"/srv/me/secret/run\"\n";
        write(place.path(), "run.toml", toml);
        let plan = r#"{"rows": 27, "held_out": 3, "tokens": 900, "trained_tokens": 300}"#;
        write(place.path(), "plan.json", plan);
        let metrics = "{\"step\": 1, \"loss\": 2.5}\n{\"step\": 2, \"loss\": 2.0}\n{\"step\": 2, \"eval_loss\": 2.25}\n\
                       {\"step\": 4, \"loss\": 1.25}\n{\"step\": 4, \"eval_loss\": 1.75}\n";
        write(place.path(), "metrics.jsonl", metrics);
        let forgetting =
            r#"{"prompts": 64, "rise": {"mean": 0.08712, "low": 0.05, "high": 0.12}, "rows": []}"#;
        write(place.path(), "forgetting.json", forgetting);
        place
    }

    #[test]
    fn a_card_says_data_settings_losses_forgetting_and_licence_and_no_paths() {
        let place = run();
        let mut card = ModelCard::read(&place.path().join("adapter")).unwrap();
        assert_eq!((card.kind, card.base_is_on_hub), (CardKind::Adapter, true));
        card.license = Some("apache-2.0".into());
        let text = card.text("me/first");
        let head = "---\nlicense: \"apache-2.0\"\nbase_model: \"owner/base\"\nlibrary_name: peft\n";
        assert!(text.starts_with(head), "{text}");
        for line in [
            "# first",
            "| data | own \\| rows.jsonl |",
            "| rows trained on | 27 |",
            "| rows held out | 3 |",
            "| rank | 8 |",
            "| rows of a step | 8 |",
            "| training loss, first and last step | 2.5000, 1.2500 |",
            "| held-out loss, first and last | 2.2500, 1.7500 |",
            "| held-out loss, lowest | 1.7500 after step 4 |",
            "| forgetting, nats a token | 0.0871 (95 % interval 0.0500 to 0.1200, 64 prompts) |",
            "The base model's licence is `apache-2.0`. What the data allow is for their owner to say.",
        ] {
            assert!(
                text.lines().any(|own| own == line),
                "{line} is not in:\n{text}"
            );
        }
        assert!(!text.contains("secret") && !text.contains("/srv"), "{text}");
        assert_eq!(card_license(&text).as_deref(), Some("apache-2.0"));
    }

    #[test]
    fn a_base_on_this_machine_is_named_by_its_last_part_and_brings_its_licence() {
        let place = run();
        let base = place.path().join("base-135M");
        write(
            &base,
            "README.md",
            "---\nlicense: other\nlicense_name: own-1\n---\n",
        );
        let config = format!(
            "{{\"base_model_name_or_path\": {:?}}}",
            base.display().to_string()
        );
        write(place.path(), "adapter/adapter_config.json", &config);
        let card = ModelCard::read(&place.path().join("adapter")).unwrap();
        assert_eq!(card.base.as_deref(), Some("base-135M"));
        assert_eq!(card.license.as_deref(), Some("own-1"));
        let text = card.text("me/first");
        assert!(text.contains("A LoRA adapter for `base-135M`"), "{text}");
        assert!(!text.contains("base_model:"), "{text}");
        let shown = place.path().display().to_string();
        assert!(!text.contains(&shown), "{text}");
    }

    #[test]
    fn a_merged_model_has_a_card_without_a_run_and_a_run_directory_is_found_below() {
        let place = tempfile::tempdir().unwrap();
        write(place.path(), "config.json", "{}");
        let card = ModelCard::read(place.path()).unwrap();
        let text = card.text("me/merged");
        assert!(text.contains("A model written by Idiolect."), "{text}");
        assert!(!text.contains("## Data"), "{text}");
        let run = run();
        assert_eq!(published(run.path()).unwrap(), run.path().join("adapter"));
        let error = published(&run.path().join("none")).unwrap_err().to_string();
        assert!(error.contains("adapter_config.json"), "{error}");
    }

    #[test]
    fn heads_without_a_licence_have_none() {
        for card in [
            "",
            "# A model",
            "---\ntags: []\n---\n",
            "---\nlicense:\n---\n",
            "---\nlicense: mit",
        ] {
            assert_eq!(card_license(card), None, "{card:?}");
        }
        let quoted = card_license("---\r\nlicense: 'mit'\r\n---\r\n");
        assert_eq!(quoted.as_deref(), Some("mit"));
    }
}
