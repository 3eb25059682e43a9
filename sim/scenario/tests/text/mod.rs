//! Files of scenarios that a test writes by itself.

use scenario::{Compiled, Diagnostic};

/// What a text means, or all that is said of its mistakes. There are no files beside it.
pub fn compile(text: &str) -> Result<Compiled, String> {
    let said = |list: Vec<Diagnostic>| list.iter().map(|diagnostic| diagnostic.plain(text)).collect::<String>();
    let scenario = scenario::parse(text, "s.toml", &[]).map_err(said)?;
    scenario::compile(&scenario, &mut |name| Err(format!("no file {name}"))).map_err(said)
}
