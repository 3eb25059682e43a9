//! A plotters backend that paints into memory by coverage: each pixel gets the share of it that a shape covers.
//!
//! plotters' own bitmap backend paints wide lines without smoothing their joins and loses the side bearings of
//! glyphs, which shows at every size. Here lines, areas and glyphs all go through the coverage rasteriser of
//! `ab_glyph`: plain f32 arithmetic, the same on every platform. Two PNG pixels are one logical pixel, so text is
//! sharp on dense screens.

use std::convert::Infallible;

use ab_glyph::{Font, Glyph, PxScale, point};
use ab_glyph_rasterizer::{Point, Rasterizer};
use plotters::style::text_anchor::HPos;
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind, FontStyle,
};

use super::canvas::{BASELINE_EM, SIZE_PER_EM, UNITS};
use super::type_setting::Face;

/// PNG pixels in a logical pixel.
const DENSITY: u32 = 2;
/// PNG pixels per metre: a logical pixel is 1/96 inch, as in CSS.
const PIXELS_PER_METRE: u32 = 7559;

/// Steps of coverage at the edge of a shape: more cannot be seen, and would make the file nearly twice as large.
const SHADES: f32 = 16.0;

type Painted = Result<(), DrawingErrorKind<Infallible>>;

/// The plotters backend: a brush on a sheet of [`Pixels`].
pub struct Raster<'a>(pub &'a mut Pixels);

/// Red, green and blue bytes, row by row.
pub struct Pixels {
    units: (u32, u32),
    width: usize,
    height: usize,
    bytes: Vec<u8>,
}

impl Pixels {
    /// A black sheet of this many backend units.
    pub fn new(units: (u32, u32)) -> Self {
        let pixels = |length: u32| (length * DENSITY / UNITS.unsigned_abs()) as usize;
        let (width, height) = (pixels(units.0), pixels(units.1));
        Pixels { units, width, height, bytes: vec![0; width * height * 3] }
    }

    /// The sheet as a PNG file.
    pub fn png(&self) -> Result<Vec<u8>, png::EncodingError> {
        let side = |pixels: usize| u32::try_from(pixels).unwrap_or(u32::MAX);
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, side(self.width), side(self.height));
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::Balanced);
        // Flat colour compresses best unfiltered: rows repeat.
        encoder.set_filter(png::Filter::NoFilter);
        encoder.set_pixel_dims(Some(png::PixelDimensions {
            xppu: PIXELS_PER_METRE,
            yppu: PIXELS_PER_METRE,
            unit: png::Unit::Meter,
        }));
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&self.bytes)?;
        writer.finish()?;
        Ok(file)
    }

    /// Fills closed outlines, in pixels. Outlines that overlap and turn the same way are filled once.
    fn fill(&mut self, outlines: &[Vec<Point>], colour: BackendColor) {
        let Some((left, top, right, bottom)) = self.bounds(outlines) else { return };
        let mut rasterizer = Rasterizer::new(right - left, bottom - top);
        // The rasteriser has no clip: points beside its box are moved to the edge.
        let inside = |corner: &Point| {
            let x = (corner.x - left as f32).clamp(0.0, (right - left) as f32);
            let y = (corner.y - top as f32).clamp(0.0, (bottom - top) as f32);
            ab_glyph_rasterizer::point(x, y)
        };
        for outline in outlines {
            let next = outline.iter().cycle().skip(1);
            for (from, to) in outline.iter().zip(next) {
                rasterizer.draw_line(inside(from), inside(to));
            }
        }
        rasterizer.for_each_pixel_2d(|x, y, coverage| {
            self.blend(left + x as usize, top + y as usize, colour, coverage);
        });
    }

    /// The whole pixels that the outlines touch, cut to the sheet; `None` if there are none.
    fn bounds(&self, outlines: &[Vec<Point>]) -> Option<(usize, usize, usize, usize)> {
        let corners = || outlines.iter().flatten();
        let edge = |value: f32, most: usize| (value.max(0.0) as usize).min(most);
        let left = edge(corners().map(|corner| corner.x).fold(f32::INFINITY, f32::min).floor(), self.width);
        let top = edge(corners().map(|corner| corner.y).fold(f32::INFINITY, f32::min).floor(), self.height);
        let right = edge(corners().map(|corner| corner.x).fold(0.0, f32::max).ceil(), self.width);
        let bottom = edge(corners().map(|corner| corner.y).fold(0.0, f32::max).ceil(), self.height);
        (left < right && top < bottom).then_some((left, top, right, bottom))
    }

    fn blend(&mut self, x: usize, y: usize, colour: BackendColor, coverage: f32) {
        let share = f64::from((coverage.min(1.0) * SHADES).round() / SHADES) * colour.alpha;
        if share <= 0.0 || x >= self.width || y >= self.height {
            return;
        }
        let start = (y * self.width + x) * 3;
        let (red, green, blue) = colour.rgb;
        for (byte, new) in self.bytes[start..start + 3].iter_mut().zip([red, green, blue]) {
            let mixed = f64::from(*byte) + (f64::from(new) - f64::from(*byte)) * share;
            *byte = mixed.round() as u8;
        }
    }
}

