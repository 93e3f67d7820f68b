//! The turns of a conversation that are trained.

use std::ops::Range;

use idiolect_data::{Message, Role};

/// A turn that is trained, by its place, and its byte range in a rendering.
pub(super) type Span = (usize, Range<usize>);

/// The turns that are trained.
pub(super) fn trained(messages: &[Message]) -> impl Iterator<Item = usize> + '_ {
    let all = messages.iter().enumerate();
    let own = all.filter(|(_, own)| own.role == Role::Assistant && own.trained);
    own.map(|(at, _)| at)
}
