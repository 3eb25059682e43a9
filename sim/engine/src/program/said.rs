//! What a greenlet of a scheduling program says.

/// What a greenlet said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Said {
    /// A step with a tag was completed.
    Tag {
        /// The tag.
        tag: u16,
        /// What came of the step, where that is told.
        outcome: Option<Outcome>,
    },
    /// It died, and a link noted that.
    Note(u16),
    /// It ended by `GreenletExit`.
    Killed,
    /// It ended by an error of this name.
    Error(&'static str),
    /// It had not ended when the run did.
    Blocked,
}

/// What came of a step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Yes or no.
    Bool(bool),
    /// So many bytes.
    Count(u32),
    /// An item.
    Item(u16),
    /// Done.
    Ok,
    /// There was no room.
    Full,
    /// There was nothing to get.
    Empty,
    /// The block ran out of time.
    Timeout,
    /// These greenlets were ready, in this order; counted in spawn order.
    Names(Vec<u32>),
    /// A word of asyncio's: mostly the name of an error.
    Word(&'static str),
    /// Several of them, joined by this sign.
    Words(Vec<&'static str>, char),
}
