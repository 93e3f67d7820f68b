//! What a caller hears of while files come.

/// Something that happens on the way; a caller may show it or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A download begins.
    Begin {
        /// The file, as the repository names it.
        file: &'a str,
        /// Its size; 0 where the server does not say.
        bytes: u64,
        /// Bytes that are here from an earlier download.
        had: u64,
    },
    /// So many bytes more are here.
    Advance(u64),
    /// The download is over, or begins anew.
    End,
    /// One line that a user should read.
    Note(&'a str),
}
