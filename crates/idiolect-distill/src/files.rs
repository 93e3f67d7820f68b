//! The names of a distillation's files.

use std::path::{Path, PathBuf};

use idiolect_data::{Layout, RunDir};

use crate::shard::Shard;

/// Where a distillation, or a part of one, keeps what it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DistillFiles {
    folder: RunDir,
    part: String,
}

impl DistillFiles {
    /// The files of a part; those of several parts may lie in one folder.
    #[must_use]
    pub fn new(folder: &Path, shard: Shard) -> Self {
        let part = match shard {
            Shard::WHOLE => String::new(),
            Shard { index, count } => format!("-{index}-of-{count}"),
        };
        let folder = RunDir::new(folder);
        Self { folder, part }
    }

    /// The journal: `journal/rewrites.jsonl`, of a part `journal/rewrites-2-of-4.jsonl`.
    #[must_use]
    pub fn journal(&self) -> PathBuf {
        let name = format!("{}{}", RunDir::REWRITES, self.part);
        self.folder.journal(&name)
    }

    /// The data set, in the layout that it came in: `distilled.json` or `distilled.jsonl`.
    #[must_use]
    pub fn set(&self, layout: Layout) -> PathBuf {
        self.folder.rewritten(&self.part, layout)
    }

    /// The summary: `summary.json`.
    #[must_use]
    pub fn summary(&self) -> PathBuf {
        self.folder.part_summary(&self.part)
    }

    /// Original, rewrite and verdict of some rows: `side_by_side.jsonl`.
    #[must_use]
    pub fn side_by_side(&self) -> PathBuf {
        self.folder.side_by_side(&self.part)
    }

    /// What joining the journals of several parts found: `merge.json`.
    #[must_use]
    pub fn merge(&self) -> PathBuf {
        self.folder.merge_report()
    }
}