/// Pixels from backend units.
fn pixels(units: i32) -> f32 {
    units as f32 * DENSITY as f32 / UNITS as f32
}

fn corner((x, y): BackendCoord) -> Point {
    ab_glyph_rasterizer::point(pixels(x), pixels(y))
}

/// The four corners of a straight line of this half width; `None` if it has no length.
fn bar(from: Point, to: Point, half: f32) -> Option<Vec<Point>> {
    let (dx, dy) = (to.x - from.x, to.y - from.y);
    let length = (dx * dx + dy * dy).sqrt();
    if length == 0.0 {
        return None;
    }
    let (x, y) = (-dy / length * half, dx / length * half);
    let corner = ab_glyph_rasterizer::point;
    Some(vec![
        corner(from.x + x, from.y + y),
        corner(to.x + x, to.y + y),
        corner(to.x - x, to.y - y),
        corner(from.x - x, from.y - y),
    ])
}

/// A regular polygon with 24 corners, turning the same way as [`bar`]: a circle at the radii of figures.
fn disc(centre: Point, radius: f32) -> Vec<Point> {
    // Sines of 0, 15, .. 90 degrees, as numbers: no platform gets a say.
    const SINES: [f32; 7] = [0.0, 0.258_819_05, 0.5, 0.707_106_77, 0.866_025_4, 0.965_925_8, 1.0];
    let at = |x: f32, y: f32| ab_glyph_rasterizer::point(centre.x + radius * x, centre.y + radius * y);
    let mut corners = Vec::with_capacity(24);
    for step in 0..6 {
        corners.push(at(SINES[6 - step], -SINES[step]));
    }
    for step in 0..6 {
        corners.push(at(-SINES[step], -SINES[6 - step]));
    }
    for step in 0..6 {
        corners.push(at(-SINES[6 - step], SINES[step]));
    }
    for step in 0..6 {
        corners.push(at(SINES[step], SINES[6 - step]));
    }
    corners
}

