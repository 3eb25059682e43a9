//! The shipped scenario files, for the tests that go through all of them.

use std::fs;
use std::path::{Path, PathBuf};

use engine::time::Span;
use scenario::{Compiled, Diagnostic, Override};

/// One file under `scenarios/`.
pub struct Shipped {
    /// Its path below `scenarios/` without the extension: `startup/ab-waves`.
    pub name: String,
    pub path: PathBuf,
    pub text: String,
}

/// The folder that this package is in.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every shipped scenario, by name. Presets are not scenarios.
pub fn scenarios() -> Vec<Shipped> {
    let folder = root().join("scenarios");
    let mut paths = Vec::new();
    files_below(&folder, &mut paths);
    let toml = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "toml");
    let below = |path: &PathBuf| path.strip_prefix(&folder).expect("it was found there").with_extension("");
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("a scenario can be read");
        Shipped { name: below(&path).display().to_string().replace('\\', "/"), path, text }
    };
    let shipped: Vec<Shipped> =
        paths.into_iter().filter(|path| toml(path) && !below(path).starts_with("presets")).map(read).collect();
    assert!(shipped.len() >= 3, "scenarios are missing");
    shipped
}

/// All files below a folder, sorted.
pub fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("a folder can be listed").path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() { files_below(&path, found) } else { found.push(path) }
    }
}

impl Shipped {
    /// The scenario with values laid over it, as `--set` does.
    pub fn compile(&self, overrides: &[(&str, &str)]) -> Compiled {
        let plain = |list: Vec<Diagnostic>| list.iter().map(|said| said.plain(&self.text)).collect::<String>();
        let lay = |&(key, value): &(&str, &str)| Override { key: key.to_owned(), value: value.to_owned() };
        let overrides: Vec<Override> = overrides.iter().map(lay).collect();
        let folder = self.path.parent().expect("a file lies in a folder");
        let mut load = |file: &str| fs::read_to_string(folder.join(file)).map_err(|error| error.to_string());
        scenario::parse(&self.text, &self.name, &overrides)
            .and_then(|scenario| scenario::compile(&scenario, &mut load))
            .map_err(plain)
            .unwrap_or_else(|said| panic!("{said}"))
    }

    /// The scenario without a warm-up, so that whoever is sent is counted; cut after `longest` if it is longer.
    pub fn shortened(&self, longest: Span) -> Compiled {
        let overrides = self.shortening(longest);
        self.compile(&overrides.iter().map(|(key, value)| (*key, value.as_str())).collect::<Vec<_>>())
    }

    /// The values that shorten it so.
    pub fn shortening(&self, longest: Span) -> Vec<(&'static str, String)> {
        let mut overrides = vec![("run.warm_up", "0s".to_owned())];
        let whole = self.compile(&[("run.warm_up", "0s")]);
        if whole.models[0].run.length.is_some_and(|length| length > longest) {
            overrides.push(("run.length", format!("{}ns", longest.as_ns())));
        }
        overrides
    }
}
