//! Requests that follow no redirection, with limits of time.

use std::time::Duration;

use ureq::config::ConfigBuilder;
use ureq::typestate::{AgentScope, WithBody, WithoutBody};
use ureq::{Agent, Proxy, RequestBuilder};

/// Connections that are kept open for the next request.
const IDLE_CONNECTIONS: usize = 64;

/// How long things may take; what is `None` may take any time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Timeouts {
    /// From connecting to the last byte of the answer.
    pub whole: Option<Duration>,
    /// Until the connection stands.
    pub connect: Option<Duration>,
    /// Until the next bytes come.
    pub read: Option<Duration>,
}

/// Asks servers.
#[derive(Debug, Clone)]
pub struct Client {
    /// For https: through the proxy of the environment, where one is named.
    encrypted: Agent,
    /// For http: without a proxy, which would read what is sent.
    plain: Agent,
}

impl Client {
    /// A client with these limits; each request may have its own.
    #[must_use]
    pub fn new(timeouts: Timeouts) -> Self {
        let agent = |proxy| Agent::new_with_config(config(timeouts).proxy(proxy).build());
        Self {
            encrypted: agent(Proxy::try_from_env()),
            plain: agent(None),
        }
    }

    /// A request with method GET.
    #[must_use]
    pub fn get(&self, url: &str) -> RequestBuilder<WithoutBody> {
        self.agent(url).get(url)
    }

    /// A request with method HEAD.
    #[must_use]
    pub fn head(&self, url: &str) -> RequestBuilder<WithoutBody> {
        self.agent(url).head(url)
    }

    /// A request with method POST.
    #[must_use]
    pub fn post(&self, url: &str) -> RequestBuilder<WithBody> {
        self.agent(url).post(url)
    }

    /// A request with method PUT.
    #[must_use]
    pub fn put(&self, url: &str) -> RequestBuilder<WithBody> {
        self.agent(url).put(url)
    }

    fn agent(&self, url: &str) -> &Agent {
        match url.split_once("://") {
            Some((scheme, _)) if scheme.eq_ignore_ascii_case("http") => &self.plain,
            _ => &self.encrypted,
        }
    }
}

fn config(timeouts: Timeouts) -> ConfigBuilder<AgentScope> {
    Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_idle_connections(IDLE_CONNECTIONS)
        .max_idle_connections_per_host(IDLE_CONNECTIONS)
        .user_agent(concat!("idiolect/", env!("CARGO_PKG_VERSION")))
        .timeout_global(timeouts.whole)
        .timeout_connect(timeouts.connect)
        .timeout_per_read(timeouts.read)
}

/// Whether a host, with its port or without, is this machine by its name or number.
#[must_use]
pub fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    let address = name.parse::<std::net::IpAddr>();
    name == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine() {
        for host in [
            "localhost",
            "localhost:80",
            "127.0.0.1:8080",
            "127.9.9.9",
            "[::1]:80",
        ] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "localhost.example.org",
            "127.0.0.1.example.org",
            "10.0.0.1",
            "[::2]",
            "",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }

    #[test]
    fn a_proxy_never_stands_before_plain_http() {
        let client = Client::new(Timeouts::default());
        assert!(client.agent("http://a.b").config().proxy().is_none());
        assert!(client.agent("HTTP://a.b").config().proxy().is_none());
        assert_eq!(client.agent("https://a.b").config().max_redirects(), 0);
    }
}
