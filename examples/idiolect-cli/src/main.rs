//! The command line of Idiolect.
fn main() {}
