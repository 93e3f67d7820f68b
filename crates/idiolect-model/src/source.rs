//! A Hugging Face folder as a source of tensors, read one at a time.
//!
//! Files are read by position, not mapped: a cut-off file is an error here and not a fault later.

mod native;
mod shard;
mod tensor;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use idiolect_input::file_name;

pub(crate) use self::native::NativeFolder;
use self::shard::Shard;
pub(crate) use self::shard::{RawLayout, RawTensor};
pub use self::tensor::StoredTensor;
use crate::gguf::BlockTensor;
use crate::{ModelError, Wrapper, config::read_json};

/// Anything that tensors can be read from by their Hugging Face name.
pub(crate) trait Source {
    /// Names of all tensors, sorted.
    fn names(&self) -> Vec<String>;
    /// The file that holds a tensor, or the whole checkpoint.
    fn file(&self, name: &str) -> PathBuf;
    /// Name of the type that a tensor has on disk, for example `BF16` or `Q4_1`; none for an unknown name or type.
    fn stored(&self, name: &str) -> Option<String>;
    /// Reads one tensor of [`Source::names`].
    fn read(&mut self, name: &str) -> Result<StoredTensor, ModelError>;
    /// Reads one tensor as it is stored to the beginning of `memory`, which grows where it is shorter; none where its values
    /// are not stored as floats in the order of [`Source::read`].
    fn read_raw(
        &mut self,
        _name: &str,
        _memory: &mut Vec<u8>,
    ) -> Result<Option<RawLayout>, ModelError> {
        Ok(None)
    }
    /// Reads a matrix without widening its values, where it is stored in blocks that weights can stay in.
    fn read_blocks(&mut self, _name: &str) -> Result<Option<BlockTensor>, ModelError> {
        Ok(None)
    }
}

/// How the weight files of a folder are called.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WeightNames {
    /// The one that holds all.
    pub(crate) single: &'static str,
    /// What says which of several holds a tensor.
    pub(crate) index: &'static str,
}

/// Those of a Hugging Face folder.
const WEIGHTS: WeightNames = WeightNames {
    single: "model.safetensors",
    index: "model.safetensors.index.json",
};

/// The shards of a folder and where each tensor is.
pub(crate) struct Folder {
    path: PathBuf,
    shards: Vec<Shard>,
    places: BTreeMap<String, Place>,
}

/// Where a tensor is.
struct Place {
    /// Its name there.
    stored: String,
    shard: usize,
}

impl Folder {
    /// Opens `model.safetensors`, or the shards that `model.safetensors.index.json` names. Tensors go by the names
    /// that they have in a decoder that stands alone: out of a wrapper, or of a body without its head
    /// (`LlamaModel`).
    pub(crate) fn open(path: &Path, wrapper: Wrapper) -> Result<Self, ModelError> {
        refuse_pickled(path)?;
        let mut folder = Self::shards(path, WEIGHTS)?;
        let is_body = folder.places.contains_key("embed_tokens.weight");
        folder.rename(|stored| match wrapper.own_name(stored) {
            Some(own) if is_body && !own.starts_with("lm_head.") => format!("model.{own}"),
            Some(own) => own,
            None => stored.into(),
        });
        Ok(folder)
    }

    /// Opens files of other names, whose tensors go by what `own` makes of theirs.
    pub(crate) fn open_named(
        path: &Path,
        names: WeightNames,
        own: fn(&str) -> String,
    ) -> Result<Self, ModelError> {
        let mut folder = Self::shards(path, names)?;
        folder.rename(own);
        Ok(folder)
    }

    fn shards(path: &Path, names: WeightNames) -> Result<Self, ModelError> {
        let index = path.join(names.index);
        let mut folder = Self {
            path: path.into(),
            shards: Vec::new(),
            places: BTreeMap::new(),
        };
        if index.is_file() {
            folder.open_indexed(&index)?;
        } else {
            folder.open_shard(&path.join(names.single))?;
        }
        Ok(folder)
    }

    fn rename(&mut self, own: impl Fn(&str) -> String) {
        let places = std::mem::take(&mut self.places).into_iter();
        self.places = places
            .map(|(stored, place)| (own(&stored), place))
            .collect();
    }

    /// Tensors that are not of the decoder, by their stored names.
    pub(crate) fn beside(&self, wrapper: Wrapper) -> Vec<String> {
        let stored = self.places.values().map(|place| place.stored.clone());
        stored
            .filter(|name| wrapper.own_name(name).is_none())
            .collect()
    }

