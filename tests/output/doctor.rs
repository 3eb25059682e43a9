//! The self-test of `tailback doctor`: what its scenarios come to here is what the program expects.
//!
//! `TAILBACK_BLESS=1 cargo test --test main doctor::` writes down what they come to now; a change says that the model changed, and the commit
//! says why.

use crate::common::shipped;
use std::fs;
use std::process::{Command, Output};

use serde_json::Value;

const EXPECTED: &str = "sim/cli/commands/doctor/expected.txt";

fn doctor(args: &[&str]) -> Output {
    let mut command = Command::new(crate::common::process::program());
    command.arg("doctor").args(args).output().expect("the program can be started")
}

fn document() -> Value {
    serde_json::from_slice(&doctor(&["--json"]).stdout).expect("doctor prints JSON")
}

#[test]
fn the_self_test_comes_to_what_is_written_down() {
    let document = document();
    let mut found = String::from(
        "# scenario, world, fingerprint, births, events\n# Written by: TAILBACK_BLESS=1 cargo test --test main doctor::\n",
    );
    for tested in document["self_test"].as_array().expect("doctor lists its runs") {
        let of = |key: &str| tested[key].as_str().expect("runs have names and fingerprints");
        found += &format!("{} {} {}\n", of("scenario"), of("world"), of("found"));
    }
    let path = shipped::root().join(EXPECTED);
    if std::env::var_os("TAILBACK_BLESS").is_some() {
        fs::write(&path, &found).expect("the expected fingerprints can be written");
    }
    let expected = fs::read_to_string(&path).expect("the expected fingerprints can be read");
    assert!(expected == found, "the self-test comes to\n{found}and not to\n{expected}");
}

#[test]
fn a_sound_program_says_ok_and_what_it_is() {
    if std::env::var_os("TAILBACK_BLESS").is_some() {
        // What is expected is in the program, which is older than what was just written down.
        return;
    }
    let output = doctor(&[]);
    let text = String::from_utf8(output.stdout).expect("the program writes UTF-8");
    assert_eq!(output.status.code(), Some(0), "{text}");
    for part in [env!("CARGO_PKG_VERSION"), std::env::consts::OS, std::env::consts::ARCH, "gevent 26.9", "uWSGI 2.0"] {
        assert!(text.contains(part), "{part} is missing:\n{text}");
    }
    assert!(text.contains("OK: all 6 runs came to the fingerprints that they come to everywhere.\n"), "{text}");
    let document = document();
    assert_eq!((&document["ok"], &document["stdout_is_terminal"]), (&Value::Bool(true), &Value::Bool(false)));
}
