//! Lines out of pieces of a file, in constant memory: a line longer than the limit is passed over and counted.

/// Bytes of a line that is looked at: a trace of OTLP stands in one line.
pub const LINE_MAX: usize = 16 * 1024 * 1024;

/// A line of a file, or that there was one too long to look at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CutLine<'a> {
    /// Without its end.
    Whole(&'a [u8]),
    /// Longer than the limit: how it begins.
    TooLong(&'a [u8]),
}

/// Cuts pieces into lines; what is left of a piece waits for the next one.
#[derive(Debug, Default)]
pub struct LineCutter {
    rest: Vec<u8>,
    too_long: bool,
    lines: u64,
}

impl LineCutter {
    /// Lines that were given out so far.
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// Gives every line that ends in a piece, with its number.
    pub fn feed(&mut self, piece: &[u8], mut each: impl FnMut(u64, CutLine<'_>)) {
        let mut from = 0;
        for end in memchr::memchr_iter(b'\n', piece) {
            self.line(&piece[from..end], &mut each);
            from = end + 1;
        }
        self.keep(&piece[from..]);
    }

    /// Gives the last line, if the file does not end with a line's end.
    pub fn end(&mut self, mut each: impl FnMut(u64, CutLine<'_>)) {
        if !self.rest.is_empty() || self.too_long {
            self.line(&[], &mut each);
        }
    }

    fn line(&mut self, tail: &[u8], each: &mut impl FnMut(u64, CutLine<'_>)) {
        self.lines += 1;
        if self.rest.is_empty() && !self.too_long && tail.len() <= LINE_MAX {
            each(self.lines, CutLine::Whole(without_return(tail)));
            return;
        }
        self.keep(tail);
        let cut = if self.too_long { CutLine::TooLong(&self.rest) } else { CutLine::Whole(without_return(&self.rest)) };
        each(self.lines, cut);
        self.rest.clear();
        self.too_long = false;
    }

    fn keep(&mut self, piece: &[u8]) {
        let room = LINE_MAX - self.rest.len().min(LINE_MAX);
        self.too_long |= piece.len() > room;
        self.rest.extend_from_slice(&piece[..piece.len().min(room)]);
    }
}

fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(pieces: &[&[u8]]) -> Vec<String> {
        let (mut cutter, mut found) = (LineCutter::default(), Vec::new());
        let mut keep = |_: u64, cut: CutLine<'_>| match cut {
            CutLine::Whole(line) => found.push(String::from_utf8_lossy(line).into_owned()),
            CutLine::TooLong(line) => found.push(format!("too long: {}", line.len())),
        };
        pieces.iter().for_each(|piece| cutter.feed(piece, &mut keep));
        cutter.end(&mut keep);
        found
    }

    #[test]
    fn a_line_may_be_cut_anywhere() {
        assert_eq!(lines(&[b"one\r\ntw", b"o", b"\n\nthree"]), ["one", "two", "", "three"]);
    }

    #[test]
    fn a_line_at_the_limit_is_whole_and_one_beyond_is_too_long() {
        let at = vec![b'a'; LINE_MAX];
        assert_eq!(lines(&[&at, b"\nb"])[0].len(), LINE_MAX);
        assert_eq!(lines(&[&at, b"a\nb"]), [format!("too long: {LINE_MAX}"), "b".to_owned()]);
    }
}
