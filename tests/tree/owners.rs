//! Who owns what in the engine: the fields of a struct belong to its room, and others ask by methods.
//!
//! rustc holds it; here stands that nobody opens a field to the whole crate again. A field is open if it is `pub` or `pub(crate)`;
//! `pub(super)` and `pub(in crate::carrier)` stay in the room. Text is searched as text, as `cargo fmt` leaves it.

use std::fs;

use super::rooms::code;
use crate::common::shipped;

/// Rooms whose structs are states of a run.
const ROOMS: [&str; 7] = ["client", "machine", "python", "net", "peer", "front", "carrier"];

/// Rows that lie lower than those who ask for them, so that whoever watches can read them.
const LOW: [(&str, &str); 2] = [("program/request.rs", "Request"), ("program/task.rs", "Task")];

/// Structs with open fields, each with the reason.
const OPEN: [(&str, &str); 8] = [
    ("Clock", "two instants, an argument"),
    ("Linkable", "its lines of waiters: carriers wake in their own order"),
    ("Lock", "as a linkable"),
    ("Queue", "as a linkable"),
    ("Standard", "as a linkable"),
    ("Channel", "as a linkable"),
    ("Pool", "as a linkable"),
    ("Remote", "as a linkable"),
];

/// (struct, field) of the open fields in a source.
fn open_fields(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut inside: Option<String> = None;
    for line in code(text).lines() {
        let words = line.find("struct ").map_or("", |at| &line[at..]);
        if !line.starts_with(' ') && line.ends_with('{') && words.starts_with("struct ") {
            let name = words["struct ".len()..].split(|c: char| !c.is_alphanumeric()).next().unwrap_or("");
            inside = Some(name.to_owned());
        } else if line == "}" {
            inside = None;
        } else if let Some(name) = &inside {
            let field = line.strip_prefix("    pub ").or(line.strip_prefix("    pub(crate) "));
            let field = field.and_then(|rest| rest.split(':').next());
            found.extend(field.map(|field| (name.clone(), field.to_owned())));
        }
    }
    found
}

#[test]
fn fields_are_seen_in_their_room_only() {
    let src = shipped::root().join("sim/engine/src");
    let mut paths = Vec::new();
    for room in ROOMS {
        shipped::files_below(&src.join(room), &mut paths);
    }
    let mut offenders = Vec::new();
    let mut used = Vec::new();
    for path in paths {
        let text = fs::read_to_string(&path).expect("a source can be read");
        for (name, field) in open_fields(&text) {
            if !OPEN.iter().any(|(open, _)| *open == name) {
                offenders.push(format!("{}: {name}.{field}", path.display()));
            }
            used.push(name);
        }
    }
    for (path, name) in LOW {
        let text = fs::read_to_string(src.join(path)).expect("a source can be read");
        let open = open_fields(&text).into_iter().filter(|(of, _)| of == name);
        offenders.extend(open.map(|(of, field)| format!("{path}: {of}.{field}")));
        assert!(text.contains(&format!("pub struct {name} {{")), "{path} has no {name}");
    }
    assert!(offenders.is_empty(), "open to the whole crate; ask by a method:\n{}", offenders.join("\n"));
    let stale: Vec<&str> =
        OPEN.iter().map(|(open, _)| *open).filter(|open| !used.iter().any(|name| name == open)).collect();
    assert!(stale.is_empty(), "has no open field, and needs no exception: {stale:?}");
}

#[test]
fn an_open_field_is_found_and_one_of_a_room_is_not() {
    let text = "pub(crate) struct Row {\n    /// What.\n    pub(crate) open: u8,\n    pub also: u8,\n    pub(super) room: u8,\n    \
                pub(in crate::net) hall: u8,\n    own: u8,\n}\n\nimpl Row {\n    pub(crate) fn method(&self) {}\n}\n";
    let found = open_fields(text);
    let row = |field: &str| ("Row".to_owned(), field.to_owned());
    assert_eq!(found, [row("open"), row("also")]);
}
