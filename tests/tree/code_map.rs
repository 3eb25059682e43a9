//! The code map: every source file of the product in one line, read off the files themselves.
//!
//! `docs/code-map.md` has all files, ARCHITECTURE.md the rooms. `TAILBACK_BLESS=1 cargo test --test main code_map` writes both.

use std::collections::BTreeMap;
use std::fs;

use super::rooms;
use crate::common::shipped;

/// Crates and folders of the product, from the ground up, with the order of the rooms inside where there is one.
const FLOORS: [(&str, &[&str]); 9] = [
    ("sim/engine/src", &rooms::ENGINE),
    ("sim/scenario/src", &rooms::SCENARIO),
    ("sim/lab/src", &[]),
    ("sim/report/src", &[]),
    ("sim/proof/src", &[]),
    ("sim/import/src", &[]),
    ("sim/cli", &[]),
    ("sim/workloads", &[]),
    ("sim/fuzz/src", &[]),
];

/// The first sentence of what a file says of itself.
fn first_sentence(text: &str) -> String {
    let head: Vec<&str> = text.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim).collect();
    let paragraph = head.split(|line| line.is_empty()).next().unwrap_or(&[]).join(" ");
    let end = paragraph.match_indices(". ").map(|(at, _)| at + 1).next().unwrap_or(paragraph.len());
    paragraph[..end].trim_end_matches('.').to_owned()
}

/// Files of a floor by folder, folders in the order of their rooms; the folder's own file first.
fn floor(folder: &str, rooms: &[&str]) -> Vec<(String, Vec<(String, String)>)> {
    let mut paths = Vec::new();
    shipped::files_below(&shipped::root().join(folder), &mut paths);
    let mut folders: BTreeMap<(usize, String), Vec<(String, String)>> = BTreeMap::new();
    for path in paths {
        let relative = path.strip_prefix(shipped::root().join(folder)).expect("it was found there");
        let name = relative.display().to_string().replace('\\', "/");
        if !name.ends_with(".rs") || name == "tests.rs" || name.ends_with("/tests.rs") {
            continue;
        }
        let text = fs::read_to_string(&path).expect("a source can be read");
        let (inside, file) = name.rsplit_once('/').map_or(("", name.as_str()), |(inside, file)| (inside, file));
        let top = inside.split('/').next().unwrap_or("");
        let rank = if inside.is_empty() { 0 } else { 1 + rooms.iter().position(|room| *room == top).unwrap_or(0) };
        let entry = (file.to_owned(), first_sentence(&text));
        folders.entry((rank, inside.to_owned())).or_default().push(entry);
    }
    let own = |file: &str| !["mod.rs", "lib.rs", "main.rs"].contains(&file);
    let sorted = |mut files: Vec<(String, String)>| {
        files.sort_by(|a, b| (own(&a.0), &a.0).cmp(&(own(&b.0), &b.0)));
        files
    };
    folders.into_iter().map(|((_, inside), files)| (inside, sorted(files))).collect()
}

/// Every file in one line.
fn whole() -> String {
    let mut text =
        "# Code map\n\nEvery source file in one line: its own first. Made from the files; do not edit it by hand.\n"
            .to_owned();
    for (folder, rooms) in FLOORS {
        text += &format!("\n## `{folder}`\n");
        for (inside, files) in floor(folder, rooms) {
            let path = if inside.is_empty() { String::new() } else { format!("{inside}/") };
            text += &format!("\n| `{}` | |\n|---|---|\n", if path.is_empty() { "." } else { &path });
            for (file, says) in files {
                text += &format!("| `{path}{file}` | {} |\n", says.replace('|', "\\|"));
            }
        }
    }
    text
}

/// The rooms: each folder at the top of a crate by what its own file says.
fn room_table() -> String {
    let mut text = "| Room | |\n|---|---|\n".to_owned();
    for (folder, rooms) in FLOORS {
        for (inside, files) in floor(folder, rooms) {
            let own = files.iter().find(|(file, _)| ["mod.rs", "lib.rs", "main.rs"].contains(&file.as_str()));
            let Some((_, says)) = own else { continue };
            if inside.is_empty() {
                text += &format!("| **`{folder}`** | {says} |\n");
            } else if inside.matches('/').count() == 0 || inside.starts_with("carrier/") {
                text += &format!("| `{inside}/` | {says} |\n");
            }
        }
    }
    text
}

#[test]
fn the_code_map_is_what_the_files_say() {
    const MARKS: (&str, &str) = ("<!-- rooms -->\n", "<!-- /rooms -->");
    let (map, page) = (shipped::root().join("docs/code-map.md"), shipped::root().join("ARCHITECTURE.md"));
    let text = fs::read_to_string(&page).expect("ARCHITECTURE.md can be read");
    let begin = text.find(MARKS.0).expect("a mark before the rooms") + MARKS.0.len();
    let end = text.find(MARKS.1).expect("a mark after the rooms");
    let wanted = format!("{}{}{}", &text[..begin], room_table(), &text[end..]);
    if std::env::var_os("TAILBACK_BLESS").is_some() {
        fs::write(&map, whole()).expect("the map can be written");
        fs::write(&page, &wanted).expect("ARCHITECTURE.md can be written");
        return;
    }
    assert_eq!(text, wanted, "ARCHITECTURE.md does not have the rooms as they are; TAILBACK_BLESS=1 writes them");
    let known = fs::read_to_string(&map).unwrap_or_default();
    assert_eq!(known, whole(), "docs/code-map.md is not what the files say; TAILBACK_BLESS=1 writes it");
}

#[test]
fn the_first_sentence_ends_at_its_full_stop() {
    let text = "//! What a thing does, after\n//! `file.rs` of the source. And more.\n//!\n//! Another paragraph.\n";
    assert_eq!(first_sentence(text), "What a thing does, after `file.rs` of the source");
}

#[test]
fn the_architecture_is_short() {
    let text = fs::read_to_string(shipped::root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md can be read");
    let words = text.split_whitespace().filter(|word| word.chars().any(char::is_alphanumeric)).count();
    assert!(words < 2_500, "{words} words");
}
