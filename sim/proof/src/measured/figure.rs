//! `predicted-vs-measured`: one dot an entry, where a perfect prediction lies on the diagonal.
//!
//! A panel for each quantity that is judged, on logarithmic axes, and a legend where the fourth would stand. Names stand only
//! beside what is outside of its band: above the diagonal to the left of the dot, below it to the right, which is where
//! there is room.

use report::figures::canvas::{Anchor, Canvas, CanvasPoint, Hand};
use report::figures::scale::{Axis, Quantity as Measure, decimal};
use report::figures::style::{self, Rgb, WorldStyle};
use report::figures::type_setting::Face;
use report::figures::{DrawError, Drawing, finished};
use report::words::number::percent;

use super::figure_names::{Block, NamePanel};
use super::{BandSummary, Bands, ComparedQuantity, EntryComparison, EntryPart, InBand, Validated};

const NAME: &str = "predicted-vs-measured";
const TITLE: &str = "Predicted and measured";

/// Side of a panel: both axes are as long, so the diagonal is one.
const SIDE: f64 = 380.0;
/// From a panel's right edge to the next one's left, with the tick labels between.
const ACROSS: f64 = 92.0;
/// From a panel's bottom to the next one's top: tick labels, what the axis is, the heading.
const DOWN: f64 = 78.0;
/// Left edge of the first panel.
const LEFT: f64 = 80.0;
/// Top edge of the first panel.
const TOP: f64 = 128.0;
/// From the last panel's bottom to the end of the sheet.
const FOOT: f64 = 78.0;
/// A dot.
const RADIUS: f64 = 3.4;
/// Most names in a panel: those furthest out.
const NAMES_MAX: usize = 10;
/// Baseline to baseline of names.
const LEADING: f64 = 14.0;
/// Opacity of the band.
const BAND_ALPHA: f64 = 0.16;
/// How far values beyond the measured range may stretch an axis.
const STRETCH: f64 = 10.0;

/// What a panel shows.
struct Spec {
    heading: &'static str,
    unit: &'static str,
    measure: Measure,
    /// What one unit of the quantity is on the axis: latencies are milliseconds here and seconds there.
    scale: f64,
    band: f64,
    pick: fn(&EntryComparison) -> Option<&ComparedQuantity>,
}

const SPECS: [Spec; 3] = [
    Spec {
        heading: "Throughput",
        unit: "good responses a second",
        measure: Measure::Count,
        scale: 1.0,
        band: Bands::THROUGHPUT_NINE_IN_TEN,
        pick: |found| Some(&found.ok_rps),
    },
    Spec {
        heading: "Median latency (p50)",
        unit: "of good responses",
        measure: Measure::Latency,
        scale: 1e-3,
        band: Bands::P50,
        pick: |found| found.p50_ms.as_ref(),
    },
    Spec {
        heading: "99th percentile (p99)",
        unit: "of good responses, per run",
        measure: Measure::Latency,
        scale: 1e-3,
        band: Bands::P99,
        pick: |found| found.p99_ms.as_ref(),
    },
];

/// How the dots of one kind of server look.
#[derive(Clone, Copy, PartialEq, Debug)]
struct DotLook {
    colour: WorldStyle,
    /// A ring instead of a disc: behind uWSGI's router process.
    ring: bool,
}

/// Kinds of server in the order of the legend.
const SERVERS: [&str; 7] = [
    "uwsgi-threads",
    "uwsgi-gevent",
    "gunicorn-sync",
    "gunicorn-gthread",
    "gunicorn-gevent",
    "paste-threads",
    "pywsgi",
];

fn look(server: &str) -> DotLook {
    let direct = server.replacen("-router", "", 1);
    let colour = match SERVERS.iter().position(|known| *known == direct) {
        Some(index) => style::world(index),
        None => WorldStyle { line: style::INK, text: style::INK },
    };
    DotLook { colour, ring: direct != server }
}

/// A dot with its bars, in the units of the axes.
struct Dot<'a> {
    name: &'a str,
    look: DotLook,
    x: f64,
    y: f64,
    measured: (f64, f64),
    predicted: (f64, f64),
    outside: bool,
    error: f64,
}

