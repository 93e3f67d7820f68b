//! The documents of a corpus, one after the other.
//!
//! Source of the shape: `OpenWebText` comes as JSON Lines, as a text file for each document, or as Parquet.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use idiolect_data::{DataError, Id, unread};
use idiolect_input::limits;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::reader::Lines;

/// What a file of a corpus is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CorpusKind {
    /// A JSON object on each line.
    Rows,
    /// The whole file is one document.
    Text,
    /// Each line is a document.
    #[serde(rename = "lines")]
    TextLines,
}

/// Files of documents, plain, gzip, zstd or Parquet, and how their rows are called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Corpus {
    /// The file or folder that was named; ids of text files are paths below it.
    pub root: PathBuf,
    /// The files, in the order in which they are read.
    pub files: Vec<PathBuf>,
    /// What every file is; without it the name tells (`.jsonl`, `.ndjson`, `.json`, `.parquet`; `.txt`, `.text`,
    /// `.md`), and for other names the first byte: `{` begins rows.
    pub kind: Option<CorpusKind>,
    /// The field of a row that holds the text; default `text`.
    pub text: String,
    /// The field of a row that holds its id; default `id`.
    /// Rows without it, and all rows where this is `None`, are called `FILE:LINE`.
    pub id: Option<String>,
}

/// One document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The row's own id (which other rows may have too), or the file's path below the corpus, with `:LINE` for a line of it.
    pub id: Id,
    /// All its text.
    pub text: String,
}

impl Corpus {
    /// A file, or all files with known names in a folder and the folders in it, sorted by path.
    ///
    /// Names that begin with a dot are passed over, and links to a folder that they are in.
    ///
    /// # Errors
    ///
    /// [`DataError::NoFile`] where there is none such, [`DataError::Empty`] for a folder without a known
    /// file.
    pub fn find(path: &Path) -> Result<Self, DataError> {
        let mut files = Vec::new();
        let is_folder = fs::metadata(path)
            .map_err(|error| unread(path, error))?
            .is_dir();
        if is_folder {
            collect(path, &mut Vec::new(), &mut files)?;
        } else {
            files.push(path.to_owned());
        }
        if files.is_empty() {
            return Err(DataError::Empty {
                path: path.to_owned(),
            });
        }
        Ok(Self {
            root: path.to_owned(),
            files,
            kind: None,
            text: "text".to_owned(),
            id: Some("id".to_owned()),
        })
    }

