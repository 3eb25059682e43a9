//! The report in a real browser: it opens without a complaint, shows values where one points, hides worlds, and fits
//! a phone.
//!
//! Skipped where no Chromium is installed. With `TAILBACK_SCREENSHOTS=DIR` it leaves its pictures there, for people
//! to look at.

use crate::common::browser;
use crate::common::shipped;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::browser::Browser;

/// A page of two worlds, made by the command line.
fn report(folder: &Path) -> PathBuf {
    let made = Command::new(crate::common::process::program())
        .current_dir(shipped::root())
        .args(["report", "scenarios/startup/slow-third-party.toml", "--replications", "2"])
        .args(["--set", "run.length=30s", "--set", "run.drain=5s", "--set", "client.users.rate=40/s", "--out"])
        .arg(folder)
        .output()
        .expect("the program can be started");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    folder.join("report.html")
}

/// Takes a picture that is more than an empty page, and keeps it if that is wanted.
fn picture(browser: &mut Browser, name: &str) {
    let png = browser.screenshot();
    assert!(png.starts_with(b"\x89PNG") && png.len() > 20_000, "{name}: {} bytes", png.len());
    if let Some(folder) = std::env::var_os("TAILBACK_SCREENSHOTS") {
        fs::create_dir_all(&folder).expect("the folder can be made");
        fs::write(Path::new(&folder).join(format!("{name}.png")), png).expect("a picture can be written");
    }
}

fn number(browser: &mut Browser, expression: &str) -> f64 {
    browser.value(expression).as_f64().unwrap_or_else(|| panic!("{expression} is no number"))
}

#[test]
fn the_report_works_in_a_browser() {
    let Some(program) = browser::installed() else {
        eprintln!("skipped: no Chromium is installed, so nobody looked at the report in a browser");
        return;
    };
    let folder = tempfile::tempdir().expect("there is room for a temporary folder");
    let page = report(folder.path());
    let mut browser = Browser::start(&program);

    browser.open(&page, (1280, 900), false);
    assert_eq!(browser.value("document.title"), "A slow third party");
    picture(&mut browser, "desk");
    values_are_shown_where_one_points(&mut browser);
    a_world_is_hidden_and_shown_again(&mut browser);
    light_and_dark_are_a_click_away(&mut browser);

    browser.open(&page, (390, 844), true);
    picture(&mut browser, "phone-dark");
    let wide = number(&mut browser, "document.documentElement.scrollWidth");
    assert!(wide <= 390.0, "the page is {wide} pixels wide on a phone");
    assert_eq!(browser.value("getComputedStyle(document.body).backgroundColor"), "rgb(21, 23, 26)");

    assert_eq!(browser.complaints(), [""; 0], "the browser complains");
    nothing_else_runs(&mut browser);
}

/// The page's policy: a script that found its way into the page would not run.
fn nothing_else_runs(browser: &mut Browser) {
    let add =
        "document.body.append(Object.assign(document.createElement('script'), { textContent: 'window.ran = 1' }))";
    browser.value(add);
    assert_eq!(browser.value("typeof window.ran"), "undefined");
    let said = browser.complaints().join(" ");
    assert!(said.contains("Content Security Policy"), "the browser did not say that it kept a script back: {said}");
}

/// The numbers beside the pointer are those of the nearest row of the table behind the plot.
fn values_are_shown_where_one_points(browser: &mut Browser) {
    let plot = browser.middle("#traffic svg.plot");
    browser.point(plot);
    let told = browser.value("document.getElementById('tip').innerText");
    let told = told.as_str().expect("the note has a text").to_owned();
    let lines: Vec<&str> = told.lines().filter(|line| !line.is_empty()).collect();
    assert!(
        lines.iter().any(|line| line.contains("threads")) && lines.iter().any(|line| line.contains("gevent")),
        "{told}"
    );
    let expected = "(() => { const p = JSON.parse(document.querySelector('#traffic svg.plot').dataset.plot); \
                    const at = p.names.findIndex((name) => name === document.querySelector('#tip b').textContent); \
                    return p.lines.map((line) => line.values[at]).join(' '); })()";
    let expected = browser.value(expected);
    let values =
        browser.value("[...document.querySelectorAll('#tip span')].map((s) => s.lastChild.textContent).join(' ')");
    assert_eq!(values, expected);
    assert!(values.as_str().is_some_and(|values| values.contains(" /s")), "{values}");
    browser.point((2.0, 2.0));
    assert_eq!(browser.value("document.getElementById('tip').hidden"), true, "the note goes when the pointer goes");
}

/// A click on a world's name takes it out of every plot, and out of what is told; another brings it back.
fn a_world_is_hidden_and_shown_again(browser: &mut Browser) {
    let seen = "[...document.querySelectorAll('[data-world=\"1\"]')] \
                .filter((e) => e.getBoundingClientRect().width > 0).length";
    let before = number(browser, seen);
    assert!(before >= 10.0, "only {before} parts belong to the second world");
    let name = browser.middle("button[data-toggle=\"1\"]");
    browser.click(name);
    assert_eq!(number(browser, seen), 0.0);
    assert_eq!(browser.value("document.querySelector('button[data-toggle=\"1\"]').ariaPressed"), "false");
    let plot = browser.middle("#traffic svg.plot");
    browser.point(plot);
    assert_eq!(browser.value("document.querySelectorAll('#tip span').length"), 1, "one world is told of");
    let name = browser.middle("button[data-toggle=\"1\"]");
    browser.click(name);
    assert_eq!(number(browser, seen), before);
}

fn light_and_dark_are_a_click_away(browser: &mut Browser) {
    let paper = "getComputedStyle(document.body).backgroundColor";
    assert_eq!(browser.value(paper), "rgb(255, 255, 255)");
    let button = browser.middle("#theme");
    browser.click(button);
    assert_eq!(browser.value(paper), "rgb(21, 23, 26)");
}
