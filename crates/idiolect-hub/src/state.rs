//! What this machine has of the Hub: cache, token, and whether it answers.

use idiolect_input::shown;

use crate::{Hub, HubConfig, HubError, Repo, RepoKind};

/// Characters of what an error says.
const LONGEST: usize = 600;
/// A small public model that the Hub is asked for.
const ASKED: &str = "HuggingFaceTB/SmolLM2-135M-Instruct";

/// The Hub's cache, its token and its reach, each by its name, for people; the Hub is asked once.
#[must_use]
pub fn hub_state() -> Vec<(&'static str, String)> {
    let config = match HubConfig::of_user() {
        Ok(config) => config,
        Err(error) => return vec![("Hub", error.to_string())],
    };
    let token = config.token.as_ref();
    let token = token.map_or("none".into(), |token| format!("from {}", token.source));
    vec![
        ("Hub cache", config.cache.display().to_string()),
        ("Hub token", token),
        ("Hub", reach(config)),
    ]
}

fn reach(config: HubConfig) -> String {
    if config.offline {
        return "not asked: offline is set".to_owned();
    }
    let endpoint = config.endpoint.clone();
    let hub = Hub::new(HubConfig {
        attempts: 1,
        ..config
    });
    let asked = Repo::new(RepoKind::Model, ASKED, None).and_then(|repo| hub.list(&repo, &|_| {}));
    match asked {
        Ok(_) => format!("{endpoint} answers"),
        Err(HubError::Unreachable { found, .. }) => {
            let found = shown(&found, LONGEST);
            format!(
                "{endpoint} does not answer: files come from the cache and this machine alone ({found})"
            )
        }
        Err(error) => shown(&error.to_string(), LONGEST).into_owned(),
    }
}
