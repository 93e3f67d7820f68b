//! A date for templates that print one.
//!
//! Deliberately given and never read from a clock: a prompt must not depend on the day it is made.

/// A day of the Gregorian calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Date {
    /// Year.
    pub year: i32,
    /// Month, 1 to 12.
    pub month: u8,
    /// Day of the month, 1 to 31.
    pub day: u8,
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
    /// The date by a `strftime` pattern, midnight for the time of day.
    /// `None` for a directive other than `%Y %y %m %-m %d %-d %e %b %B %a %A %H %M %S %F %%`.
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
            ('H' | 'M' | 'S', _) => "00".to_owned(),
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
    }
}