/// Draws predicted against measured medians of all entries that were simulated, without those for calibration.
///
/// # Errors
/// [`DrawError::Backend`] if an image cannot be encoded.
pub fn draw_validation(entries: &[Validated], summary: &BandSummary) -> Result<Drawing, DrawError> {
    let shown: Vec<&Validated> = entries.iter().filter(|entry| entry.part != EntryPart::Calibration).collect();
    let height = TOP + 2.0 * SIDE + DOWN + FOOT;
    let mut canvas = Canvas::new(style::WIDTH, height);
    let compared = shown.iter().filter(|entry| entry.comparison().is_some()).count();
    head(&mut canvas, summary, compared);
    for (index, spec) in SPECS.iter().enumerate() {
        panel(&mut canvas, corner(index), spec, &shown);
    }
    legend(&mut canvas, corner(SPECS.len()), &shown);
    let text = "Dots: medians. Thin bars: smallest to largest measured run (across), 95 % interval of the simulated median (up). \
                Diagonal: predicted as measured.";
    let hand = hand(style::NOTE, Face::Regular, style::GREY, Anchor::Start);
    canvas.text(text, (style::MARGIN, height - style::MARGIN * 0.75), hand);
    finished(NAME, TITLE, "every measured server that was simulated", &canvas)
}

fn hand(size: f64, face: Face, colour: Rgb, anchor: Anchor) -> Hand {
    Hand { size, face, colour, anchor }
}

/// Top left of a panel.
fn corner(index: usize) -> CanvasPoint {
    (LEFT + (SIDE + ACROSS) * (index % 2) as f64, TOP + (SIDE + DOWN) * (index / 2) as f64)
}

fn head(canvas: &mut Canvas, summary: &BandSummary, compared: usize) {
    let left = style::MARGIN;
    canvas.text(TITLE, (left, left + 16.0), hand(style::TITLE, Face::Bold, style::INK, Anchor::Start));
    let text = format!(
        "{} entries: throughput is off by {} in the median and by at most {} in nine of ten; p50 {} of {}, p99 {} of {} in their bands",
        compared,
        percent(summary.throughput_error_median),
        percent(summary.throughput_error_p90),
        summary.p50.met,
        summary.p50.of,
        summary.p99.met,
        summary.p99.of,
    );
    let room = style::WIDTH - 2.0 * left;
    let text = Face::Regular.cut(&text, style::HEADING, room);
    canvas.text(&text, (left, left + 40.0), hand(style::HEADING, Face::Regular, style::INK, Anchor::Start));
    let text = "Across: measured; up: predicted; both on a logarithmic scale";
    canvas.text(text, (left, left + 61.0), hand(style::LABEL, Face::Regular, style::GREY, Anchor::Start));
}

fn dots<'a>(spec: &Spec, entries: &[&'a Validated]) -> Vec<Dot<'a>> {
    let dot = |entry: &&'a Validated| {
        let quantity = entry.comparison().and_then(spec.pick)?;
        let (seen, told) = (&quantity.measured, &quantity.predicted);
        let at = |value: f64| value * spec.scale;
        let interval = told.low.zip(told.high).unwrap_or((told.min, told.max));
        Some(Dot {
            name: &entry.name,
            look: look(&entry.server),
            x: at(seen.median),
            y: at(told.median),
            measured: (at(seen.min), at(seen.max)),
            predicted: (at(interval.0), at(interval.1)),
            outside: quantity.verdict == InBand::Outside,
            error: quantity.error,
        })
    };
    entries.iter().filter_map(dot).filter(|dot| dot.x > 0.0 && dot.x.is_finite() && dot.y.is_finite()).collect()
}