    /// The bytes of a tensor as they are stored, by the name that [`Source::names`] has for it.
    pub(crate) fn raw(&mut self, name: &str) -> Result<RawTensor, ModelError> {
        match self.place(name) {
            Some((stored, shard)) => shard.raw(&stored),
            None => Err(self.missing(name)),
        }
    }

    fn place(&mut self, name: &str) -> Option<(String, &mut Shard)> {
        let Place { stored, shard } = self.places.get(name)?;
        let stored = stored.clone();
        self.shards.get_mut(*shard).map(|shard| (stored, shard))
    }

    fn missing(&self, name: &str) -> ModelError {
        ModelError::Missing {
            path: self.path.clone(),
            tensors: vec![name.into()],
        }
    }

    fn open_shard(&mut self, path: &Path) -> Result<(), ModelError> {
        let shard = Shard::open(path)?;
        for name in shard.metadata.offset_keys() {
            let place = Place {
                stored: name.clone(),
                shard: self.shards.len(),
            };
            let earlier = self.places.insert(name.clone(), place);
            if let Some(earlier) = earlier.and_then(|place| self.shards.get(place.shard)) {
                let (what, expected) = (format!("tensor {name}"), "in one file alone");
                let found = format!("in {} too", earlier.path.display());
                return Err(ModelError::corrupt(path, what, expected, found));
            }
        }
        self.shards.push(shard);
        Ok(())
    }

    fn open_indexed(&mut self, index: &Path) -> Result<(), ModelError> {
        let promised = shard_map(index)?;
        let files: std::collections::BTreeSet<&String> = promised.values().collect();
        for file in files {
            file_name(file).map_err(|error| {
                ModelError::corrupt(index, "weight_map", error.expected, error.found)
            })?;
            self.open_shard(&self.path.join(file))?;
        }
        match promised
            .iter()
            .find(|(name, _)| !self.places.contains_key(*name))
        {
            Some((name, file)) => {
                let what = format!("tensor {name}");
                Err(ModelError::corrupt(
                    &self.path.join(file),
                    what,
                    "present, by the index",
                    "absent",
                ))
            }
            None => Ok(()),
        }
    }
}

/// Tensor names and their files, from the index.
fn shard_map(index: &Path) -> Result<BTreeMap<String, String>, ModelError> {
    let json = read_json(index)?;
    let map = json.get("weight_map").cloned().unwrap_or_default();
    serde_json::from_value(map).map_err(|source| ModelError::Json {
        path: index.join("weight_map"),
        source,
    })
}

impl Source for Folder {
    fn read_raw(
        &mut self,
        name: &str,
        memory: &mut Vec<u8>,
    ) -> Result<Option<RawLayout>, ModelError> {
        match self.place(name) {
            Some((stored, shard)) => shard.raw_to(&stored, memory).map(Some),
            None => Err(self.missing(name)),
        }
    }

    fn names(&self) -> Vec<String> {
        self.places.keys().cloned().collect()
    }

    fn file(&self, name: &str) -> PathBuf {
        let shard = self.places.get(name);
        let shard = shard.and_then(|place| self.shards.get(place.shard));
        shard.map_or_else(|| self.path.clone(), |shard| shard.path.clone())
    }

    fn stored(&self, name: &str) -> Option<String> {
        let place = self.places.get(name)?;
        let shard = self.shards.get(place.shard)?;
        let info = shard.metadata.info(&place.stored)?;
        Some(format!("{:?}", info.dtype))
    }

    fn read(&mut self, name: &str) -> Result<StoredTensor, ModelError> {
        match self.place(name) {
            Some((stored, shard)) => shard.read(&stored),
            None => Err(self.missing(name)),
        }
    }
}

/// Weights in the form of older checkpoints alone, which is a program that reading would run.
fn refuse_pickled(path: &Path) -> Result<(), ModelError> {
    let held = [WEIGHTS.single, WEIGHTS.index].map(|name| path.join(name));
    let old = ["pytorch_model.bin", "pytorch_model.bin.index.json"];
    let old = old
        .map(|name| path.join(name))
        .into_iter()
        .find(|old| old.is_file());
    match old.filter(|_| !held.iter().any(|path| path.exists())) {
        Some(old) => Err(ModelError::Pickled { path: old }),
        None => Ok(()),
    }
}