impl DrawingBackend for Raster<'_> {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        self.0.units
    }

    fn ensure_prepared(&mut self) -> Painted {
        Ok(())
    }

    fn present(&mut self) -> Painted {
        Ok(())
    }

    fn draw_pixel(&mut self, at: BackendCoord, colour: BackendColor) -> Painted {
        let (from, to) = (corner(at), corner((at.0 + 1, at.1 + 1)));
        let turn = ab_glyph_rasterizer::point;
        self.0.fill(&[vec![from, turn(to.x, from.y), to, turn(from.x, to.y)]], colour);
        Ok(())
    }

    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S) -> Painted {
        self.draw_path([from, to], style)
    }

    fn draw_rect<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S, fill: bool) -> Painted {
        let around = [from, (to.0, from.1), to, (from.0, to.1), from];
        if fill { self.fill_polygon(around[..4].to_vec(), style) } else { self.draw_path(around, style) }
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, path: I, style: &S) -> Painted {
        let points: Vec<Point> = path.into_iter().map(corner).collect();
        let half = pixels(i32::try_from(style.stroke_width()).unwrap_or(UNITS)) / 2.0;
        let mut outlines: Vec<Vec<Point>> = points.windows(2).filter_map(|pair| bar(pair[0], pair[1], half)).collect();
        // Round joins, butt ends: a line ends where its last step does.
        let joins = points.len().saturating_sub(2);
        outlines.extend(points.iter().skip(1).take(joins).map(|&join| disc(join, half)));
        self.0.fill(&outlines, style.color());
        Ok(())
    }

    fn draw_circle<S: BackendStyle>(&mut self, centre: BackendCoord, radius: u32, style: &S, _fill: bool) -> Painted {
        let radius = pixels(i32::try_from(radius).unwrap_or(UNITS));
        self.0.fill(&[disc(corner(centre), radius)], style.color());
        Ok(())
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, path: I, style: &S) -> Painted {
        let outline: Vec<Point> = path.into_iter().map(corner).collect();
        self.0.fill(&[outline], style.color());
        Ok(())
    }

    fn draw_text<T: BackendTextStyle>(&mut self, text: &str, style: &T, at: BackendCoord) -> Painted {
        let face = match style.style() {
            FontStyle::Bold => Face::Bold,
            FontStyle::Normal | FontStyle::Italic | FontStyle::Oblique => Face::Regular,
        };
        let font = face.font();
        let em = (style.size() / SIZE_PER_EM) as f32 * DENSITY as f32 / UNITS as f32;
        let per_unit = em / face.units_per_em();
        let (glyphs, width) = face.walk(text);
        let start = match style.anchor().h_pos {
            HPos::Left => 0.0,
            HPos::Center => -width / 2.0,
            HPos::Right => -width,
        };
        let baseline = pixels(at.1) + em * BASELINE_EM as f32;
        let scale = PxScale::from(per_unit * font.height_unscaled());
        for (id, pen) in glyphs {
            let position = point(pixels(at.0) + (start + pen) * per_unit, baseline);
            let Some(outline) = font.outline_glyph(Glyph { id, scale, position }) else { continue };
            let origin = outline.px_bounds().min;
            outline.draw(|x, y, coverage| {
                let (x, y) = (origin.x + x as f32, origin.y + y as f32);
                if x >= 0.0 && y >= 0.0 {
                    self.0.blend(x as usize, y as usize, style.color(), coverage);
                }
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use plotters::style::{BLACK, Color, WHITE};

    use super::*;

    fn sheet() -> Pixels {
        let mut pixels = Pixels::new((100, 100));
        Raster(&mut pixels).draw_rect((0, 0), (100, 100), &WHITE.filled(), true).expect("painting in memory");
        pixels
    }

    fn red(pixels: &Pixels, x: usize, y: usize) -> u8 {
        pixels.bytes[(y * pixels.width + x) * 3]
    }

    #[test]
    fn a_pixel_takes_the_share_that_is_covered() {
        let mut pixels = sheet();
        let mut raster = Raster(&mut pixels);
        raster.draw_rect((10, 10), (30, 20), &BLACK.filled(), true).expect("painting in memory");
        raster.draw_rect((52, 50), (55, 55), &BLACK.filled(), true).expect("painting in memory");
        assert_eq!((red(&pixels, 2, 2), red(&pixels, 5, 3), red(&pixels, 6, 3)), (0, 0, 255));
        assert_eq!(red(&pixels, 10, 10), 96, "three fifths of this pixel are black: 10 of 16 shades");
    }

    #[test]
    fn a_line_that_turns_back_on_itself_leaves_no_holes() {
        let mut pixels = sheet();
        let mut raster = Raster(&mut pixels);
        raster.draw_path([(10, 50), (90, 50), (10, 50)], &BLACK.filled().stroke_width(20)).expect("painting in memory");
        assert_eq!((red(&pixels, 8, 10), red(&pixels, 8, 9), red(&pixels, 8, 5)), (0, 0, 255));
    }

    #[test]
    fn shapes_beyond_the_sheet_are_cut() {
        let mut pixels = sheet();
        let mut raster = Raster(&mut pixels);
        raster.draw_rect((-50, -50), (5, 500), &BLACK.filled(), true).expect("painting in memory");
        raster.draw_circle((500, 500), 10, &BLACK.filled(), true).expect("painting in memory");
        assert_eq!((red(&pixels, 0, 0), red(&pixels, 0, 19), red(&pixels, 1, 0)), (0, 0, 255));
    }
}