fn panel(canvas: &mut Canvas, (left, top): CanvasPoint, spec: &Spec, entries: &[&Validated]) {
    let bottom = top + SIDE;
    let bold = hand(style::HEADING, Face::Bold, style::INK, Anchor::Start);
    canvas.text(spec.heading, (left, top - 11.0), bold);
    let after = left + Face::Bold.width(spec.heading, style::HEADING) + 8.0;
    let band = format!("{}; band {} %", spec.unit, decimal(spec.band * 100.0));
    canvas.text(&band, (after, top - 11.0), hand(style::NOTE, Face::Regular, style::GREY, Anchor::Start));
    let dots = dots(spec, entries);
    let Some(axis) = axis(spec.measure, &dots) else {
        let middle = (left + SIDE / 2.0, top + SIDE / 2.0);
        canvas.text("no data", middle, hand(style::LABEL, Face::Regular, style::GREY, Anchor::Middle));
        return;
    };
    let place = |x: f64, y: f64| (left + SIDE * axis.share(x), bottom - SIDE * axis.share(y));
    grid(canvas, (left, top), &axis);
    diagonal(canvas, (left, top), &axis, spec.band);
    for dot in &dots {
        let bar = dot.look.colour.line;
        canvas.stroke(&[place(dot.measured.0, dot.y), place(dot.measured.1, dot.y)], 1.0, bar);
        canvas.stroke(&[place(dot.x, dot.predicted.0), place(dot.x, dot.predicted.1)], 1.0, bar);
    }
    for dot in &dots {
        mark(canvas, place(dot.x, dot.y), dot.look);
    }
    names(canvas, (left, top), &dots, &place);
}

