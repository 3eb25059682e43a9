//! The figures of sweeps whose numbers are known.

use super::{draw_sweep, file_names};
use crate::sweep_fixture::{grid, results};

fn names(results: &lab::sweep::results::Results) -> Vec<String> {
    draw_sweep(results).unwrap().into_iter().map(|(name, _)| name).collect()
}

#[test]
fn one_setting_makes_lines_two_make_a_map_for_each_world_and_three_are_for_the_tables() {
    assert_eq!(names(&results("world.a.threads", &["1", "2", "4"], true, |n| n)), ["sweep"]);
    let two: Vec<Vec<&str>> = vec![vec!["1", "1"], vec!["1", "2"], vec!["2", "1"], vec!["2", "2"]];
    assert_eq!(names(&grid(&["x", "y"], &two, true, |n| n[0] * n[1])), ["heat-a", "heat-b"]);
    let three: Vec<Vec<&str>> = vec![vec!["1", "1", "1"], vec!["2", "2", "2"]];
    assert_eq!(names(&grid(&["x", "y", "z"], &three, true, |n| n[0])), Vec::<String>::new());
}

#[test]
fn cells_hold_their_values_where_there_is_room_for_all() {
    let two: Vec<Vec<&str>> = vec![vec!["1", "5"], vec!["1", "7"], vec!["3", "5"], vec!["3", "7"]];
    let drawn = draw_sweep(&grid(&["x", "y"], &two, true, |n| 100.0 * n[0] + n[1])).unwrap();
    let svg = &drawn[0].1.svg;
    for value in ["105", "107", "305", "307"] {
        assert!(svg.contains(&format!(">\n{value}\n<")), "{value} is in no cell");
    }
    let values: Vec<String> = (1..=40).map(|value| value.to_string()).collect();
    let many = values.iter().flat_map(|x| values.iter().map(move |y| vec![x.as_str(), y.as_str()]));
    let drawn = draw_sweep(&grid(&["x", "y"], &many.collect::<Vec<_>>(), true, |n| 100_000.0 * n[0] + n[1])).unwrap();
    assert!(!drawn[0].1.svg.contains("100,001"), "1,600 cells have no room for numbers");
}

#[test]
fn a_sweep_in_which_nothing_was_answered_is_drawn_all_the_same() {
    let nothing = grid(&["x", "y"], &[vec!["1", "1"], vec!["2", "1"], vec!["1", "2"], vec!["2", "2"]], true, |_| 0.0);
    assert_eq!(names(&nothing), ["heat-a", "heat-b"]);
    assert_eq!(names(&results("x", &["1", "2"], true, |_| 0.0)), ["sweep"]);
}

#[test]
fn a_point_at_which_the_queue_grows_is_marked() {
    let drawn = |values: &[&str]| draw_sweep(&results("x", values, true, |n| n)).unwrap()[0].1.svg.clone();
    let dots = |svg: &str| svg.matches("<circle").count();
    let (calm, grown) = (drawn(&["1", "2"]), drawn(&["1", "1000000"]));
    assert!(!calm.contains("OVERLOADED") && grown.contains("Hollow dots: OVERLOADED"));
    assert!(dots(&grown) > dots(&calm), "a hollow dot is two");
    let two: Vec<Vec<&str>> = vec![vec!["1", "1"], vec!["1", "2"], vec!["1000000", "1"], vec!["1000000", "2"]];
    let maps = draw_sweep(&grid(&["x", "y"], &two, true, |n| n[1])).unwrap();
    assert!(maps[0].1.svg.contains("Marked corners: OVERLOADED"));
}

#[test]
fn no_two_worlds_have_one_file() {
    let worlds = ["a-b", "a b", "a,b", "A-B", "a-b-2", "b"].map(str::to_owned);
    assert_eq!(file_names(&worlds), ["a-b", "a-b-2", "a-b-3", "A-B-4", "a-b-2-2", "b"]);
}
