//! Who may ask: whoever has the key; without one, programs of this machine that know that they ask it.
//!
//! A web page may send requests to loopback addresses from a browser, and a name on the Internet may lead to one. Both
//! tell themselves by their headers: `origin` is the page's, and `host` the name.

use hyper::HeaderMap;
use hyper::header::{AUTHORIZATION, HOST, ORIGIN};
use idiolect_http::{Secret, is_loopback};

use crate::refusal::Refusal;

/// Refuses a request of somebody who may not ask.
pub(super) fn check(headers: &HeaderMap, key: Option<&Secret>) -> Result<(), Refusal> {
    if let Some(key) = key {
        let sent = headers.get(AUTHORIZATION);
        let is_key = sent.is_some_and(|value| key.is_header(value.as_bytes()));
        return is_key.then_some(()).ok_or_else(Refusal::no_key);
    }
    let text = |name| {
        headers
            .get(name)
            .map(|value: &hyper::header::HeaderValue| value.to_str().unwrap_or_default())
    };
    if text(HOST).is_some_and(|host| !is_loopback(host)) {
        let message =
            "host: a server without a key answers to localhost and loopback addresses alone";
        return Err(Refusal::request(403, message));
    }
    let of_page = |origin: &str| {
        !origin
            .split_once("://")
            .is_some_and(|(_, host)| is_loopback(host))
    };
    if text(ORIGIN).is_some_and(of_page) {
        let message = "origin: a server without a key answers to no web page of another machine";
        return Err(Refusal::request(403, message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(lines: &[(&'static str, &str)], key: Option<&str>) -> u16 {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.insert(*name, value.parse().unwrap());
        }
        let key = key.map(|key| Secret::new(key).unwrap());
        check(&headers, key.as_ref()).map_or_else(|refusal| refusal.status, |()| 200)
    }

    #[test]
    fn without_a_key_names_and_pages_of_elsewhere_are_refused() {
        assert_eq!(status(&[("host", "localhost:8000")], None), 200);
        assert_eq!(status(&[("host", "[::1]:8000")], None), 200);
        assert_eq!(status(&[("host", "rebound.example:8000")], None), 403);
        let page = [("host", "127.0.0.1"), ("origin", "https://page.example")];
        assert_eq!(status(&page, None), 403);
        assert_eq!(status(&[("origin", "null")], None), 403);
        assert_eq!(status(&[("origin", "http://localhost:3000")], None), 200);
    }

    #[test]
    fn the_key_is_asked_of_everybody() {
        let key = Some("sk-0123456789");
        assert_eq!(
            status(&[("authorization", "Bearer sk-0123456789")], key),
            200
        );
        assert_eq!(
            status(&[("authorization", "Bearer sk-0123456780")], key),
            401
        );
        assert_eq!(status(&[("authorization", "sk-0123456789")], key), 401);
        assert_eq!(status(&[], key), 401);
    }
}
