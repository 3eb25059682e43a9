//! The look of every figure: sizes, colours and the two faces, in one place.
//!
//! Lengths are logical pixels, the ones an SVG viewer shows at 100 %.

/// Width of a figure.
pub const WIDTH: f64 = 960.0;
/// Height of a figure.
pub const HEIGHT: f64 = 540.0;
/// White space around everything.
pub const MARGIN: f64 = 28.0;

/// What an SVG viewer looks for. The PNG is set in DejaVu Sans, and so is every measurement; Verdana is its cousin
/// and as wide, any other sans-serif is narrower, so the layout fits whichever is found.
pub const FAMILY: &str = "DejaVu Sans, Verdana, sans-serif";

/// Size of the title.
pub const TITLE: f64 = 20.0;
/// Size of the subtitle.
pub const SUBTITLE: f64 = 14.5;
/// Size of panel headings and of the names at line ends.
pub const HEADING: f64 = 13.0;
/// Size of tick labels and of the line that says what is measured.
pub const LABEL: f64 = 12.5;
/// Size of notes and of the names of shaded spans.
pub const NOTE: f64 = 11.5;

/// From the middle of a line of text down to its baseline, over its size: half the height of a capital.
pub const MIDDLE: f64 = 0.36;

/// An opaque colour.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rgb(pub u8, pub u8, pub u8);

/// Paper.
pub const PAPER: Rgb = Rgb(255, 255, 255);
/// Titles, headings and the zero line.
pub const INK: Rgb = Rgb(26, 26, 26);
/// Everything said in a lower voice: 5.9 to 1 against paper.
pub const GREY: Rgb = Rgb(95, 99, 104);
/// Grid lines.
pub const GRID: Rgb = Rgb(218, 220, 224);
/// Shaded spans.
pub const SHADE: Rgb = Rgb(244, 238, 226);
/// The name of a shaded span: 5.7 to 1 against the shade.
pub const SHADE_TEXT: Rgb = Rgb(110, 84, 36);

/// How one world looks in every figure.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WorldStyle {
    /// Its lines and areas.
    pub line: Rgb,
    /// Its name: the same hue, dark enough to read as text on white (at least 4.5 to 1).
    pub text: Rgb,
}

const fn world_style(line: Rgb, text: Rgb) -> WorldStyle {
    WorldStyle { line, text }
}

/// Okabe and Ito (2008), "Color Universal Design", without yellow, which is lost on white, and with grey for black.
const WORLDS: [WorldStyle; 7] = [
    world_style(Rgb(0, 114, 178), Rgb(0, 100, 160)),
    world_style(Rgb(213, 94, 0), Rgb(176, 74, 0)),
    world_style(Rgb(0, 158, 115), Rgb(0, 116, 84)),
    world_style(Rgb(204, 121, 167), Rgb(160, 68, 118)),
    world_style(Rgb(230, 159, 0), Rgb(138, 94, 0)),
    world_style(Rgb(86, 180, 233), Rgb(20, 112, 164)),
    world_style(Rgb(90, 90, 90), Rgb(70, 70, 70)),
];

/// Worlds until the colours begin again.
pub const COLOURS: usize = WORLDS.len();

/// The look of world `index`. After seven the colours begin again: more than two worlds have a panel each.
pub fn world(index: usize) -> WorldStyle {
    WORLDS[index % WORLDS.len()]
}

/// How a line is drawn.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Stroke {
    /// Its width.
    pub width: f64,
    /// Lengths of a dash and of the gap after it; `None` for a solid line.
    pub dash: Option<(f64, f64)>,
}

/// The first of two worlds in a panel, at the bottom.
pub const UNDER: Stroke = Stroke { width: 2.8, dash: None };
/// The second of two worlds, on top: where it covers the first, both show.
pub const OVER: Stroke = Stroke { width: 1.4, dash: None };
/// The quantity to look at first.
pub const STRONG: Stroke = Stroke { width: 2.2, dash: None };
/// The quantity beside it.
pub const FINE: Stroke = Stroke { width: 1.2, dash: None };
/// The quantity that is the other side of the story.
pub const DASHED: Stroke = Stroke { width: 1.6, dash: Some((6.0, 3.5)) };

/// Most worlds in one figure: four rows of four panels.
pub const WORLDS_MAX: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance of WCAG 2.2.
    fn contrast_on_white(Rgb(red, green, blue): Rgb) -> f64 {
        let linear = |byte: u8| ((f64::from(byte) / 255.0 + 0.055) / 1.055).powf(2.4);
        1.05 / (0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue) + 0.05)
    }

    #[test]
    fn names_in_every_colour_are_readable_on_white() {
        for (index, style) in WORLDS.iter().enumerate() {
            assert!(contrast_on_white(style.text) >= 4.5, "{index}: {}", contrast_on_white(style.text));
        }
        assert!(contrast_on_white(GREY) >= 4.5 && contrast_on_white(SHADE_TEXT) >= 5.0);
    }

    #[test]
    fn neighbouring_worlds_never_share_a_colour() {
        assert!((0..WORLDS_MAX).all(|index| world(index) != world(index + 1)));
    }
}
