//! Who is told the token, and what is said to those who may not read.

#![allow(clippy::unwrap_used, reason = "a test's own server")]

mod common;

use idiolect_http::Secret;
use idiolect_hub::{Hub, HubConfig, HubError, Token};
use idiolect_testkit::hub::{Access, GOOD_TOKEN, HubServer, POOR_TOKEN, Reply, Repository};

use common::{big, config, dataset, model, quiet};

fn server() -> HubServer {
    let repository = |place: &str, access| Repository {
        access,
        ..Repository::new(
            place,
            &[("config.json", b"{}"), ("model.safetensors", &big())],
        )
    };
    HubServer::start(vec![
        repository("models/owner/open", Access::Public),
        repository("models/owner/gated", Access::Gated),
        repository("datasets/owner/gated", Access::Gated),
        repository("models/owner/private", Access::Private),
    ])
    .unwrap()
}

fn with_token(server: &HubServer, cache: &std::path::Path, token: &str) -> Hub {
    let token = Token {
        secret: Secret::new(token).unwrap(),
        source: "HF_TOKEN".into(),
    };
    Hub::new(HubConfig {
        token: Some(token),
        ..config(server, cache)
    })
}

#[test]
fn an_account_with_access_reads_and_the_storage_is_not_told_the_token() {
    let (server, cache) = (server(), tempfile::tempdir().unwrap());
    let hub = with_token(&server, cache.path(), GOOD_TOKEN);
    for name in ["owner/gated", "owner/private", "owner/open"] {
        hub.file(&model(name), "config.json", &quiet).unwrap();
        hub.file(&model(name), "model.safetensors", &quiet).unwrap();
    }
    assert_eq!(
        hub.list(&dataset("owner/gated"), &quiet)
            .unwrap()
            .files
            .len(),
        2
    );
    let asked = server.asked();
    let (storage, hub): (Vec<_>, Vec<_>) = asked
        .iter()
        .partition(|asked| asked.path.starts_with("/storage/"));
    // One content in three repositories, each of which has its own cache.
    assert_eq!(storage.len(), 3);
    assert!(storage.iter().all(|asked| asked.token().is_none()));
    assert!(hub.iter().all(|asked| asked.token() == Some(GOOD_TOKEN)));
}

#[test]
fn a_gated_repository_says_where_its_terms_are_and_which_variable_holds_the_token() {
    let (server, cache) = (server(), tempfile::tempdir().unwrap());
    let told = |hub: &Hub, kind| {
        let repo = match kind {
            "model" => model("owner/gated"),
            _ => dataset("owner/gated"),
        };
        let error = hub.file(&repo, "config.json", &quiet).unwrap_err();
        assert!(matches!(error, HubError::Gated { .. }));
        error.to_string().replace(&server.url, "URL")
    };
    let nobody = common::hub(&server, cache.path());
    assert_eq!(
        told(&nobody, "model"),
        "model owner/gated is gated: expected an account with access, found status 401; accept its terms at \
         URL/owner/gated with the account of the token in HF_TOKEN (no token was sent, for HF_TOKEN holds none)"
    );
    let poor = with_token(&server, cache.path(), POOR_TOKEN);
    assert_eq!(
        told(&poor, "data set"),
        "data set owner/gated is gated: expected an account with access, found status 403; accept its terms at \
         URL/datasets/owner/gated with the account of the token in HF_TOKEN (the token of HF_TOKEN was sent)"
    );
    assert!(nobody.list(&model("owner/gated"), &quiet).is_err());
}

#[test]
fn private_and_unknown_repositories_and_tokens() {
    let (server, cache) = (server(), tempfile::tempdir().unwrap());
    let nobody = common::hub(&server, cache.path());
    let poor = with_token(&server, cache.path(), POOR_TOKEN);
    for name in ["owner/private", "owner/nothing"] {
        let told = |hub: &Hub| {
            hub.file(&model(name), "config.json", &quiet)
                .unwrap_err()
                .to_string()
        };
        let begin =
            format!("model {name}: the Hub has no such repository, or one that needs a token");
        assert_eq!(
            told(&nobody),
            format!("{begin} (no token was sent, for HF_TOKEN holds none)")
        );
        assert_eq!(
            told(&poor),
            format!("{begin} (the token of HF_TOKEN was sent)")
        );
    }
    let wrong = with_token(&server, cache.path(), "hf_spelled_wrong");
    let error = wrong
        .file(&model("owner/open"), "config.json", &quiet)
        .unwrap_err();
    let text = error.to_string();
    let end = "found status 401: Invalid credentials in Authorization header (the token of HF_TOKEN was sent)";
    assert!(text.ends_with(end), "{text}");
    assert!(!format!("{error:?} {wrong:?}").contains("hf_spelled_wrong"));
}

#[test]
fn a_server_that_repeats_the_token_is_cut() {
    let cache = tempfile::tempdir().unwrap();
    let server = HubServer::with_fault(Vec::new(), |asked, _| {
        let token = asked.token().unwrap_or_default();
        let reply = Reply::new(400, format!("{token}\u{1b}[2J").as_bytes());
        match asked.method.as_str() {
            "HEAD" => reply.with("X-Error-Message", &format!("not {token}")),
            _ => reply,
        }
    })
    .unwrap();
    let hub = with_token(&server, cache.path(), GOOD_TOKEN);
    let repo = model("owner/open");
    let file = hub.file(&repo, "config.json", &quiet).unwrap_err();
    let list = hub.list(&repo, &quiet).unwrap_err();
    let shown = format!("{file} {file:?} {list} {list:?}");
    assert!(
        shown.contains("not ***") && shown.contains("***\\u{1b}[2J"),
        "{shown}"
    );
    assert!(!shown.contains(GOOD_TOKEN), "{shown}");
}

#[test]
fn a_copy_in_the_cache_is_used_without_an_account() {
    let (server, cache) = (server(), tempfile::tempdir().unwrap());
    let path = with_token(&server, cache.path(), GOOD_TOKEN)
        .file(&model("owner/gated"), "config.json", &quiet)
        .unwrap();
    let nobody = common::hub(&server, cache.path());
    let told = common::Told::default();
    assert_eq!(
        nobody
            .file(&model("owner/gated"), "config.json", &told.take())
            .unwrap(),
        path
    );
    assert!(told.lines()[0].contains("is gated"), "{:?}", told.lines());
}
