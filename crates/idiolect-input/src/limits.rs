//! Every limit on a size, in one place.
//!
//! Each is far above what files of models and data sets have, and far below what takes a machine's memory.

use crate::Limit;

/// `config.json`, `adapter_config.json`, `tokenizer_config.json`, an index of shards, a TOML file.
pub const CONFIG_BYTES: Limit = Limit {
    variable: "IDIOLECT_LIMIT_CONFIG_BYTES",
    what: "bytes of a configuration file",
    default: 64 << 20,
};

/// A `tokenizer.json`; the largest of published models have 35 MB.
pub const TOKENIZER_BYTES: Limit = Limit {
    variable: "IDIOLECT_LIMIT_TOKENIZER_BYTES",
    what: "bytes of a tokenizer",
    default: 256 << 20,
};

/// The spelling of one token of a vocabulary.
pub const TOKEN_BYTES: Limit = Limit {
    variable: "IDIOLECT_LIMIT_TOKEN_BYTES",
    what: "bytes of a token's spelling",
    default: 1 << 10,
};

/// A text that becomes tokens at once: tokenizers take some 250 bytes of memory for each of its bytes.
pub const TEXT_BYTES: Limit = Limit {
    variable: "IDIOLECT_LIMIT_TEXT_BYTES",
    what: "bytes of a text to be encoded",
    default: 4 << 20,
};

/// A row of a data set as it stands in its file; cells of a table together.
pub const ROW_BYTES: Limit = Limit {
    variable: "IDIOLECT_LIMIT_ROW_BYTES",
    what: "bytes of a row",
    default: 16 << 20,
};

/// Values (texts, numbers, lists, objects) of a row of JSON: each takes some 70 bytes of memory.
pub const ROW_VALUES: Limit = Limit {
    variable: "IDIOLECT_LIMIT_ROW_VALUES",
    what: "values in a row",
    default: 2_000_000,
};

/// Columns of a table: the names of all stand in each of its rows.
pub const COLUMNS: Limit = Limit {
    variable: "IDIOLECT_LIMIT_COLUMNS",
    what: "columns of a table",
    default: 4096,
};

/// Rows times columns of a Parquet file, whose repeated values take no room in the file.
pub const TABLE_VALUES: Limit = Limit {
    variable: "IDIOLECT_LIMIT_TABLE_VALUES",
    what: "values of a Parquet file",
    default: 100_000_000,
};

/// The bytes of a Parquet file or of packed rows, unpacked; of the rows of a Parquet file as they are read, too.
pub const TABLE_BYTES: Limit = Limit {
    variable: "IDIOLECT_LIMIT_TABLE_BYTES",
    what: "unpacked bytes of a file of rows",
    default: 8 << 30,
};

/// A member of an archive, unpacked.
pub const MEMBER_BYTES: Limit = Limit {
    variable: "IDIOLECT_LIMIT_MEMBER_BYTES",
    what: "unpacked bytes of an archive's member",
    default: 64 << 20,
};

/// The metadata in front of the tensors of a GGUF file, vocabulary included.
pub const METADATA_BYTES: Limit = Limit {
    variable: "IDIOLECT_LIMIT_METADATA_BYTES",
    what: "bytes of GGUF metadata",
    default: 256 << 20,
};

/// The header of a safetensors file.
pub const HEADER_BYTES: Limit = Limit {
    variable: "IDIOLECT_LIMIT_HEADER_BYTES",
    what: "bytes of a safetensors header",
    default: 100_000_000,
};

/// The source of a chat template.
pub const TEMPLATE_BYTES: Limit = Limit {
    variable: "IDIOLECT_LIMIT_TEMPLATE_BYTES",
    what: "bytes of a chat template",
    default: 1 << 20,
};

/// What a chat template makes while it renders, intermediate texts included, beyond what the messages have.
pub const RENDERED_BYTES: Limit = Limit {
    variable: "IDIOLECT_LIMIT_RENDERED_BYTES",
    what: "bytes made while a chat template renders",
    default: 64 << 20,
};

/// Instructions that one rendering may take: a few hundred for each message of a conversation, and a second
/// or so of a template that never ends.
pub const TEMPLATE_STEPS: Limit = Limit {
    variable: "IDIOLECT_LIMIT_TEMPLATE_STEPS",
    what: "steps of a chat template",
    default: 50_000_000,
};

/// A file of a run directory that the report reads whole, as `metrics.jsonl`.
pub const RUN_FILE_BYTES: Limit = Limit {
    variable: "IDIOLECT_LIMIT_RUN_FILE_BYTES",
    what: "bytes of a file of a run",
    default: 1 << 30,
};

/// Files of a corpus folder, those of the folders in it included.
pub const CORPUS_FILES: Limit = Limit {
    variable: "IDIOLECT_LIMIT_CORPUS_FILES",
    what: "files of a corpus",
    default: 10_000_000,
};

/// All of them, in the order of their names.
pub const ALL: [Limit; 17] = [
    COLUMNS,
    CONFIG_BYTES,
    CORPUS_FILES,
    HEADER_BYTES,
    MEMBER_BYTES,
    METADATA_BYTES,
    RENDERED_BYTES,
    ROW_BYTES,
    ROW_VALUES,
    RUN_FILE_BYTES,
    TABLE_BYTES,
    TABLE_VALUES,
    TEMPLATE_BYTES,
    TEMPLATE_STEPS,
    TEXT_BYTES,
    TOKENIZER_BYTES,
    TOKEN_BYTES,
];
