//! Whether the rooms of a crate import one way: a room knows those below it, and never one above.
//!
//! Text is searched as text, as `cargo fmt` leaves it: every path that begins with `crate` or `super` outside of comments and of the
//! tests at the end of a file. A name that `lib.rs` hands on (`pub use kit::time;`) is followed to the room it comes from; what else
//! `lib.rs` has is above all rooms.

use std::collections::BTreeMap;

/// Rooms of the engine, the lowest first.
pub const ENGINE: [&str; 12] =
    ["kit", "program", "model", "watch", "client", "machine", "python", "net", "peer", "front", "carrier", "world"];
/// Rooms of the scenario crate, the lowest first.
pub const SCENARIO: [&str; 7] = ["words", "reader", "tables", "whole", "format", "compile", "lint"];

/// A file of a crate: its path below `src/`, and what is in it.
pub type Source<'a> = (&'a str, &'a str);

/// The lines by which a room imports from one above it, as `room/file.rs:7: room -> other: the line`.
///
/// `rooms` are folders or files below `src/`, the lowest first; the longest that fits a path is its room, so that `carrier` may stand
/// lower than `carrier/hub`. A file that is in no room is an offender as well; `lib.rs` and `main.rs` may know everybody.
pub fn upward(files: &[Source<'_>], rooms: &[&str]) -> Vec<String> {
    let lib = files.iter().find(|(path, _)| *path == "lib.rs").map_or("", |(_, text)| text);
    let handed_on = handed_on(lib);
    let mut offenders = Vec::new();
    for (path, text) in files {
        let module = module(path);
        if module.is_empty() || *path == "tests.rs" || path.ends_with("/tests.rs") {
            continue;
        }
        let Some(own) = room(&module, rooms) else {
            offenders.push(format!("{path}: in no room"));
            continue;
        };
        for (line, target) in arrows(text, &module) {
            let handed = target.first().and_then(|first| handed_on.get(first));
            let target = if room(&target, rooms).is_none() { handed.unwrap_or(&target) } else { &target };
            let (other, name) = match room(target, rooms) {
                Some(other) => (other, rooms[other]),
                None => (rooms.len(), "lib"),
            };
            if other > own {
                let said = text.lines().nth(line).unwrap_or("").trim();
                offenders.push(format!("{path}:{}: {} -> {name}: {said}", line + 1, rooms[own]));
            }
        }
    }
    offenders.dedup();
    offenders
}

/// Modules from the crate's root down to that of a file; none for the root itself.
fn module(path: &str) -> Vec<String> {
    let path = path.strip_suffix(".rs").expect("a source ends in .rs");
    let path = path.strip_suffix("/mod").unwrap_or(path);
    let whole = |path: &str| path.split('/').map(str::to_owned).collect();
    if path == "lib" || path == "main" { Vec::new() } else { whole(path) }
}

/// Where in the list the room of a module stands.
fn room(module: &[String], rooms: &[&str]) -> Option<usize> {
    let inside = |room: &&str| {
        let parts: Vec<&str> = room.split('/').collect();
        parts.len() <= module.len() && parts.iter().zip(module).all(|(part, own)| part == own)
    };
    (0..rooms.len()).filter(|at| inside(&rooms[*at])).max_by_key(|at| rooms[*at].len())
}

/// What `lib.rs` hands on: the name, and where it comes from.
fn handed_on(lib: &str) -> BTreeMap<String, Vec<String>> {
    let mut names = BTreeMap::new();
    for statement in code(lib).split(';') {
        let Some(tree) = statement.trim().strip_prefix("pub use ").or(statement.trim().strip_prefix("pub(crate) use "))
        else {
            continue;
        };
        for leaf in leaves(&tokens(tree)) {
            let (path, name) = match leaf.iter().position(|word| word == "as") {
                Some(at) => (leaf[..at].to_vec(), leaf.last()),
                None => (leaf.clone(), leaf.last()),
            };
            names.extend(name.map(|name| (name.clone(), path)));
        }
    }
    names
}

/// The text without its comments and without the tests at its end, line by line.
pub fn code(text: &str) -> String {
    let body = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or(text);
    body.lines().map(|line| line.split("//").next().unwrap_or(line)).collect::<Vec<_>>().join("\n")
}

/// The paths by which a file names something of its crate, from the root down, and the line (from 0) where each begins.
fn arrows(text: &str, module: &[String]) -> Vec<(usize, Vec<String>)> {
    let code = code(text);
    let mut found = Vec::new();
    for word in ["crate::", "super::"] {
        for (at, _) in code.match_indices(word) {
            // `my_crate::` is another crate, and the second `super` of a path is part of the first one's.
            if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':') {
                continue;
            }
            let line = code[..at].matches('\n').count();
            let inside = inner_modules(&code, line);
            found.extend(leaves(&tokens(&code[at..])).into_iter().filter_map(|path| {
                let ups = path.iter().take_while(|part| *part == "super").count();
                let rest = path[ups + usize::from(ups == 0)..].iter().cloned();
                if ups == 0 {
                    return Some((line, rest.collect()));
                }
                // Out of the modules that are written in this file first, then out of the file's own.
                let kept = module.len().checked_sub(ups.saturating_sub(inside))?;
                Some((line, module[..kept].iter().cloned().chain(rest).collect()))
            }));
        }
    }
    found
}