    /// The documents in order, one in memory at a time.
    pub fn documents(&self) -> impl Iterator<Item = Result<Document, DataError>> + '_ {
        self.raw().map(|raw| self.document(raw?))
    }

    /// The documents as they stand in the files, so that those that nobody wants cost no parsing.
    pub(crate) fn raw(&self) -> impl Iterator<Item = Result<Raw<'_>, DataError>> + '_ {
        let mut files = self.files.iter();
        let mut open: Option<(Lines, CorpusKind, &Path)> = None;
        let mut next = move || -> Result<Option<Raw<'_>>, DataError> {
            loop {
                if let Some((lines, kind, path)) = &mut open {
                    let found = match kind {
                        CorpusKind::Text => lines.whole()?,
                        CorpusKind::Rows | CorpusKind::TextLines => lines.line()?,
                    };
                    if let Some((line, text)) = found {
                        let (kind, path) = (*kind, *path);
                        return Ok(Some(Raw {
                            path,
                            kind,
                            line,
                            text,
                        }));
                    }
                }
                let Some(path) = files.next() else {
                    return Ok(None);
                };
                let mut lines = Lines::open(path)?;
                let kind = self.kind_of(path, &mut lines)?;
                open = Some((lines, kind, path));
            }
        };
        let mut failed = false;
        std::iter::from_fn(move || {
            if failed {
                return None;
            }
            let found = next();
            failed = found.is_err();
            found.transpose()
        })
    }

    fn kind_of(&self, path: &Path, lines: &mut Lines) -> Result<CorpusKind, DataError> {
        if let Some(kind) = self.kind.or_else(|| known(path)) {
            return Ok(kind);
        }
        let rows = lines.first()? == Some(b'{');
        Ok(if rows {
            CorpusKind::Rows
        } else {
            CorpusKind::Text
        })
    }

    /// What a raw document says.
    pub(crate) fn document(&self, raw: Raw<'_>) -> Result<Document, DataError> {
        let Raw {
            path,
            kind,
            line,
            text,
        } = raw;
        let name = self.name(path);
        match kind {
            CorpusKind::Rows => self.row(path, line, &text),
            CorpusKind::Text => Ok(Document {
                id: name.into(),
                text,
            }),
            CorpusKind::TextLines => Ok(Document {
                id: format!("{name}:{line}").into(),
                text: text.trim_end_matches(['\n', '\r']).to_owned(),
            }),
        }
    }

    fn row(&self, path: &Path, line: usize, text: &str) -> Result<Document, DataError> {
        let mut fields: Map<String, Value> =
            serde_json::from_str(text).map_err(|error| DataError::Json {
                path: path.to_owned(),
                line,
                column: error.column().max(1),
                problem: format!("expected a JSON object on this line, found {error}"),
            })?;
        let wrong = |field: &str, expected: &str, found: String| DataError::Field {
            path: path.to_owned(),
            row: line - 1,
            line,
            field: field.to_owned(),
            expected: expected.to_owned(),
            found,
        };
        let id = match self.id.as_ref().and_then(|field| fields.remove(field)) {
            None | Some(Value::Null) => format!("{}:{line}", self.name(path)).into(),
            Some(id @ (Value::String(_) | Value::Number(_))) => id,
            Some(other) => {
                let field = self.id.as_deref().unwrap_or_default();
                return Err(wrong(field, "a string or a number", other.to_string()));
            }
        };
        match fields.remove(&self.text) {
            Some(Value::String(text)) => Ok(Document { id, text }),
            Some(other) => Err(wrong(&self.text, "a string", other.to_string())),
            None => {
                let names: Vec<_> = fields.keys().take(12).map(String::as_str).collect();
                let found = format!("no such field among {}", names.join(", "));
                Err(wrong(&self.text, "a string", found))
            }
        }
    }

    /// A file's path below the corpus, with `/` on every system.
    fn name(&self, path: &Path) -> String {
        let below = path.strip_prefix(&self.root).unwrap_or(path);
        let below = if below.as_os_str().is_empty() {
            Path::new(path.file_name().unwrap_or_default())
        } else {
            below
        };
        let parts: Vec<_> = below.iter().map(|part| part.to_string_lossy()).collect();
        parts.join("/")
    }
}

/// A document as it stands in its file.
pub(crate) struct Raw<'a> {
    path: &'a Path,
    kind: CorpusKind,
    line: usize,
    text: String,
}

impl Raw<'_> {
    /// `FILE:LINE`.
    pub(crate) fn place(&self, corpus: &Corpus) -> String {
        format!("{}:{}", corpus.name(self.path), self.line)
    }
}

/// What the name of a file says, with the ending of its packing taken off.
fn known(path: &Path) -> Option<CorpusKind> {
    let name = path.file_name()?.to_str()?.to_lowercase();
    let name = [".gz", ".zst", ".zstd"]
        .iter()
        .find_map(|end| name.strip_suffix(end))
        .unwrap_or(&name);
    match name.rsplit_once('.')?.1 {
        "jsonl" | "ndjson" | "json" | "parquet" => Some(CorpusKind::Rows),
        "txt" | "text" | "md" => Some(CorpusKind::Text),
        _ => None,
    }
}

/// The folders that are being read, from the outermost, each by its place without links.
type Above = Vec<PathBuf>;

fn collect(folder: &Path, above: &mut Above, files: &mut Vec<PathBuf>) -> Result<(), DataError> {
    let failed = |error| unread(folder, error);
    let own = fs::canonicalize(folder).map_err(failed)?;
    // A link to a folder above would be followed without end.
    if above.contains(&own) {
        return Ok(());
    }
    above.push(own);
    let entries = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let mut paths: Vec<_> = entries
        .map_err(failed)?
        .iter()
        .map(fs::DirEntry::path)
        .collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') {
            continue;
        }
        if path.is_dir() {
            collect(&path, above, files)?;
        } else if known(&path).is_some() {
            files.push(path);
        }
    }
    above.pop();
    let count = limits::CORPUS_FILES.check(files.len() as u64);
    count.map_err(|error| unread(folder, error.into()))
}
