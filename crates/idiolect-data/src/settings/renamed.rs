//! Keys of earlier versions, each with the name that it has now.

/// A key that has another name now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Renamed {
    /// The old name.
    pub old: &'static str,
    /// The name since [`Self::since`].
    pub new: &'static str,
    /// First version with the new name.
    pub since: &'static str,
    /// What else changed, as a clause to put behind the name; empty where nothing did.
    pub change: &'static str,
}

const OPPOSITE: &str = " and means the opposite: true is now false";

const RENAMED: [Renamed; 6] = [
    Renamed {
        old: "overlong",
        new: "truncation",
        since: "0.2",
        change: "",
    },
    Renamed {
        old: "no_shuffle",
        new: "shuffle",
        since: "0.2",
        change: OPPOSITE,
    },
    Renamed {
        old: "no_length_grouping",
        new: "length_grouping",
        since: "0.2",
        change: OPPOSITE,
    },
    Renamed {
        old: "no_prefix_sharing",
        new: "prefix_sharing",
        since: "0.2",
        change: OPPOSITE,
    },
    Renamed {
        old: "no_likelihood",
        new: "likelihood",
        since: "0.2",
        change: OPPOSITE,
    },
    Renamed {
        old: "checkpoint_blocks",
        new: "activation_checkpointing",
        since: "0.2",
        change: "",
    },
];

/// What became of a key of an earlier version; nothing where the key never was one, or still is.
#[must_use]
pub fn renamed(key: &str) -> Option<Renamed> {
    RENAMED.into_iter().find(|renamed| renamed.old == key)
}
