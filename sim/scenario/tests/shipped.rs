//! What is shipped: every scenario compiles without a doubt, the starter too, and the reference is up to date.

use std::fs;
use std::path::{Path, PathBuf};

use scenario::Compiled;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every shipped scenario file: path and text.
fn scenarios() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for folder in fs::read_dir(root().join("scenarios")).expect("scenarios/ is there").flatten() {
        if folder.file_name() == "presets" || !folder.path().is_dir() {
            continue;
        }
        for file in fs::read_dir(folder.path()).expect("a folder can be read").flatten() {
            if file.path().extension().is_some_and(|extension| extension == "toml") {
                let text = fs::read_to_string(file.path()).expect("a scenario can be read");
                found.push((file.path(), text));
            }
        }
    }
    found.sort();
    found
}

fn compile(file: &str, text: &str, folder: &Path) -> Compiled {
    let plain = |list: Vec<scenario::Diagnostic>| list.iter().map(|d| d.plain(text)).collect::<String>();
    let scenario = scenario::parse(text, file, &[]).map_err(plain).unwrap_or_else(|said| panic!("{said}"));
    let mut load = |name: &str| fs::read_to_string(folder.join(name)).map_err(|error| error.to_string());
    scenario::compile(&scenario, &mut load).map_err(plain).unwrap_or_else(|said| panic!("{said}"))
}

#[test]
fn every_scenario_compiles_without_a_doubt() {
    let scenarios = scenarios();
    assert!(scenarios.len() >= 3, "scenarios are missing");
    let mut all = String::new();
    for (path, text) in scenarios {
        let file = path.display().to_string();
        let compiled = compile(&file, &text, path.parent().expect("a file lies in a folder"));
        let doubts: String = compiled.warnings.iter().map(|doubt| doubt.plain(&text)).collect();
        all += &doubts;
        assert!(compiled.models.len() > 1, "{file} compares nothing");
    }
    assert!(all.is_empty(), "{all}");
}

#[test]
fn every_scenario_begins_with_its_question_and_its_source() {
    for (path, text) in scenarios() {
        let mut lines = text.lines();
        let question = lines.next().is_some_and(|line| line.starts_with("# Question: "));
        let source = lines.next().is_some_and(|line| line.starts_with("# Source: "));
        assert!(question && source, "{}", path.display());
        assert!(text.lines().all(|line| line.len() <= 120), "{}", path.display());
    }
}

#[test]
fn the_starter_compiles_whatever_it_is_called() {
    for name in ["first", "it's \"quoted\" \\ and\nbroken", "", "ünï", &"long ".repeat(1000)] {
        let text = scenario::starter(name);
        let compiled = compile("starter.toml", &text, Path::new("."));
        assert_eq!(compiled.models.len(), 2);
        assert_eq!(compiled.warnings, []);
    }
    assert_eq!(compile("s.toml", &scenario::starter("it's \"so\" \\"), Path::new(".")).title, "it's \"so\" \\");
}

#[test]
fn the_reference_in_the_book_is_what_the_key_tables_say() {
    let path = root().join("docs/scenario-reference.md");
    if std::env::var_os("TAILBACK_BLESS").is_some() {
        fs::write(&path, scenario::reference()).expect("the reference can be written");
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    let stale = "docs/scenario-reference.md is stale: TAILBACK_BLESS=1 cargo test -p scenario";
    assert!(written == scenario::reference(), "{stale}");
}
