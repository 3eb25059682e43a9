//! All figures, as a program that draws them sees them: the same bytes every time, safe text, and something to look
//! at whatever the series hold.
//!
//! `TAILBACK_BLESS=1 cargo test -p report` writes the golden file anew; look at it before you commit it.

use std::path::Path;

use lab::series::{Band, WorldSeries};

use super::{DrawError, Drawing, Shade, WORLDS_MAX, draw_figures};
use crate::fixtures::assert_well_formed;

/// A band of these means, with intervals of a tenth either way.
fn band(means: Vec<Option<f64>>) -> Band {
    let scaled = |by: f64| means.iter().map(|mean| mean.map(|mean| mean * by)).collect();
    Band { low: scaled(0.9), high: scaled(1.1), mean: means }
}

/// A world of `steps` steps of 5 s, whose middle third is bad.
fn world(name: &str, steps: usize, slots_when_bad: f64) -> WorldSeries {
    let bad = |step: usize| step >= steps / 3 && step < steps * 2 / 3;
    let series =
        |calm: f64, stormy: f64| band((0..steps).map(|step| Some(if bad(step) { stormy } else { calm })).collect());
    // Nobody gets a good response in the first bad step.
    let latency = |calm: f64, stormy: f64| {
        let mut band = series(calm, stormy);
        for column in [&mut band.mean, &mut band.low, &mut band.high] {
            if let Some(first) = column.get_mut(steps / 3) {
                *first = None;
            }
        }
        band
    };
    WorldSeries {
        overloaded: false,
        world: name.to_owned(),
        step_s: 5.0,
        start_s: (0..steps).map(|step| step as f64 * 5.0 + 2.5).collect(),
        p50_s: latency(0.15, 9.0),
        p90_s: latency(0.2, 14.0),
        p99_s: latency(0.3, 21.0),
        in_flight: series(60.0, 640.0),
        queued: series(0.0, 900.0),
        retrying: series(0.0, 300.0),
        sent_rps: series(300.0, 420.0),
        ok_rps: series(300.0, 40.0),
        failed_rps: series(0.0, 380.0),
        by_ending_rps: std::array::from_fn(|_| band(Vec::new())),
        refresh_rps: series(0.0, 120.0),
        slots: series(0.2, slots_when_bad),
        cpu: series(0.1, 0.06),
        syn_drops_rps: series(0.0, 70.0),
    }
}

fn shade(label: &str) -> Shade {
    Shade { from_s: 20.0, to_s: 40.0, label: label.to_owned() }
}

fn draw(title: &str, worlds: &[WorldSeries], shaded: &[Shade]) -> Vec<Drawing> {
    let drawings = draw_figures(title, worlds, shaded, &|_| true).expect("drawing in memory");
    assert_eq!(drawings.iter().map(|drawing| drawing.name).collect::<Vec<_>>(), NAMES);
    for drawing in &drawings {
        assert!(drawing.svg.starts_with("<svg ") && drawing.svg.trim_end().ends_with("</svg>"), "{}", drawing.name);
        assert_well_formed(&drawing.svg);
        assert!(drawing.png.starts_with(b"\x89PNG\r\n\x1a\n"), "{}", drawing.name);
    }
    drawings
}

const NAMES: [&str; 4] = ["latency", "in-flight", "throughput", "utilisation"];

#[test]
fn drawing_twice_gives_the_same_bytes() {
    let worlds = [world("threads", 12, 1.0), world("gevent", 12, 0.4)];
    let shaded = [shade("third party slow")];
    assert!(draw("Same again", &worlds, &shaded) == draw("Same again", &worlds, &shaded));
}

#[test]
fn a_figure_is_as_pinned() {
    // One world, few steps: small enough to read in a diff. Only a change of the look changes this file.
    let bad = Shade { from_s: 10.0, to_s: 20.0, label: "third party slow".to_owned() };
    let drawings = draw("An incident", &[world("8 × 40 threads", 6, 1.0)], &[bad]);
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/utilisation.svg");
    if std::env::var_os("TAILBACK_BLESS").is_some() {
        std::fs::write(&golden, &drawings[3].svg).expect("the golden file can be written");
    }
    let pinned = std::fs::read_to_string(&golden).expect("the golden file can be read");
    assert!(drawings[3].svg == pinned, "utilisation.svg differs; it is now:\n{}", drawings[3].svg);
}

