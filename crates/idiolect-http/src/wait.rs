//! How long a server asks to wait.
//!
//! Source: RFC 9110, section 10.2.3; `retry-after-ms` is `OpenAI`'s.

use std::time::{Duration, SystemTime};

use ureq::http::HeaderMap;
use ureq::http::header::{DATE, RETRY_AFTER};

/// `Retry-After` in seconds or as a date, or `retry-after-ms`; none where neither can be read.
///
/// A date counts from the server's own `Date`, so that clocks need not agree; without one, from this machine's clock.
#[must_use]
pub fn asked_wait(headers: &HeaderMap) -> Option<Duration> {
    let seconds = |value: &str| Duration::try_from_secs_f64(value.parse().ok()?).ok();
    let date = |value: &str| httpdate::parse_http_date(value).ok();
    let until = |value: &str| {
        let then = date(value)?;
        let now = text(headers, DATE.as_str()).and_then(date);
        // A date of the past asks for no wait.
        let wait = then.duration_since(now.unwrap_or_else(clock));
        Some(wait.unwrap_or_default())
    };
    let asked = text(headers, RETRY_AFTER.as_str())
        .and_then(|value| seconds(value).or_else(|| until(value)));
    asked.or_else(|| {
        let ms: f64 = text(headers, "retry-after-ms")?.parse().ok()?;
        Duration::try_from_secs_f64(ms / 1e3).ok()
    })
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

#[allow(
    clippy::disallowed_methods,
    reason = "a date can only be waited for by the clock; no result depends on it"
)]
fn clock() -> SystemTime {
    SystemTime::now()
}

#[cfg(test)]
mod tests {
    use ureq::http::{HeaderName, HeaderValue};

    use super::*;

    fn asked(lines: &[(&'static str, &str)]) -> Option<Duration> {
        let lines = lines.iter().map(|(name, value)| {
            let value = HeaderValue::from_str(value).unwrap();
            (HeaderName::from_static(name), value)
        });
        asked_wait(&lines.collect())
    }

    #[test]
    fn seconds_milliseconds_and_dates() {
        assert_eq!(
            asked(&[("retry-after", " 7 ")]),
            Some(Duration::from_secs(7))
        );
        assert_eq!(
            asked(&[("retry-after", "0.5")]),
            Some(Duration::from_millis(500))
        );
        assert_eq!(
            asked(&[("retry-after-ms", "250")]),
            Some(Duration::from_millis(250))
        );
        let date = ("date", "Fri, 31 Dec 1999 23:59:59 GMT");
        for later in [
            "Sat, 01 Jan 2000 00:01:39 GMT",
            "Saturday, 01-Jan-00 00:01:39 GMT",
            "Sat Jan  1 00:01:39 2000",
        ] {
            let found = asked(&[date, ("retry-after", later)]);
            assert_eq!(found, Some(Duration::from_secs(100)), "{later}");
        }
        let past = [date, ("retry-after", "Fri, 31 Dec 1999 00:00:00 GMT")];
        assert_eq!(asked(&past), Some(Duration::ZERO));
    }

    #[test]
    fn without_the_servers_date_this_machines_clock_counts() {
        let then = httpdate::fmt_http_date(clock() + Duration::from_secs(100));
        let found = asked(&[("retry-after", &then)]).unwrap().as_secs();
        assert!((90..=100).contains(&found), "{found}");
    }

    #[test]
    fn what_cannot_be_read_asks_for_nothing() {
        for value in [
            "soon",
            "-1",
            "NaN",
            "inf",
            "",
            "1e300",
            "Fri, 99 Dec 1999 23:59:59 GMT",
        ] {
            assert_eq!(asked(&[("retry-after", value)]), None, "{value}");
        }
        assert_eq!(asked(&[]), None);
        let both = [("retry-after", "soon"), ("retry-after-ms", "9")];
        assert_eq!(asked(&both), Some(Duration::from_millis(9)));
    }
}