/// One axis for both directions: what was measured, and predictions not far beyond.
fn axis(measure: Measure, dots: &[Dot<'_>]) -> Option<Axis> {
    let low = dots.iter().map(|dot| dot.x).fold(f64::INFINITY, f64::min);
    let high = dots.iter().map(|dot| dot.x).fold(0.0, f64::max);
    let within = |value: &f64| *value >= low / STRETCH && *value <= high * STRETCH;
    let values = || dots.iter().map(|dot| dot.y).filter(within);
    let (low, high) = (values().fold(low, f64::min), values().fold(high, f64::max));
    (high > 0.0).then(|| Axis::logarithmic(measure, low / 1.1, high * 1.1))
}

fn grid(canvas: &mut Canvas, (left, top): CanvasPoint, axis: &Axis) {
    let (right, bottom) = (left + SIDE, top + SIDE);
    let small = |anchor| hand(style::NOTE, Face::Regular, style::GREY, anchor);
    for &tick in &axis.ticks {
        let (x, y) = ((left + SIDE * axis.share(tick)).round(), (bottom - SIDE * axis.share(tick)).round());
        canvas.rect((left, y - 0.5), (right, y + 0.5), style::GRID);
        canvas.rect((x - 0.5, top), (x + 0.5, bottom), style::GRID);
        let label = axis.label(tick);
        canvas.text(&label, (left - 8.0, y + style::NOTE * style::MIDDLE), small(Anchor::End));
        canvas.text(&label, (x, bottom + 5.0 + style::NOTE * 1.15), small(Anchor::Middle));
    }
}

/// The diagonal and the band around it, cut where they leave the panel.
fn diagonal(canvas: &mut Canvas, (left, top): CanvasPoint, axis: &Axis, band: f64) {
    let bottom = top + SIDE;
    let (first, last) = (axis.ticks[0], axis.ticks[axis.ticks.len() - 1]);
    // On logarithmic axes a factor is the same way everywhere, so one is enough to know it.
    let way = |factor: f64| {
        let (low, high) = (axis.share(first), axis.share(last));
        SIDE * (high - low) * libm::log10(factor) / libm::log10(last / first)
    };
    let (above, below) = (way(1.0 + band), -way(1.0 - band));
    let corners = [
        (left, bottom),
        (left, bottom - above),
        (left + SIDE - above, top),
        (left + SIDE, top),
        (left + SIDE, top + below),
        (left + below, bottom),
    ];
    canvas.area(&corners, style::GREY, BAND_ALPHA);
    canvas.stroke(&[(left, bottom), (left + SIDE, top)], 1.0, style::GREY);
}

/// A disc or a ring, parted from what is behind it.
fn mark(canvas: &mut Canvas, at: CanvasPoint, look: DotLook) {
    canvas.dot(at, RADIUS + 0.9, style::PAPER);
    canvas.dot(at, RADIUS, look.colour.line);
    if look.ring {
        canvas.dot(at, RADIUS - 1.5, style::PAPER);
    }
}

/// Names beside the dots furthest outside of their band.
fn names(canvas: &mut Canvas, (left, top): CanvasPoint, dots: &[Dot<'_>], place: &impl Fn(f64, f64) -> CanvasPoint) {
    let mut outside: Vec<&Dot<'_>> = dots.iter().filter(|dot| dot.outside).collect();
    let far = |dot: &Dot<'_>| libm::log10((1.0 + dot.error).max(1e-9)).abs();
    outside.sort_by(|a, b| far(b).total_cmp(&far(a)).then(a.name.cmp(b.name)));
    outside.truncate(NAMES_MAX);
    let panel = Block { left, top, right: left + SIDE, bottom: top + SIDE };
    let taken = dots.iter().map(|dot| Block::around(place(dot.x, dot.y), RADIUS + 1.0)).collect();
    let mut names = NamePanel::new(panel, taken);
    for dot in outside {
        let at = place(dot.x, dot.y);
        let Some(found) = names.place(at, (Face::Regular.width(dot.name, style::NOTE), LEADING)) else { continue };
        if let Some((from, to)) = found.leader {
            canvas.stroke(&[from, to], 0.8, dot.look.colour.line);
            mark(canvas, at, dot.look);
        }
        let block = found.block;
        let baseline = (block.top + block.bottom) / 2.0 + style::NOTE * style::MIDDLE;
        let pen = hand(style::NOTE, Face::Regular, dot.look.colour.text, Anchor::Start);
        canvas.text(dot.name, (block.left, baseline), pen);
    }
}

/// Colours, and what is not in the picture.
fn legend(canvas: &mut Canvas, (left, top): CanvasPoint, entries: &[&Validated]) {
    canvas.text("Servers", (left, top - 11.0), hand(style::HEADING, Face::Bold, style::INK, Anchor::Start));
    let mut servers: Vec<&str> = entries.iter().map(|entry| entry.server.as_str()).collect();
    let order = |server: &str| SERVERS.iter().position(|known| *known == server).unwrap_or(SERVERS.len());
    servers.sort_by_key(|server| (order(server), *server));
    servers.dedup();
    let mut baseline = top + 14.0;
    for server in servers {
        let of_server = || entries.iter().filter(|entry| entry.server == server);
        let (all, shown) = (of_server().count(), of_server().filter(|entry| entry.comparison().is_some()).count());
        let look = look(server);
        mark(canvas, (left + RADIUS + 1.0, baseline - style::LABEL * style::MIDDLE), look);
        let text = match (shown, all) {
            (0, _) => format!("{server}: {all}, not simulated"),
            _ if shown == all => format!("{server}: {all}"),
            _ => format!("{server}: {shown} of {all}"),
        };
        let colour = if shown == 0 { style::GREY } else { look.colour.text };
        canvas.text(&text, (left + 18.0, baseline), hand(style::LABEL, Face::Regular, colour, Anchor::Start));
        baseline += 21.0;
    }
}

#[cfg(test)]
mod tests {
    use report::fixtures::assert_well_formed;

    use super::super::fixtures::validated;
    use super::*;

    #[test]
    fn the_scatter_plot_names_what_is_outside_of_its_band_and_nothing_else() {
        let entry = |name: &str, measured: f64, simulated: f64| {
            validated(name, "pywsgi", &[measured, measured * 1.1], &[simulated; 6])
        };
        let far = entry("mixed/far", 300.0, 200.0);
        let drawn = |entries: &[Validated]| {
            let drawing = draw_validation(entries, &BandSummary::of(entries)).expect("drawing in memory");
            assert_well_formed(&drawing.svg);
            assert!(drawing.png.starts_with(b"\x89PNG\r\n\x1a\n"));
            drawing.svg
        };
        let svg = drawn(&[far, entry("mixed/near", 100.0, 105.0), entry("calib/absurd", 1.0, 1e9)]);
        assert_eq!(svg.matches("\nmixed/far\n").count(), 3, "one name in each panel");
        assert!(!svg.contains("mixed/near") && !svg.contains("calib/absurd"));
        assert!(drawn(&[]).contains("\nno data\n"));
    }
}
