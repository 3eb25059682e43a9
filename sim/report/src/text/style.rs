//! How a text is to look.

/// How a text is to look.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Style {
    /// Whether the best value of a row is set in bold, by an ANSI sequence: for terminals only.
    pub bold: bool,
    /// Places in a line.
    pub width: usize,
}