#[test]
fn a_png_has_two_pixels_to_each_of_the_svg() {
    for count in [1, 2, 4, 9] {
        let worlds: Vec<WorldSeries> = (0..count).map(|index| world(&format!("world {index}"), 9, 0.5)).collect();
        for drawing in draw("Sizes", &worlds, &[]) {
            let side = |at: usize| u32::from_be_bytes(drawing.png[at..at + 4].try_into().expect("four bytes"));
            let tag = format!("width=\"{}\" height=\"{}\"", side(16) / 2, side(20) / 2);
            assert!(drawing.svg.contains(&tag), "{}: no {tag}", drawing.name);
        }
    }
}

#[test]
fn hostile_text_stays_text() {
    let hostile = "</text><script>alert('1')</script><a href=\"x\">&amp;\u{0}\u{1b}]0;\u{202E}<![CDATA[ -->";
    for drawing in draw(hostile, &[world(hostile, 12, 1.0), world("gevent", 12, 0.4)], &[shade(hostile)]) {
        assert!(drawing.svg.contains("&lt;/text&gt;&lt;script&gt;alert("), "{}", drawing.name);
        assert!(!drawing.svg.contains("<script") && !drawing.svg.contains("<a ") && !drawing.svg.contains("<!["));
    }
}

#[test]
fn endless_text_is_cut() {
    let endless = "word ".repeat(2_000);
    let worlds: Vec<WorldSeries> = (0..3).map(|_| world(&endless, 12, 1.0)).collect();
    for drawing in draw(&endless, &worlds, &[shade(&endless)]) {
        let cut = drawing.svg.lines().filter(|line| line.ends_with('…')).count();
        assert!(cut >= 5, "{}: title, three headings and the shaded span, but only {cut} are cut", drawing.name);
    }
}

#[test]
fn nothing_at_all_is_drawn_as_no_data() {
    for worlds in [vec![], vec![world("threads", 0, 1.0)], vec![world("threads", 0, 1.0), world("gevent", 0, 1.0)]] {
        for drawing in draw("Nothing", &worlds, &[shade("third party slow")]) {
            assert!(drawing.svg.contains("\nno data\n"), "{}", drawing.name);
            assert!(worlds.iter().all(|world| drawing.svg.contains(&world.world)), "{}", drawing.name);
        }
    }
}

#[test]
fn a_single_value_is_a_dot() {
    for drawing in draw("One step", &[world("threads", 1, 1.0), world("gevent", 1, 0.4)], &[]) {
        let dots = drawing.svg.matches("<circle").count();
        // There is no latency in that step.
        assert_eq!(dots > 0, drawing.name != "latency", "{}", drawing.name);
    }
}

#[test]
fn a_gap_breaks_the_line_and_is_explained() {
    let calm = world("threads", 2, 1.0);
    let gappy = world("threads", 12, 1.0);
    let polylines = |world: &WorldSeries| {
        draw("Gaps", std::slice::from_ref(world), &[]).remove(0).svg.matches("stroke-width").count()
    };
    assert!(polylines(&gappy) > polylines(&calm));
    assert!(draw("Gaps", &[gappy], &[])[0].svg.contains("Gap: nothing to measure."));
}

#[test]
fn zeros_and_absurd_values_are_drawn_too() {
    for value in [0.0, f64::NAN, f64::MAX, -1.0] {
        let mut worlds = [world("threads", 6, 1.0), world("gevent", 6, 1.0)];
        for world in &mut worlds {
            for series in [&mut world.p50_s, &mut world.in_flight, &mut world.ok_rps, &mut world.slots] {
                *series = band(vec![Some(value); 6]);
            }
        }
        draw("Absurd", &worlds, &[Shade { from_s: value, to_s: value, label: String::new() }]);
        worlds[0].start_s.fill(value);
        worlds[0].step_s = value;
        draw("Absurd", &worlds, &[Shade { from_s: 0.0, to_s: value, label: "shade".to_owned() }]);
    }
}

#[test]
fn worlds_beyond_the_limit_are_an_error_and_those_at_it_are_not() {
    let worlds = vec![world("threads", 6, 1.0); WORLDS_MAX + 1];
    assert_eq!(draw_figures("Many", &worlds, &[], &|_| true), Err(DrawError::TooManyWorlds { worlds: WORLDS_MAX + 1 }));
    draw("Many", &worlds[..WORLDS_MAX], &[]);
}
