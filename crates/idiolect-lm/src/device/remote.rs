//! Devices of other machines: their names, the connection to them, and this machine's own for others.
//!
//! Both sides are programs of this workspace: what is sent is tensors and operations of Burn's remote backend, and the
//! steps of `idiolect_kernels::remote`.

mod connect;
mod event;
mod key;
mod lend;
mod name;

pub use connect::{TOKEN_VARIABLE, of_machine, token_of};
pub(super) use connect::{connect, lost};
pub use event::LendEvent;
pub use key::key_file;
pub use lend::{LendListener, LendSettings, lend};
pub use name::{RemoteName, Route, relay_of};
