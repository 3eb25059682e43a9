//! The plots of a scenario's worlds over time.

use std::path::Path;

use lab::{WorldResult, world_series};
use report::figures::{Drawing, Shade, draw_figures};
use scenario::Compiled;

use crate::files;
use crate::problem::Problem;

/// Draws and writes the plots; returns their names.
pub fn draw(compiled: &Compiled, results: &[WorldResult], folder: &Path) -> Result<Vec<&'static str>, Problem> {
    let drawings = drawings(compiled, results, &|_| true)?;
    for drawing in &drawings {
        files::write_drawing(folder, drawing.name, drawing)?;
    }
    Ok(drawings.iter().map(|drawing| drawing.name).collect())
}

/// The plots of a scenario's worlds whose names are wanted.
pub fn drawings(
    compiled: &Compiled,
    results: &[WorldResult],
    wanted: &dyn Fn(&str) -> bool,
) -> Result<Vec<Drawing>, Problem> {
    let series: Vec<_> = results.iter().map(|world| world_series(&world.records)).collect();
    draw_figures(&compiled.title, &series, &shades(compiled), wanted).map_err(Problem::Draw)
}

/// The spans of time that plots shade.
pub fn shades(compiled: &Compiled) -> Vec<Shade> {
    let shade = |(from, to, label): &(engine::time::Time, engine::time::Time, String)| Shade {
        from_s: from.as_secs_f64(),
        to_s: to.as_secs_f64(),
        label: label.clone(),
    };
    compiled.shaded.iter().map(shade).collect()
}
