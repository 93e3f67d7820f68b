//! Which files of a repository make a checkpoint: configuration, tokenizer, weights.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use idiolect_completion::Progress;
use idiolect_hub::{Event, Hub, HubError, Repo, RepoKind};
use idiolect_input::{limits, read_bytes, relative_path, shown};
use serde_json::Value;

/// Files beside the weights; those that a repository lacks are passed over, for whoever needs one says so.
const BESIDE: [&str; 6] = [
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "chat_template.jinja",
    "chat_template.json",
];
/// Tokenizers of repositories without `tokenizer.json`.
const OTHER_TOKENIZERS: [&str; 2] = ["tokenizer.model", "tekken.json"];
/// The configuration, in Hugging Face's form and in Mistral's own.
const CONFIGS: [&str; 2] = ["config.json", "params.json"];
/// Weights in parts, in one file, and in Mistral's own form.
const INDEX: &str = "model.safetensors.index.json";
const WEIGHTS: [&str; 2] = ["model.safetensors", "consolidated.safetensors"];
/// How other forms of weights end, to name them where there are no readable ones.
const OTHER_WEIGHTS: [&str; 6] = [".safetensors", ".gguf", ".bin", ".pt", ".pth", ".h5"];

/// Downloads what is not in the cache yet; the folder of all files.
pub(super) fn download(
    hub: &Hub,
    name: &str,
    revision: Option<&str>,
    progress: &dyn Progress,
) -> Result<PathBuf, HubError> {
    let told = |event: Event<'_>| tell_download(progress, event);
    let repo = Repo::new(RepoKind::Model, name, revision)?;
    let first = hub.pinned(&repo, CONFIGS[0], &told);
    let found = match first {
        // Without either of them, what is told is that there is no config.json.
        Err(error) if error.is_missing_file() => {
            hub.pinned(&repo, CONFIGS[1], &told).map_err(|_| error)?
        }
        found => found?,
    };
    let files = Files {
        hub,
        repo: found.repo,
        from_cache: found.from_cache,
        told: &told,
    };
    for file in BESIDE {
        files.optional(file)?;
    }
    if files.optional("tokenizer.json")?.is_none() {
        for file in OTHER_TOKENIZERS {
            files.optional(file)?;
        }
    }
    files.weights()?;
    Ok(found
        .path
        .parent()
        .map_or_else(PathBuf::new, Path::to_path_buf))
}

/// The files of one commit.
struct Files<'a> {
    hub: &'a Hub,
    repo: Repo,
    /// The Hub is away: what the cache lacks is not asked for, unless nothing goes without it.
    from_cache: bool,
    told: &'a dyn Fn(Event<'_>),
}

impl Files<'_> {
    fn optional(&self, file: &str) -> Result<Option<PathBuf>, HubError> {
        if self.from_cache {
            return Ok(self.hub.cached(&self.repo, file));
        }
        match self.hub.file(&self.repo, file, self.told) {
            Err(error) if error.is_missing_file() => Ok(None),
            found => found.map(Some),
        }
    }

    fn weights(&self) -> Result<(), HubError> {
        if let Some(index) = self.optional(INDEX)? {
            for shard in shards(&index)? {
                self.hub.file(&self.repo, &shard, self.told)?;
            }
            return Ok(());
        }
        for file in WEIGHTS {
            if self.optional(file)?.is_some() {
                return Ok(());
            }
        }
        match self.hub.file(&self.repo, WEIGHTS[0], self.told) {
            Err(error) if error.is_missing_file() => Err(self.named(error)),
            other => other.map(drop),
        }
    }

    /// The error with the weights that there are instead.
    fn named(&self, error: HubError) -> HubError {
        let Ok(listing) = self.hub.list(&self.repo, self.told) else {
            return error;
        };
        let files = listing.files.keys().map(String::as_str);
        let others = files.filter(|file| OTHER_WEIGHTS.iter().any(|end| file.ends_with(end)));
        let others: Vec<&str> = others.take(5).collect();
        if others.is_empty() {
            return error;
        }
        HubError::Damaged {
            url: self.repo.to_string(),
            expected: format!("{}, or {INDEX} with its shards", WEIGHTS[0]),
            found: shown(&others.join(", "), 300).into_owned(),
        }
    }
}

/// The files that an index names, each a path below the folder: it becomes a part of addresses and of paths.
fn shards(index: &Path) -> Result<BTreeSet<String>, HubError> {
    let wrong = |expected: &str, found: String| HubError::Damaged {
        url: INDEX.to_owned(),
        expected: expected.to_owned(),
        found: shown(&found, 120).into_owned(),
    };
    let bytes = read_bytes(index, &limits::CONFIG_BYTES);
    let bytes = bytes.map_err(|source| HubError::Io {
        path: index.to_owned(),
        source,
    })?;
    let json: Value =
        serde_json::from_slice(&bytes).map_err(|error| wrong("JSON", error.to_string()))?;
    let Some(map) = json["weight_map"].as_object() else {
        return Err(wrong(
            "an object weight_map",
            json["weight_map"].to_string(),
        ));
    };
    let name = |value: &Value| {
        let name = value.as_str();
        let name = name.ok_or_else(|| wrong("names of files in weight_map", value.to_string()))?;
        let name = relative_path(name);
        name.map(str::to_owned).map_err(|error| HubError::Name {
            found: error.found,
            expected: error.expected,
        })
    };
    map.values().map(name).collect()
}

