#![doc = include_str!("../README.md")]

mod cache;
mod config;
mod download;
mod error;
mod fetch;
mod found;
mod hub;
mod listing;
mod remote;
mod repo;
mod state;
mod token;
mod token_state;
mod told;
mod upload;

pub use config::HubConfig;
pub use error::{HubError, Missing};
pub use fetch::{FetchedFile, FileWanted, SOURCES};
pub use found::{Pinned, Snapshot};
pub use hub::Hub;
pub use listing::Listing;
pub use repo::{Repo, RepoKind};
pub use state::hub_state;
pub use token::Token;
pub use token_state::TokenState;
pub use told::Event;
pub use upload::{Upload, Uploaded, upload_files};
