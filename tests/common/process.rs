//! Programs that tests start: the one under test, and this one once more with a single test alone.

use std::path::PathBuf;
use std::process::Command;

use super::shipped;

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

/// The program under test: the one that `TAILBACK_PROGRAM` names as a path from the root (`.ci/run` names its release build, which
/// says the same sooner), else that of this build.
pub fn program() -> PathBuf {
    match std::env::var_os("TAILBACK_PROGRAM") {
        Some(path) => shipped::root().join(path),
        None => env!("CARGO_BIN_EXE_tailback").into(),
    }
}
