//! What a lent device says of itself.

/// Version of the messages: a change of a step's inputs, results or meaning is another version.
pub const VERSION: i32 = 1;

/// Numbers in the answer to what a device is.
pub(super) const FIELDS: usize = 3;

/// What a lent device is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct About {
    /// The version of the messages that its host answers.
    pub version: i32,
    /// Whether it is the host's CPU.
    pub is_cpu: bool,
    /// Memory that programs may still take there, in MiB; none where the host does not know.
    pub free_mib: Option<i32>,
}

impl About {
    pub(super) fn new(is_cpu: bool, free_bytes: Option<usize>) -> Self {
        let mib = |bytes: usize| i32::try_from(bytes >> 20).unwrap_or(i32::MAX);
        Self {
            version: VERSION,
            is_cpu,
            free_mib: free_bytes.map(mib),
        }
    }

    /// As they travel; -1 is what is unknown.
    pub(super) fn fields(self) -> [i32; FIELDS] {
        let free = self.free_mib.unwrap_or(-1);
        [self.version, i32::from(self.is_cpu), free]
    }

    pub(super) fn of(fields: &[i32]) -> Option<Self> {
        let [version, is_cpu, free_mib] = *fields else {
            return None;
        };
        Some(Self {
            version,
            is_cpu: is_cpu == 1,
            free_mib: (free_mib >= 0).then_some(free_mib),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_device_is_comes_back_as_it_was_sent() {
        for free in [None, Some(0), Some(5 << 20), Some(usize::MAX)] {
            for is_cpu in [false, true] {
                let about = About::new(is_cpu, free);
                assert_eq!(About::of(&about.fields()), Some(about));
            }
        }
        assert_eq!(About::of(&[1, 1]), None);
    }
}