/// How many modules with a body in this file are open at a line.
fn inner_modules(code: &str, line: usize) -> usize {
    let lines: Vec<&str> = code.lines().collect();
    let indent = |line: &str| line.len() - line.trim_start().len();
    let opens = |line: &str| {
        let words = line.trim_start().trim_start_matches("pub(crate) ").trim_start_matches("pub ");
        words.starts_with("mod ") && line.ends_with('{')
    };
    let open = |start: usize| {
        let ends = |end: &&str| **end == format!("{}}}", " ".repeat(indent(lines[start])));
        !lines[start..line].iter().any(ends)
    };
    (0..line).filter(|start| opens(lines[*start]) && open(*start)).count()
}

/// The words and signs of a path or a tree of paths, up to where it ends.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    let mut depth = 0_usize;
    loop {
        let trimmed = rest.trim_start();
        let end = trimmed.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(trimmed.len());
        let after_word =
            tokens.last().is_some_and(|last: &String| last.starts_with(|c: char| c.is_alphanumeric() || c == '_'));
        let taken = if end > 0 {
            // Two words beside each other are one path only by `as`.
            let joined = trimmed[..end] == *"as" || tokens.last().is_some_and(|last| last == "as");
            if after_word && !joined {
                break;
            }
            &trimmed[..end]
        } else if trimmed.starts_with("::") {
            &trimmed[..2]
        } else if trimmed.starts_with(['{', '*']) && (depth > 0 || tokens.last().is_some_and(|last| last == "::"))
            || depth > 0 && trimmed.starts_with(['}', ','])
        {
            &trimmed[..1]
        } else {
            break;
        };
        match taken {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ => {}
        }
        tokens.push(taken.to_owned());
        rest = &trimmed[taken.len()..];
        if taken == "}" && depth == 0 {
            break;
        }
    }
    tokens
}

/// The paths of a tree: `a::{b, c::d}` is `a::b` and `a::c::d`.
fn leaves(tokens: &[String]) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let mut stems: Vec<usize> = Vec::new();
    let mut path: Vec<String> = Vec::new();
    let mut fresh = false;
    for token in tokens {
        match token.as_str() {
            "::" => {}
            "{" => stems.push(path.len()),
            "," | "}" => {
                if fresh {
                    found.push(path.clone());
                }
                fresh = false;
                path.truncate(stems.last().copied().unwrap_or(0));
                if token == "}" {
                    stems.pop();
                }
            }
            word => {
                path.push(word.to_owned());
                fresh = true;
            }
        }
    }
    if fresh {
        found.push(path);
    }
    found
}

#[test]
fn an_arrow_upward_is_found_however_it_is_written() {
    let rooms = ["ground", "first", "first/attic"];
    let lines = |text: &str| {
        let files = [
            (
                "lib.rs",
                "mod first;\nmod ground;\npub use first::Stair;\npub use ground::{door, key as latch};\npub fn roof() {}\n",
            ),
            ("ground/door.rs", text),
        ];
        upward(&files, &rooms)
    };
    for good in [
        "use crate::ground::key::Key;",
        "use super::key;",
        "use std::first;\nuse first_crate::first;",
        "use crate::door::Hinge;\nuse crate::latch;",
        "/// As [`crate::first::Stair`] says.\nfn f() {}",
        "fn f() {}\n\n#[cfg(test)]\nmod tests {\n    use crate::first::Stair;\n}",
        "mod inner {\n    use super::super::key;\n}",
    ] {
        assert_eq!(lines(good), [""; 0], "{good}");
    }
    for (bad, room) in [
        ("use crate::first::Stair;", "first"),
        ("use crate::{ground::key, first::{Stair, Rail}};", "first"),
        ("use super::super::first;", "first"),
        ("use super::{super::first::Rail, key};", "first"),
        ("use crate::first::attic::Box;", "first/attic"),
        ("fn f() -> crate::first::Stair { x }", "first"),
        ("use crate::Stair;", "first"),
        ("use crate::roof;", "lib"),
        ("mod inner {\n    use super::super::super::first;\n}", "first"),
    ] {
        let found = lines(bad);
        let said = bad.lines().find(|line| line.contains("::")).unwrap_or("").trim();
        let line = bad.lines().position(|line| line.contains("::")).unwrap_or(0) + 1;
        assert_eq!(found, [format!("ground/door.rs:{line}: ground -> {room}: {said}")], "{bad}");
    }
}

#[test]
fn a_room_may_be_inside_another_and_lower_or_higher() {
    let files = [
        ("first/mod.rs", "use crate::first::attic::Box;"),
        ("first/attic/mod.rs", "use super::Stair;"),
        ("first/attic/tests.rs", "use crate::roof;"),
        ("cellar.rs", ""),
    ];
    let up = upward(&files, &["first", "first/attic"]);
    assert_eq!(up, ["first/mod.rs:1: first -> first/attic: use crate::first::attic::Box;", "cellar.rs: in no room"]);
    let down = upward(&files, &["cellar", "first/attic", "first"]);
    assert_eq!(down, ["first/attic/mod.rs:1: first/attic -> first: use super::Stair;"]);
}
