//! A repository of the Hub, file by file, into the cache that Hugging Face's own tools use.

use std::collections::BTreeSet;
use std::error::Error;
use std::path::{Path, PathBuf};

use hf_hub::api::sync::{ApiBuilder, ApiRepo};
use hf_hub::{Cache, CacheRepo};
use idiolect_completion::Progress;
use idiolect_input::{file_name, guarded, limits, read_bytes, shown};
use serde_json::Value;

/// Files that make a checkpoint usable, beside its weights; those that a repository lacks are passed over.
const BESIDE: [&str; 5] = [
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "chat_template.jinja",
];

/// Where models come from, and where they are kept.
pub(super) struct Hub {
    api: ApiBuilder,
    cache: Cache,
}

impl Hub {
    /// As the user's environment says: `HF_HOME`, `HF_ENDPOINT`, and the token in the cache.
    pub(super) fn of_user() -> Self {
        Self {
            api: ApiBuilder::from_env(),
            cache: Cache::from_env(),
        }
    }

    /// Downloads what is not in the cache yet; the error is the first line of what the Hub says.
    pub(super) fn model(self, name: &str, progress: &dyn Progress) -> Result<PathBuf, String> {
        self.fetch(name, progress).map_err(|error| {
            let text = error.to_string();
            let line = text.lines().next().unwrap_or_default();
            format!("the Hub says: {}", shown(line, 300))
        })
    }

    fn fetch(self, name: &str, progress: &dyn Progress) -> Result<PathBuf, Box<dyn Error>> {
        let repository = Repository {
            cached: self.cache.model(name.into()),
            remote: guarded(|| self.api.build())??.model(name.into()),
            progress,
        };
        let config = repository.get("config.json")?;
        for file in BESIDE {
            // What is not there is told by whoever needs it.
            let _ = repository.get(file);
        }
        if let Ok(index) = repository.get("model.safetensors.index.json") {
            for shard in shards(&index)? {
                repository.get(&shard)?;
            }
        } else {
            repository.get("model.safetensors")?;
        }
        Ok(config.parent().map_or_else(PathBuf::new, Path::to_path_buf))
    }
}

/// The files that an index names, each a plain name: it becomes a part of addresses and of paths.
fn shards(index: &Path) -> Result<BTreeSet<String>, Box<dyn Error>> {
    let json: Value = serde_json::from_slice(&read_bytes(index, &limits::CONFIG_BYTES)?)?;
    let Some(map) = json["weight_map"].as_object() else {
        return Err("model.safetensors.index.json: weight_map: expected an object".into());
    };
    let name = |value: &Value| -> Result<String, Box<dyn Error>> {
        let name = value
            .as_str()
            .ok_or("weight_map: expected names of files")?;
        Ok(file_name(name)?.to_owned())
    };
    map.values().map(name).collect()
}

struct Repository<'a> {
    cached: CacheRepo,
    remote: ApiRepo,
    progress: &'a dyn Progress,
}

impl Repository<'_> {
    fn get(&self, file: &str) -> Result<PathBuf, Box<dyn Error>> {
        if let Some(path) = self.cached.get(file) {
            return Ok(path);
        }
        let bytes = Bytes {
            progress: self.progress,
            begun: false,
        };
        guarded(|| self.remote.download_with_progress(file, bytes))?.map_err(Into::into)
    }
}

/// A download as progress, counted in bytes.
struct Bytes<'a> {
    progress: &'a dyn Progress,
    /// hf-hub says twice that a download begins.
    begun: bool,
}

