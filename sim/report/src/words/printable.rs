//! Texts of strangers on a terminal: what would move the cursor, colour or turn around what follows is spelled out.

/// The text on one line, with every control character and every mark that changes the direction of writing as `\u{1b}`.
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if is_hidden(c) { c.escape_unicode().to_string() } else { c.to_string() }).collect()
}

/// The same for a text of several lines, whose line feeds stay.
pub fn printable_lines(text: &str) -> String {
    text.split('\n').map(printable).collect::<Vec<_>>().join("\n")
}

/// A JSON document that says the same with such characters escaped: they stand in its strings only, and JSON leaves most of them as they are.
pub fn json_escaped(document: &str) -> String {
    let escaped = |c: char| match c {
        '\n' => c.to_string(),
        _ if is_hidden(c) => format!("\\u{:04x}", u32::from(c)),
        _ => c.to_string(),
    };
    document.chars().map(escaped).collect()
}

fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_is_left() {
        assert_eq!(printable("a\x1b[2J\x07\u{9b}31m\r\nß ± →"), "a\\u{1b}[2J\\u{7}\\u{9b}31m\\u{d}\\u{a}ß ± →");
        let document = serde_json::to_string_pretty(&["a\x1b\u{9b}\u{7f}\u{202e}\n"]).unwrap();
        let escaped = json_escaped(&document);
        assert!(escaped.contains("\\u009b\\u007f\\u202e"), "{escaped}");
        assert_eq!(serde_json::from_str::<Vec<String>>(&escaped).unwrap(), ["a\x1b\u{9b}\u{7f}\u{202e}\n"]);
        assert_eq!(printable_lines("a\u{202e}\nb\t"), "a\\u{202e}\nb\\u{9}");
    }
}