/// A download as progress, counted in bytes.
pub fn tell_download(progress: &dyn Progress, event: Event<'_>) {
    let count = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
    match event {
        Event::Begin { file, bytes, had } => {
            progress.begin(file, count(bytes));
            progress.advance(count(had));
        }
        Event::Advance(bytes) => progress.advance(count(bytes)),
        Event::End => progress.end(),
        Event::Note(line) => progress.note(line),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Mutex;

    use idiolect_hub::HubConfig;
    use idiolect_testkit::hub::{HubServer, Repository};

    use super::*;

    const FILES: [(&str, &[u8]); 5] = [
        ("config.json", b"{}"),
        ("tokenizer.json", b"a tokenizer"),
        (
            INDEX,
            br#"{"weight_map": {"a": "one.safetensors", "b": "two.safetensors", "c": "one.safetensors"}}"#,
        ),
        ("one.safetensors", &[1; 200]),
        ("two.safetensors", b"the second"),
    ];

    #[derive(Default)]
    struct Told(Mutex<BTreeMap<String, (usize, usize)>>, Mutex<String>);

    impl Progress for Told {
        fn begin(&self, stage: &str, total: usize) {
            *self.1.lock().unwrap() = stage.into();
            self.0.lock().unwrap().insert(stage.into(), (total, 0));
        }

        fn advance(&self, units: usize) {
            let stage = self.1.lock().unwrap().clone();
            self.0.lock().unwrap().get_mut(&stage).unwrap().1 += units;
        }
    }

    fn hub(endpoint: &str, cache: &Path) -> Hub {
        Hub::new(HubConfig {
            endpoint: endpoint.into(),
            attempts: 1,
            ..HubConfig::new(cache.into())
        })
    }

    fn server(files: &[(&str, &[u8])]) -> HubServer {
        HubServer::start(vec![Repository::new("models/owner/name", files)]).unwrap()
    }

    #[test]
    fn names_of_an_index_stay_in_the_folder_before_anything_is_fetched() {
        let folder = tempfile::tempdir().unwrap();
        let index = folder.path().join(INDEX);
        let refused = |map: &str, part: &str| {
            std::fs::write(&index, format!("{{\"weight_map\": {map}}}")).unwrap();
            let error = shards(&index).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        };
        let folder_only = "expected the name of a file of the same folder";
        refused(r#"{"a": "../x.safetensors"}"#, folder_only);
        refused(r#"{"a": "/x.safetensors"}"#, folder_only);
        refused(r#"{"a": "one.safetensors", "b": ".."}"#, folder_only);
        refused(
            r#"{"a": "x\\y"}"#,
            "expected a file name of the same folder",
        );
        refused(r#"{"a": "x\u001b[2J"}"#, "expected no control characters");
        refused(r#"{"a": 3}"#, "expected names of files");
        refused("[]", "expected an object");
    }

    #[test]
    fn a_repository_is_downloaded_once_with_all_its_shards() {
        let (server, cache) = (server(&FILES), tempfile::tempdir().unwrap());
        let told = Told::default();
        let first = hub(&server.url, cache.path());
        let folder = download(&first, "owner/name", None, &told).unwrap();
        for (name, text) in FILES {
            assert_eq!(std::fs::read(folder.join(name)).unwrap(), text);
        }
        let files = FILES.map(|(name, text)| (name.to_string(), (text.len(), text.len())));
        assert_eq!(told.0.into_inner().unwrap(), BTreeMap::from(files));
        // Once more: the branch alone is looked up.
        let _ = server.take_lines();
        let again = download(&first, "owner/name", None, &Told::default()).unwrap();
        assert_eq!(again, folder);
        assert_eq!(
            server.take_lines(),
            ["HEAD /owner/name/resolve/main/config.json"]
        );
        // Nobody answers there: all that is needed is in the cache.
        let nowhere = hub("http://127.0.0.1:9", cache.path());
        let again = download(&nowhere, "owner/name", None, &Told::default()).unwrap();
        assert_eq!(again, folder);
        let other = download(&nowhere, "owner/other", None, &Told::default()).unwrap_err();
        assert!(other.to_string().contains("found no connection"), "{other}");
    }

    #[test]
    fn what_is_no_checkpoint_says_what_is_there() {
        let told = |files: &[(&str, &[u8])]| {
            let (server, cache) = (server(files), tempfile::tempdir().unwrap());
            let hub = hub(&server.url, cache.path());
            download(&hub, "owner/name@main", None, &Told::default())
                .unwrap_err()
                .to_string()
        };
        let config: (&str, &[u8]) = ("config.json", b"{}");
        let error = told(&[config, ("pytorch_model.bin", b"x"), ("README.md", b"x")]);
        let end = format!(
            ": expected model.safetensors, or {INDEX} with its shards, found pytorch_model.bin"
        );
        assert!(error.ends_with(&end), "{error}");
        let error = told(&[config]);
        assert!(
            error.contains("the Hub has no file model.safetensors"),
            "{error}"
        );
        let error = told(&[("model.gguf", b"x")]);
        assert!(error.contains("the Hub has no file config.json"), "{error}");
        let index: (&str, &[u8]) = (INDEX, br#"{"weight_map": {"a": "a.safetensors"}}"#);
        let error = told(&[config, index]);
        assert!(
            error.contains("the Hub has no file a.safetensors"),
            "{error}"
        );
    }

    #[test]
    fn mistrals_own_folder_is_downloaded_too() {
        let files: [(&str, &[u8]); 3] = [
            ("params.json", b"{}"),
            ("consolidated.safetensors", b"weights"),
            ("tekken.json", b"{}"),
        ];
        let (server, cache) = (server(&files), tempfile::tempdir().unwrap());
        let hub = hub(&server.url, cache.path());
        let folder = download(&hub, "owner/name", Some("main"), &Told::default()).unwrap();
        for (name, text) in files {
            assert_eq!(std::fs::read(folder.join(name)).unwrap(), text);
        }
    }
}
