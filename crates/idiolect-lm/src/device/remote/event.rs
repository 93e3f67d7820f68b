//! What happens to a lent device.

use std::fmt;

use serde_json::{Value, json};

use super::TOKEN_VARIABLE;

/// What happens to a lent device. It shows itself as one line, and a [`LendEvent::Ready`] as two.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum LendEvent {
    /// It can be used from now on.
    Ready {
        /// The device's own name.
        device: String,
        /// Its name for the other side.
        name: String,
    },
    /// A program has connected.
    Connected {
        /// The program, by the first digits of its id.
        client: String,
    },
    /// A program has asked for the device.
    Asked {
        /// As of [`LendEvent::Connected`].
        client: String,
        /// Whether it knew the token.
        allowed: bool,
    },
    /// A program's connection is over, and what it held on the device is free.
    Gone {
        /// As of [`LendEvent::Connected`].
        client: String,
    },
}

impl fmt::Display for LendEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready { device, name } => write!(
                f,
                "{device} is lent; on the other machine, with the same token in {TOKEN_VARIABLE}:\n--devices cpu,{name}"
            ),
            Self::Connected { client } => write!(f, "{client} has connected"),
            Self::Asked { client, allowed } if *allowed => write!(f, "{client} uses the device"),
            Self::Asked { client, .. } => write!(f, "{client} is refused: another token"),
            Self::Gone { client } => write!(f, "{client} is gone"),
        }
    }
}

impl LendEvent {
    /// The event as a program reads it.
    #[must_use]
    pub fn object(&self) -> Value {
        match self {
            Self::Ready { device, name } => json!({"lent": device, "name": name}),
            Self::Connected { client } => json!({"connected": client}),
            Self::Asked { client, allowed } => json!({"asked": client, "allowed": allowed}),
            Self::Gone { client } => json!({"gone": client}),
        }
    }
}
