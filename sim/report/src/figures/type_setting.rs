//! Text: how wide it is, how it is cut to fit, and which characters it may hold.
//!
//! Both faces are DejaVu Sans 2.37 from the `dejavu` crate, so a figure has the same size and the same line breaks on
//! every machine. plotters' own text loop is not used: it drops the side bearings of glyphs and rounds each advance
//! to a whole pixel (plotters 0.3.7, style/font/ab_glyph.rs), which sets words unevenly and wider than the SVG shows
//! them.

use std::sync::LazyLock;

use ab_glyph::{Font, FontRef, GlyphId};

/// Regular or bold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Face {
    /// DejaVu Sans.
    Regular,
    /// DejaVu Sans Bold.
    Bold,
}

static REGULAR: LazyLock<FontRef<'static>> = LazyLock::new(|| load(dejavu::sans::regular()));
static BOLD: LazyLock<FontRef<'static>> = LazyLock::new(|| load(dejavu::sans::bold()));

fn load(bytes: &'static [u8]) -> FontRef<'static> {
    FontRef::try_from_slice(bytes).expect("the dejavu crate ships valid TrueType files")
}

impl Face {
    /// The font itself.
    pub fn font(self) -> &'static FontRef<'static> {
        match self {
            Face::Regular => &REGULAR,
            Face::Bold => &BOLD,
        }
    }

    /// Font units in an em.
    pub fn units_per_em(self) -> f32 {
        self.font().units_per_em().unwrap_or(2048.0)
    }

    /// Every glyph of `text` with the pen position before it, and the pen position after the last, in font units.
    pub fn walk(self, text: &str) -> (Vec<(GlyphId, f32)>, f32) {
        let font = self.font();
        let mut glyphs: Vec<(GlyphId, f32)> = Vec::with_capacity(text.len());
        let mut pen = 0.0;
        for letter in text.chars() {
            let glyph = font.glyph_id(letter);
            if let Some(&(previous, _)) = glyphs.last() {
                pen += font.kern_unscaled(previous, glyph);
            }
            glyphs.push((glyph, pen));
            pen += font.h_advance_unscaled(glyph);
        }
        (glyphs, pen)
    }

    /// Width of `text` set at `size` (the em), in the unit of `size`.
    pub fn width(self, text: &str, size: f64) -> f64 {
        f64::from(self.walk(text).1) / f64::from(self.units_per_em()) * size
    }

    /// `text` itself if it is at most `room` wide, else as much of its beginning as fits before an ellipsis.
    pub fn cut(self, text: &str, size: f64, room: f64) -> String {
        if self.width(text, size) <= room {
            return text.to_owned();
        }
        let mut kept = String::new();
        for letter in text.chars() {
            kept.push(letter);
            if self.width(&format!("{}…", kept.trim_end()), size) > room {
                kept.pop();
                break;
            }
        }
        format!("{}…", kept.trim_end())
    }

    /// `text` broken at spaces into lines at most `room` wide, at most `lines_max` of them; the last is cut if need be.
    ///
    /// The lines are about equally long: no wider than they must be for their number.
    pub fn wrap(self, text: &str, size: f64, room: f64, lines_max: usize) -> Vec<String> {
        let lines = self.fill(text, size, room, lines_max);
        let whole = lines.join(" ");
        let holds = |room: f64| self.fill(text, size, room, lines.len()).join(" ") == whole;
        let (mut narrow, mut wide) = (0.0, room);
        while wide - narrow > 1.0 {
            let middle = (narrow + wide) / 2.0;
            if holds(middle) { wide = middle } else { narrow = middle }
        }
        self.fill(text, size, wide, lines.len())
    }

    /// As many words in each line as fit.
    fn fill(self, text: &str, size: f64, room: f64, lines_max: usize) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        let mut words = words(text).into_iter().peekable();
        while let Some(mut line) = words.next() {
            let last = lines.len() + 1 >= lines_max;
            while let Some(next) = words.peek() {
                let longer = format!("{line} {next}");
                if !last && self.width(&longer, size) > room {
                    break;
                }
                line = longer;
                words.next();
            }
            lines.push(self.cut(&line, size, room));
        }
        lines
    }
}

/// The words of a text; a product such as "8 × 40" is one.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut open = false;
    for word in text.split_whitespace() {
        match words.last_mut() {
            Some(last) if open || word == "×" => *last += &format!(" {word}"),
            Some(_) | None => words.push(word.to_owned()),
        }
        open = word == "×";
    }
    words
}

/// `text` with every character replaced that XML 1.0 forbids or that would turn the reading direction of what follows.
///
/// Markup characters stay as they are: whoever writes the SVG escapes them.
pub fn clean(text: &str) -> String {
    let plain = |letter: char| match letter {
        '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{200E}' | '\u{200F}' => ' ',
        '\u{FFFE}' | '\u{FFFF}' => '\u{FFFD}',
        other if other.is_control() || other.is_whitespace() => ' ',
        other => other,
    };
    text.chars().map(plain).collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_text_fits_and_says_that_it_was_cut() {
        let cut = Face::Regular.cut("a third party has a very bad day", 12.0, 90.0);
        assert!(cut.ends_with('…'), "{cut}");
        assert!(Face::Regular.width(&cut, 12.0) <= 90.0);
        assert_eq!(Face::Regular.cut("short", 12.0, 90.0), "short");
    }

    #[test]
    fn wrapped_lines_fit_and_hold_every_word() {
        let text = "uWSGI, 8 processes of 40 threads each";
        let lines = Face::Bold.wrap(text, 13.0, 120.0, 9);
        assert!(lines.iter().all(|line| Face::Bold.width(line, 13.0) <= 120.0), "{lines:?}");
        assert_eq!(lines.join(" "), text);
        assert_eq!(Face::Bold.wrap(text, 13.0, 120.0, 2).len(), 2);
        assert!(Face::Bold.wrap("", 13.0, 120.0, 2).is_empty());
    }

    #[test]
    fn a_word_wider_than_the_room_is_cut() {
        let lines = Face::Regular.wrap("wwwwwwwwwwwwwwwwwwwwwwwwwwww i", 13.0, 60.0, 2);
        assert_eq!(lines.len(), 2);
        assert!(lines[0].ends_with('…'));
    }

    #[test]
    fn control_characters_and_direction_marks_do_not_survive() {
        assert_eq!(clean("a\u{0}b\u{1b}[31m\nc\u{202E}d\t e\u{FFFF}"), "a b [31m c d e\u{FFFD}");
    }
}
