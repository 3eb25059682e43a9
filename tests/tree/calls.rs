//! Who calls upward in the engine: nobody.
//!
//! Rooms of the engine import one way, but their methods are all on one `World`, so a call says nothing of its room. Here it does:
//! a method is at home in the room of its `impl` block on `World`, or, if that is the `impl` of a trait, in the room that declares
//! the trait, for that room says what is asked. Calls are found by `self.name(` and `world.name(`. Probes that call methods of their
//! own are not looked at.

use std::collections::{BTreeMap, BTreeSet};

use super::rooms::{Source, code};

/// Calls from a room to a method of one above, as `room -> other: name`; `rooms` begins with the lowest.
pub fn calls(files: &[Source<'_>], rooms: &[&str]) -> BTreeSet<String> {
    let room = |path: &str| rooms.iter().position(|room| path.starts_with(&format!("{room}/")));
    let files: Vec<(&str, String)> = files.iter().map(|(path, text)| (*path, code(text))).collect();
    let mut homes: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    for (path, text) in &files {
        let Some(own) = room(path) else { continue };
        for block in world_blocks(text) {
            for name in methods(block) {
                homes.entry(name).or_default().insert(own);
            }
        }
        for block in traits(text) {
            for name in methods(block) {
                homes.entry(name).or_default().insert(own);
            }
        }
    }
    let mut found = BTreeSet::new();
    for (path, text) in files.iter().filter(|(path, _)| !path.ends_with("tests.rs")) {
        let Some(own) = room(path) else { continue };
        for block in world_blocks(text) {
            for name in called(block) {
                let Some(homes) = homes.get(name) else { continue };
                let lowest = homes.first().copied().unwrap_or(0);
                if lowest > own {
                    found.insert(format!("{} -> {}: {name}", rooms[own], rooms[lowest]));
                }
            }
        }
    }
    found
}

/// The `impl` blocks on `World`, and the functions that take one, from their first to their last line.
fn world_blocks(text: &str) -> Vec<&str> {
    let mut blocks = Vec::new();
    let mut at = 0;
    while let Some(next) = text[at..].find("World<") {
        let line = text[..at + next].rfind('\n').map_or(0, |end| end + 1);
        let begin = if text[line..].starts_with([' ', ')']) {
            // A parameter in a signature of several lines: the function begins above.
            text[..line].rfind("\nfn ").or(text[..line].rfind("\npub")).map_or(line, |end| end + 1)
        } else {
            line
        };
        let end = text[begin..].find("\n}\n").map_or(text.len(), |end| begin + end + 2);
        let is_code = ["impl", "fn ", "pub"].iter().any(|word| text[begin..].starts_with(word));
        if is_code && end > at + next {
            blocks.push(&text[begin..end]);
            at = end;
        } else {
            at += next + 1;
        }
    }
    blocks
}

/// The declarations of traits.
fn traits(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("\npub(crate) trait ").map(|(at, _)| {
        let end = text[at..].find("\n}").map_or(text.len(), |end| at + end);
        &text[at + 1..end]
    })
}

/// Names of the methods that an `impl` block or a trait is home to; none if the block does what a trait asks.
fn methods(block: &str) -> Vec<&str> {
    let name = |line: &'_ str| -> Option<std::ops::Range<usize>> {
        let (before, after) = line.strip_prefix("    ")?.split_once("fn ")?;
        let begin = line.len() - after.len();
        let end = begin + after.find(|letter| !is_name(letter))?;
        before.split_whitespace().all(is_visibility).then_some(begin..end)
    };
    let head = block.lines().next().unwrap_or("");
    let is_home = head.contains("trait ") || head.starts_with("impl") && !head.contains(" for ");
    let lines = block.lines().filter(|_| is_home);
    lines.filter_map(|line| name(line).map(|at| &line[at])).collect()
}

fn is_visibility(word: &str) -> bool {
    matches!(word, "pub" | "pub(crate)" | "pub(super)" | "const")
}

fn is_name(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// Names that are called on the world.
fn called(block: &str) -> Vec<&str> {
    let mut names = Vec::new();
    for word in ["self.", "world."] {
        for (at, _) in block.match_indices(word) {
            let rest = &block[at + word.len()..];
            let end = rest.find(|letter| !is_name(letter)).unwrap_or(rest.len());
            if end > 0 && rest[end..].starts_with('(') {
                names.push(&rest[..end]);
            }
        }
    }
    names
}

#[test]
fn a_call_upward_is_found_and_one_downward_is_not() {
    let files = [
        (
            "ground/a.rs",
            "impl<P: Probe> World<'_, P> {\n    pub(crate) fn low(&mut self) {\n        self.high();\n        self.same();\n    }\n\n    fn same(&self) {}\n}\n",
        ),
        (
            "first/b.rs",
            "impl<P: Probe> World<'_, P> {\n    pub(crate) fn high(&mut self) {\n        self.low();\n    }\n}\n\nfn helper<P>(\n    world: &mut World<'_, P>,\n) {\n    world.top();\n}\n",
        ),
        (
            "second/c.rs",
            "impl<P: Probe> World<'_, P> {\n    pub(super) fn top(&mut self) {}\n}\n\n#[cfg(test)]\nmod tests {\n    fn never(world: &World<'_, ()>) {}\n}\n",
        ),
    ];
    let found: Vec<String> = calls(&files, &["ground", "first", "second"]).into_iter().collect();
    assert_eq!(found, ["first -> second: top", "ground -> first: high"]);
}

#[test]
fn a_call_of_what_the_own_room_asks_of_those_above_is_none_upward() {
    let files = [
        (
            "ground/a.rs",
            "pub(crate) trait Asked {\n    /// What.\n    fn high(&mut self);\n}\n\nimpl<P: Probe> World<'_, P> {\n    fn low(&mut self) {\n        self.high();\n        self.top();\n    }\n}\n",
        ),
        (
            "first/b.rs",
            "impl<P: Probe> Asked for World<'_, P> {\n    fn high(&mut self) {}\n}\n\nimpl<P: Probe> World<'_, P> {\n    fn top(&mut self) {}\n}\n",
        ),
    ];
    let files = files.map(|(path, text)| (path, format!("\n{text}")));
    let files: Vec<Source<'_>> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let found: Vec<String> = calls(&files, &["ground", "first"]).into_iter().collect();
    assert_eq!(found, ["ground -> first: top"]);
}
