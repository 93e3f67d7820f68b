//! Who calls, and as whom programs run.

use std::os::unix::fs::MetadataExt;

/// The user and group of no rights.
const NOBODY: u32 = 65534;

/// As whom programs run, as the system outside sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Runner {
    /// The user of no rights, in the place of a caller who is root.
    Nobody,
    /// The caller, who is no root, or root of a container alone.
    Caller(u32),
}

impl Runner {
    /// All that may be tried for the one who calls, the best first.
    ///
    /// Root of the machine has one: programs never run as root.
    pub(crate) fn all() -> Vec<Self> {
        let uid = std::fs::metadata("/proc/self").map_or(0, |own| own.uid());
        let map = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
        match (uid, outside(&map)) {
            (0, None | Some(0)) => vec![Self::Nobody],
            (0, Some(outer)) => vec![Self::Nobody, Self::Caller(outer)],
            (uid, _) => vec![Self::Caller(uid)],
        }
    }

    /// Its word for the entry.
    pub(crate) fn mode(self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::Caller(_) => "caller",
        }
    }

    /// Its number.
    pub(crate) fn uid(self) -> u32 {
        match self {
            Self::Nobody => NOBODY,
            Self::Caller(uid) => uid,
        }
    }
}

/// Whom user 0 of a map of users is outside of it.
fn outside(map: &str) -> Option<u32> {
    map.lines().find_map(|line| {
        let mut numbers = line.split_whitespace();
        let (first, outer) = (numbers.next()?, numbers.next()?);
        (first == "0").then(|| outer.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_of_a_container_is_told_from_that_of_the_machine() {
        assert_eq!(outside("         0          0 4294967295\n"), Some(0));
        assert_eq!(outside("0 1000 1\n1 100000 65536\n"), Some(1000));
        assert_eq!(outside("1 100000 65536\n"), None);
        assert_eq!(outside(""), None);
        assert_eq!((Runner::Nobody.uid(), Runner::Caller(7).uid()), (NOBODY, 7));
    }
}
