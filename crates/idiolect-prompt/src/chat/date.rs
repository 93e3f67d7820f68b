//! A date for templates that print one.
//!
//! Deliberately given and never read from a clock: a prompt must not depend on the day it is made.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A day of the Gregorian calendar; as text `2025-01-31`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Date {
    /// Year.
    pub year: i32,
    /// Month, 1 to 12.
    pub month: u8,
    /// Day of the month, 1 to 31.
    pub day: u8,
}

/// A text that is no day.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a day as 2025-01-31, found {text:?}")]
pub struct NoDate {
    /// The text.
    pub text: String,
}

impl FromStr for Date {
    type Err = NoDate;

    fn from_str(text: &str) -> Result<Self, NoDate> {
        let wrong = || NoDate {
            text: text.to_owned(),
        };
        let parts: Vec<&str> = text.split('-').collect();
        let [year, month, day] = parts.as_slice() else {
            return Err(wrong());
        };
        let digits = |text: &str, count| {
            let is_right = text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
            is_right.then(|| text.parse::<u16>().ok()).flatten()
        };
        let number = |text, count| digits(text, count).ok_or_else(wrong);
        let small = |number: u16| u8::try_from(number).map_err(|_| wrong());
        let date = Self {
            year: number(year, 4)?.into(),
            month: small(number(month, 2)?)?,
            day: small(number(day, 2)?)?,
        };
        date.exists().then_some(date).ok_or_else(wrong)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl TryFrom<String> for Date {
    type Error = NoDate;

    fn try_from(text: String) -> Result<Self, NoDate> {
        text.parse()
    }
}

impl From<Date> for String {
    fn from(date: Date) -> Self {
        date.to_string()
    }
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

impl Date {
    /// Whether the month has that day.
    fn exists(self) -> bool {
        let is_leap = self.year % 4 == 0 && self.year % 100 != 0 || self.year % 400 == 0;
        let days = match self.month {
            2 if is_leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => 0,
        };
        self.year > 0 && (1..=days).contains(&self.day)
    }

    /// Day of the year, 1 to 366.
    fn day_of_year(self) -> u16 {
        let before = (1..self.month).flat_map(|month| {
            let month = Self { month, ..self };
            (1..=31).filter(move |day| Self { day: *day, ..month }.exists())
        });
        u16::try_from(before.count()).unwrap_or(0) + u16::from(self.day)
    }

    /// The date by a `strftime` pattern, midnight for the time of day.
    /// `None` for a directive other than `%Y %y %m %-m %d %-d %e %b %B %a %A %j %H %-H %I %-I %p %M %S %F %T %D %%`.
    #[must_use]
    pub fn format(self, pattern: &str) -> Option<String> {
        let mut out = String::new();
        let mut chars = pattern.chars();
        while let Some(char) = chars.next() {
            if char == '%' {
                let mut directive = chars.next()?;
                let plain = directive == '-';
                if plain {
                    directive = chars.next()?;
                }
                out.push_str(&self.directive(directive, plain)?);
            } else {
                out.push(char);
            }
        }
        Some(out)
    }

    fn directive(self, directive: char, plain: bool) -> Option<String> {
        let month = MONTHS.get(usize::from(self.month).checked_sub(1)?)?;
        let day = DAYS.get(self.weekday())?;
        Some(match (directive, plain) {
            ('Y', _) => self.year.to_string(),
            ('y', _) => format!("{:02}", self.year.rem_euclid(100)),
            ('m', true) => self.month.to_string(),
            ('m', false) => format!("{:02}", self.month),
            ('d', true) => self.day.to_string(),
            ('d', false) => format!("{:02}", self.day),
            ('e', _) => format!("{:2}", self.day),
            ('b', _) => month[..3].to_owned(),
            ('B', _) => (*month).to_owned(),
            ('a', _) => day[..3].to_owned(),
            ('A', _) => (*day).to_owned(),
            ('H', true) => "0".to_owned(),
            ('H' | 'M' | 'S', _) => "00".to_owned(),
            ('I', _) => "12".to_owned(),
            ('p', _) => "AM".to_owned(),
            ('T', _) => "00:00:00".to_owned(),
            ('j', _) => format!("{:03}", self.day_of_year()),
            ('D', _) => self.format("%m/%d/%y")?,
            ('F', _) => format!("{}-{:02}-{:02}", self.year, self.month, self.day),
            ('%', _) => "%".to_owned(),
            _ => return None,
        })
    }

    /// Day of the week, 0 for Sunday, by Zeller's congruence.
    fn weekday(self) -> usize {
        let month = i32::from(self.month);
        let (year, month) = if month < 3 {
            (self.year - 1, month + 12)
        } else {
            (self.year, month)
        };
        let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
        let from_saturday = i32::from(self.day) + 13 * (month + 1) / 5 + year + leap_days;
        usize::try_from((from_saturday - 1).rem_euclid(7)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_as_python_writes_them() {
        let date = Date {
            year: 2024,
            month: 7,
            day: 6,
        };
        assert_eq!(date.format("%d %b %Y").unwrap(), "06 Jul 2024");
        assert_eq!(
            date.format("%A, %B %-d, %y%%").unwrap(),
            "Saturday, July 6, 24%"
        );
        assert_eq!(
            Date {
                year: 2000,
                month: 2,
                day: 29
            }
            .format("%a %F")
            .unwrap(),
            "Tue 2000-02-29"
        );
        assert_eq!(date.format("%Q"), None);
        assert_eq!(
            date.format("%j %I:%M %p %T %D").unwrap(),
            "188 12:00 AM 00:00:00 07/06/24"
        );
    }

    #[test]
    fn days_are_read_as_they_are_written() {
        assert_eq!(
            "2024-02-29".parse::<Date>().unwrap().to_string(),
            "2024-02-29"
        );
        for wrong in [
            "2025-02-29",
            "2025-13-01",
            "25-01-01",
            "2025-1-1",
            "today",
            "2025-01-01x",
        ] {
            assert!(wrong.parse::<Date>().is_err(), "{wrong}");
        }
    }
}
