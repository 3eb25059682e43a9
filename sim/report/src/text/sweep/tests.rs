//! The text of sweeps whose numbers are known.

use super::columns::{ColumnCell, table};
use crate::sweep_fixture::results;
use crate::text::Style;
use crate::words::number::Written;

const PLAIN: Style = Style { bold: false, width: 100 };

#[test]
fn numbers_stand_under_each_other_and_heads_over_them() {
    let number = |value: &str, margin: Option<&str>| {
        ColumnCell::Number(Written { value: value.to_owned(), margin: margin.map(str::to_owned) })
    };
    let rows = [
        vec![ColumnCell::words("a"), number("1,000 /s", Some("±3")), number("5 ms", None)],
        vec![ColumnCell::words("long"), number("9 /s", Some("±12")), number("–", None)],
    ];
    let wanted = ["  name   throughput      p99", "  a      1,000 /s ±3    5 ms", "  long       9 /s ±12      –"];
    assert_eq!(table(&["name", "throughput", "p99"], &rows), wanted.join("\n") + "\n");
}

#[test]
fn a_count_is_fitted_by_the_scalability_law_and_other_settings_are_not() {
    let law = |n: f64| 100.0 * n / (1.0 + 0.05 * (n - 1.0) + 0.001 * n * (n - 1.0));
    let values = ["1", "2", "4", "8", "16", "32", "64"];
    let text = super::sweep_text(&results("client.load.clients", &values, false, law), PLAIN);
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let wanted =
        "lambda 100 /s, sigma 0.05 (queueing), kappa 0.001 (crosstalk); R² 1.000; most throughput at N* = 30.8 clients";
    assert!(text.contains(wanted), "{text}");
    let other = super::sweep_text(&results("request.page.share", &values, false, law), PLAIN);
    assert!(!other.contains("Scalability"), "{other}");
    let elsewhere = super::sweep_text(&results("world.b.threads", &values, false, law), PLAIN);
    assert!(!elsewhere.contains("Scalability"), "the world is called a: {elsewhere}");
}

#[test]
fn a_throughput_that_clients_bound_is_said_not_to_fit() {
    let values = ["1", "2", "4", "8", "16"];
    let text = super::sweep_text(&results("world.a.threads", &values, true, |n| (40.0 * n).min(200.0)), PLAIN);
    assert!(
        text.contains("Scalability law: does not fit;") && text.contains("all that clients send is answered"),
        "{text}"
    );
}

#[test]
fn more_points_than_a_table_holds_are_told_by_the_best() {
    let values: Vec<String> = (1..=40).map(|value| value.to_string()).collect();
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    let text = super::sweep_text(&results("request.page.share", &values, false, |n| 100.0 - (n - 17.0).abs()), PLAIN);
    assert!(text.contains("Most throughput: 100 /s at request.page.share=17."), "{text}");
}
