//! What plots look like at three widths, with and without colour and Unicode.

use lab::series::Band;

use super::*;

fn series(name: &str, good: impl Fn(usize) -> f64, p50_s: f64) -> WorldSeries {
    let steps = 42;
    let band = |value: &dyn Fn(usize) -> Option<f64>| Band { mean: (0..steps).map(value).collect(), ..Band::default() };
    let none = || band(&|_| Some(0.0));
    WorldSeries {
        overloaded: false,
        world: name.to_owned(),
        step_s: 10.0,
        start_s: (0..steps).map(|at| at as f64 * 10.0 + 5.0).collect(),
        p50_s: band(&|at| (good(at) > 0.0).then_some(p50_s)),
        p90_s: none(),
        p99_s: band(&|at| (good(at) > 0.0).then_some(p50_s * if at == 20 { 40.0 } else { 4.0 })),
        in_flight: band(&|at| Some(300.0 - good(at))),
        queued: band(&|at| Some(if good(at) > 0.0 { 0.0 } else { 120.0 })),
        retrying: none(),
        sent_rps: band(&|_| Some(300.0)),
        ok_rps: band(&|at| Some(good(at))),
        failed_rps: none(),
        by_ending_rps: Default::default(),
        refresh_rps: none(),
        slots: none(),
        cpu: none(),
        syn_drops_rps: none(),
    }
}

fn two() -> Vec<WorldSeries> {
    vec![
        series("threads", |at| if (12..30).contains(&at) { 0.0 } else { 300.0 }, 0.2),
        series("gevent", |at| if (12..30).contains(&at) { 210.0 } else { 299.0 }, 0.21),
    ]
}

fn outage() -> [Shade; 1] {
    [Shade { from_s: 120.0, to_s: 300.0, label: "third-party x4.2".to_owned() }]
}

fn plain(width: usize, unicode: bool) -> String {
    plots(&two(), &outage(), PlotStyle { width, colour: false, unicode })
}

#[test]
fn plots_fit_windows_of_every_width() {
    for width in [40, 80, 160] {
        for unicode in [true, false] {
            let text = plain(width, unicode);
            let widest = text.lines().map(|line| line.chars().count()).max().unwrap();
            assert!(widest <= width, "{widest} places in {width}\n{text}");
            assert!(widest * 10 >= width * 8, "{widest} places of {width} are used\n{text}");
            assert!(text.lines().all(|line| line.trim_end() == line), "blanks at the end\n{text}");
            for name in
                ["threads", "gevent", "p50", "p99", "good", "sent", "300 /s", "third-party x4.2 from 120 s to 300 s"]
            {
                assert!(text.contains(name), "{name} at {width}\n{text}");
            }
        }
    }
}

#[test]
fn narrow_windows_stack_what_wide_ones_put_side_by_side() {
    let beside =
        |width: usize| plain(width, true).lines().any(|line| line.contains("threads") && line.contains("gevent"));
    assert_eq!([40, 80, 160].map(beside), [false, true, true]);
}

#[test]
fn without_unicode_there_is_nothing_but_ascii() {
    assert!(plain(80, false).is_ascii() && !plain(80, true).is_ascii());
    for mark in ['#', '*', 'o', '-', '|', '='] {
        assert!(plain(80, false).contains(mark), "{mark}");
    }
}

#[test]
fn colour_is_the_worlds_and_changes_no_character() {
    let coloured = plots(&two(), &outage(), PlotStyle { width: 80, colour: true, unicode: true });
    // The first two colours of the figures, blue and vermilion, in the palette of terminals.
    assert!(coloured.contains("\x1b[38;5;25m") && coloured.contains("\x1b[38;5;166m"), "{coloured}");
    let mut bare = String::new();
    let mut inside = false;
    for c in coloured.chars() {
        match (inside, c) {
            (false, '\x1b') => inside = true,
            (true, 'm') => inside = false,
            (true, _) => {}
            (false, c) => bare.push(c),
        }
    }
    let trimmed: String = bare.lines().map(|line| format!("{}\n", line.trim_end())).collect();
    assert_eq!(trimmed, plain(80, true));
    assert!(!plain(80, true).contains('\x1b'));
}

#[test]
fn a_spike_of_one_step_stays_visible_in_few_places() {
    let values: Vec<Option<f64>> = (0..1_000).map(|at| Some(if at == 777 { 9.0 } else { 1.0 })).collect();
    let places = columns(&values, 1.0, 1_000.0, 30, Joined::Largest);
    assert_eq!(places.iter().flatten().filter(|&&value| value == 9.0).count(), 1);
    let means = columns(&values, 1.0, 1_000.0, 30, Joined::Mean);
    let sum: f64 = means.iter().flatten().sum();
    assert!((sum / 30.0 - 1.008).abs() < 1e-9, "the mean over time is kept: {sum}");
}

#[test]
fn few_steps_are_stretched_and_missing_ones_left_out() {
    let places = columns(&[Some(1.0), None, Some(3.0)], 2.0, 6.0, 6, Joined::Mean);
    assert_eq!(places, [Some(1.0), Some(1.0), None, None, Some(3.0), Some(3.0)]);
    let shorter = columns(&[Some(1.0)], 2.0, 6.0, 3, Joined::Largest);
    assert_eq!(shorter, [Some(1.0), None, None], "a world whose run ended earlier");
}

#[test]
fn a_run_without_good_responses_says_so() {
    let text = plots(&[series("threads", |_| 0.0, 0.2)], &[], PlotStyle { width: 80, colour: false, unicode: true });
    assert!(text.contains("(there were none)"), "{text}");
}

#[test]
fn a_run_without_steps_has_no_plots() {
    let mut empty = series("threads", |_| 0.0, 0.2);
    empty.start_s.clear();
    assert_eq!(plots(&[empty], &[], PlotStyle { width: 80, colour: false, unicode: true }), "");
}
