//! A test in a process of its own: this program once more, with that test alone.

use std::process::Command;

/// Set where a test has its process already.
const ALONE: &str = "TAILBACK_TEST_ALONE";

/// Does in a process in which nothing else runs what a test does. `test` is its name as this program lists it.
///
/// For what concerns a process as a whole: its memory, and whether it has to be ended.
pub fn alone(test: &str, body: impl FnOnce()) {
    if std::env::var_os(ALONE).is_some() {
        return body();
    }
    let this = std::env::current_exe().expect("the path of this program is known");
    let output = Command::new(this).args(["--exact", test, "--nocapture"]).env(ALONE, "1").output();
    let output = output.expect("this program can be started");
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{test}:\n{said}");
}