impl hf_hub::api::Progress for Bytes<'_> {
    fn init(&mut self, size: usize, file: &str) {
        if !self.begun {
            self.progress.begin(file, size);
            self.begun = true;
        }
    }

    fn update(&mut self, size: usize) {
        self.progress.advance(size);
    }

    fn finish(&mut self) {
        self.progress.end();
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::net::{TcpListener, TcpStream};
    use std::sync::Mutex;

    use super::*;

    const FILES: [(&str, &str); 5] = [
        ("config.json", "{}"),
        ("tokenizer.json", "a tokenizer"),
        (
            "model.safetensors.index.json",
            r#"{"weight_map": {"a": "one.safetensors", "b": "two.safetensors", "c": "one.safetensors"}}"#,
        ),
        ("one.safetensors", "the first weights"),
        ("two.safetensors", "the second"),
    ];

    /// Answers as the Hub does, until the test ends; its address.
    fn serve() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                answer(stream.unwrap());
            }
        });
        format!("http://{address}")
    }

    fn answer(mut stream: TcpStream) {
        let lines = BufReader::new(stream.try_clone().unwrap()).lines();
        let lines: Vec<String> = lines
            .map(Result::unwrap)
            .take_while(|line| !line.is_empty())
            .collect();
        let file = lines[0].split(' ').nth(1).unwrap();
        let file = file.strip_prefix("/owner/name/resolve/main/").unwrap();
        let found = FILES.iter().find(|(name, _)| *name == file);
        let Some((_, body)) = found else {
            let none = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            return stream.write_all(none.as_bytes()).unwrap();
        };
        let range = lines
            .iter()
            .find_map(|line| {
                line.to_lowercase()
                    .strip_prefix("range: bytes=")
                    .map(String::from)
            })
            .unwrap();
        let (from, to) = range.split_once('-').unwrap();
        let from: usize = from.parse().unwrap();
        let to = to.parse().map_or(body.len(), |last: usize| last + 1);
        let part = &body[from..to];
        let head = format!(
            "HTTP/1.1 206 Partial Content\r\nContent-Length: {}\r\nContent-Range: bytes {from}-{}/{}\r\n\
             ETag: \"{file}-1\"\r\nX-Repo-Commit: abc\r\nConnection: close\r\n\r\n{part}",
            part.len(),
            to - 1,
            body.len(),
        );
        stream.write_all(head.as_bytes()).unwrap();
    }

    #[derive(Default)]
    struct Told(Mutex<Vec<(String, usize)>>);

    impl Progress for Told {
        fn begin(&self, stage: &str, total: usize) {
            self.0.lock().unwrap().push((stage.into(), total));
        }
    }

    #[test]
    fn names_of_an_index_stay_in_the_folder_before_anything_is_fetched() {
        let folder = tempfile::tempdir().unwrap();
        let index = folder.path().join("model.safetensors.index.json");
        let refused = |map: &str, part: &str| {
            std::fs::write(&index, format!("{{\"weight_map\": {map}}}")).unwrap();
            let error = shards(&index).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        };
        let folder_only = "expected a file name of the same folder";
        refused(r#"{"a": "../x.safetensors"}"#, folder_only);
        refused(r#"{"a": "/x.safetensors"}"#, folder_only);
        refused(
            r#"{"a": "one.safetensors", "b": ".."}"#,
            "expected the name of a file of the same folder",
        );
        refused(r#"{"a": "x\u001b[2J"}"#, "expected no control characters");
        refused(r#"{"a": 3}"#, "expected names of files");
        refused("[]", "expected an object");
    }

    #[test]
    fn a_repository_is_downloaded_once_with_all_its_shards() {
        let cache = tempfile::tempdir().unwrap();
        let hub = |endpoint: String| Hub {
            api: ApiBuilder::from_cache(Cache::new(cache.path().into())).with_endpoint(endpoint),
            cache: Cache::new(cache.path().into()),
        };
        let told = Told::default();
        let folder = hub(serve()).model("owner/name", &told).unwrap();
        for (name, text) in FILES {
            assert_eq!(std::fs::read_to_string(folder.join(name)).unwrap(), text);
        }
        let files = FILES.map(|(name, text)| (name.to_string(), text.len()));
        assert_eq!(told.0.into_inner().unwrap(), files);
        // Nobody answers there: all that is needed is in the cache.
        let nowhere = || hub("http://127.0.0.1:9".into());
        let again = nowhere().model("owner/name", &Told::default()).unwrap();
        assert_eq!(again, folder);
        let other = nowhere().model("owner/other", &Told::default());
        assert!(other.unwrap_err().starts_with("the Hub says: "));
    }
}
