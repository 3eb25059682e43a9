//! Figures of a sweep: lines over one varied setting, heat maps over two, a tornado, and a load that goes up and down.
//!
//! They are drawn on the canvas of all figures, with its faces and colours: a world looks the same wherever it stands.

mod heat;
mod lines;
mod pane;
mod quantity;
mod tornado;
mod updown;

use lab::sweep::results::Results;
use lab::sweep::study::Mode;

use super::canvas::{Anchor, Canvas, Hand};
use super::style;
use super::type_setting::Face;
use super::{DrawError, Drawing, WORLDS_MAX, finished};

/// Values of a setting that a heat map has room for.
const CELLS_MAX: usize = 60;

/// Every figure that a sweep has, with the name of its files.
///
/// # Errors
/// [`DrawError::TooManyWorlds`] beyond [`WORLDS_MAX`]; [`DrawError::Backend`] if an image cannot be encoded.
pub fn draw_sweep(results: &Results) -> Result<Vec<(String, Drawing)>, DrawError> {
    let study = &results.study;
    if study.worlds.len() > WORLDS_MAX {
        return Err(DrawError::TooManyWorlds { worlds: study.worlds.len() });
    }
    let files = file_names(&study.worlds);
    let each_world = |name: &'static str, title: &str, draw: &dyn Fn(usize) -> Canvas| {
        let of_world = |(world, called): (usize, &String)| {
            let drawing = finished(name, title, &format!("{called}: {}", study.title), &draw(world))?;
            Ok((format!("{name}-{}", files[world]), drawing))
        };
        study.worlds.iter().enumerate().map(of_world).collect()
    };
    match &study.mode {
        Mode::Tornado { around } => {
            each_world("tornado", tornado::TITLE, &|world| tornado::draw(results, world, around))
        }
        Mode::Hysteresis(steps) => {
            let drawing = finished("hysteresis", updown::TITLE, &study.title, &updown::draw(results, steps))?;
            Ok(vec![("hysteresis".to_owned(), drawing)])
        }
        Mode::Grid => match study.varied()[..] {
            [setting] => {
                let drawing = finished("sweep", lines::TITLE, &study.title, &lines::draw(results, setting))?;
                Ok(vec![("sweep".to_owned(), drawing)])
            }
            [rows, columns] if [rows, columns].into_iter().all(|at| study.values_of(at).len() <= CELLS_MAX) => {
                each_world("heat", heat::TITLE, &|world| heat::draw(results, world, rows, columns))
            }
            _ => Ok(Vec::new()),
        },
    }
}

/// Whether the queue of one of these worlds grows somewhere.
fn any_overload(results: &Results, mut worlds: std::ops::Range<usize>) -> bool {
    worlds.any(|world| (0..results.study.points.len()).any(|point| results.overload(point, world).is_some()))
}

/// The names of worlds as parts of files' names: no two are one file, on file systems that know no capitals neither.
fn file_names(worlds: &[String]) -> Vec<String> {
    let plain = |letter: char| if letter.is_alphanumeric() || "-_.".contains(letter) { letter } else { '-' };
    let mut names: Vec<String> = Vec::new();
    for world in worlds {
        let name: String = world.chars().map(plain).collect();
        let is_free = |name: &String| names.iter().all(|other| other.to_lowercase() != name.to_lowercase());
        let numbered = (2..).map(|number| format!("{name}-{number}"));
        names.push(std::iter::once(name.clone()).chain(numbered).find(is_free).expect("there is always one more"));
    }
    names
}

/// Title, subtitle and a line in a lower voice.
fn head(canvas: &mut Canvas, title: &str, subtitle: &str, below: &str) {
    let room = style::WIDTH - 2.0 * style::MARGIN;
    let mut line = |text: &str, down: f64, size: f64, face: Face, colour: style::Rgb| {
        let hand = Hand { size, face, colour, anchor: Anchor::Start };
        canvas.text(&face.cut(text, size, room), (style::MARGIN, style::MARGIN + down), hand);
    };
    line(title, 16.0, style::TITLE, Face::Bold, style::INK);
    line(subtitle, 40.0, style::SUBTITLE, Face::Regular, style::INK);
    line(below, 61.0, style::LABEL, Face::Regular, style::GREY);
}

/// The line at the foot of a sheet.
fn foot(canvas: &mut Canvas, text: &str, height: f64) {
    let room = style::WIDTH - 2.0 * style::MARGIN;
    let hand = Hand { size: style::NOTE, face: Face::Regular, colour: style::GREY, anchor: Anchor::Start };
    canvas.text(&Face::Regular.cut(text, style::NOTE, room), (style::MARGIN, height - style::MARGIN * 0.75), hand);
}

/// Height of the head.
const HEAD_HEIGHT: f64 = 76.0;
/// Height of the foot, with white space.
const FOOT_HEIGHT: f64 = 46.0;

#[cfg(test)]
mod tests;
