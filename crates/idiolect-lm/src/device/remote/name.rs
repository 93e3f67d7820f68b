//! What a device of another machine is called: `remote:ID`, `remote:ID/1`, `remote:ID@10.0.0.5:4433`.

use std::fmt;
use std::str::FromStr;

use burn::remote::{EndpointId, RelayUrl};

use crate::LmError;

/// What names of such devices begin with.
const KIND: &str = "remote:";

/// A device of another machine: which server lends it, which of the server's it is, and the way there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteName {
    /// The server, by the public half of its key.
    pub server: EndpointId,
    /// Its place among the devices that the server lends, from 0.
    pub index: usize,
    /// The way to the server.
    pub route: Route,
}

/// The way to a server; both sides must agree on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// Directly, to `HOST:PORT`; nobody else takes part.
    Direct(String),
    /// Through a relay of one's own, and directly where that comes about.
    Relay(RelayUrl),
    /// The server's address is looked up by its id at n0's public service, and n0's public relays serve where no direct
    /// path comes about. They see who talks to whom, and nothing of what is said.
    Public,
}

impl RemoteName {
    /// Whether two names are of one device, whatever the way to it.
    #[must_use]
    pub fn is_device_of(&self, other: &Self) -> bool {
        (self.server, self.index) == (other.server, other.index)
    }
}

/// The way through relays that a setting asks for: `public`, or the URL of a relay.
///
/// # Errors
///
/// [`LmError::Setting`] for anything else.
pub fn relay_of(text: &str) -> Result<Route, LmError> {
    match text {
        "public" => Ok(Route::Public),
        url => match url.parse() {
            Ok(relay @ Route::Relay(_)) => Ok(relay),
            _ => Err(LmError::setting(
                "relay",
                "public or the URL of a relay",
                url,
            )),
        },
    }
}

impl FromStr for RemoteName {
    type Err = LmError;

    /// # Errors
    ///
    /// [`LmError::Setting`] says what of it is no name.
    fn from_str(text: &str) -> Result<Self, LmError> {
        let wrong = |expected: &str| LmError::setting("device", expected, text);
        let form =
            "remote:ID, remote:ID@HOST:PORT or remote:ID@https://RELAY, as idiolect lend prints it";
        let rest = text.strip_prefix(KIND).ok_or_else(|| wrong(form))?;
        let (server, route) = match rest.split_once('@') {
            Some((server, route)) => (server, Some(route)),
            None => (rest, None),
        };
        let (server, index) = match server.split_once('/') {
            Some((server, index)) => (server, index.parse().ok()),
            None => (server, Some(0)),
        };
        Ok(Self {
            server: server.parse().map_err(|_| wrong(form))?,
            index: index.ok_or_else(|| wrong("the number of a device behind the slash, from 0"))?,
            route: route.map_or(Ok(Route::Public), str::parse).map_err(wrong)?,
        })
    }
}

impl FromStr for Route {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        if text.contains("://") {
            let relay = text.parse();
            return relay
                .map(Self::Relay)
                .map_err(|_| "the URL of a relay behind the @");
        }
        let port = text.rsplit_once(':').map(|(_, port)| port.parse::<u16>());
        match port {
            Some(Ok(1..)) => Ok(Self::Direct(text.to_owned())),
            _ => Err("HOST:PORT or the URL of a relay behind the @"),
        }
    }
}

impl fmt::Display for RemoteName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{KIND}{}", self.server)?;
        if self.index > 0 {
            write!(f, "/{}", self.index)?;
        }
        match &self.route {
            Route::Direct(place) => write!(f, "@{place}"),
            Route::Relay(url) => write!(f, "@{url}"),
            Route::Public => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::remote::IrohIdentity;

    use super::*;

    #[test]
    fn a_name_is_read_as_it_is_written() {
        let id = IrohIdentity::from_bytes([7; 32]).id();
        for tail in [
            "",
            "/3",
            "@10.0.0.5:4433",
            "/1@gpu-box:4433",
            "@[::1]:9",
            "@https://relay.example/",
        ] {
            let text = format!("remote:{id}{tail}");
            let name: RemoteName = text.parse().unwrap();
            assert_eq!(name.to_string(), text);
            assert_eq!(name.server, id);
        }
    }

    #[test]
    fn what_is_no_name_is_one_line_that_says_so() {
        let id = IrohIdentity::from_bytes([7; 32]).id();
        for (text, part) in [
            ("remote".to_owned(), "remote:ID"),
            ("remote:".to_owned(), "remote:ID"),
            ("remote:abc".to_owned(), "remote:ID"),
            (format!("remote:{id}/x"), "behind the slash"),
            (format!("remote:{id}@"), "HOST:PORT"),
            (format!("remote:{id}@gpu-box"), "HOST:PORT"),
            (format!("remote:{id}@gpu-box:0"), "HOST:PORT"),
            (format!("remote:{id}@https://"), "URL of a relay"),
        ] {
            let error = text.parse::<RemoteName>().unwrap_err().to_string();
            assert!(error.starts_with("device: expected"), "{error}");
            assert!(error.contains(part), "{error}");
            assert_eq!(error.lines().count(), 1);
        }
    }

    #[test]
    fn the_way_there_makes_no_other_device() {
        let id = IrohIdentity::from_bytes([7; 32]).id();
        let name = |tail: &str| format!("remote:{id}{tail}").parse::<RemoteName>().unwrap();
        assert!(name("").is_device_of(&name("@10.0.0.5:4433")));
        assert!(!name("").is_device_of(&name("/1")));
    }
}
