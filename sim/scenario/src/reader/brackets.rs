//! A bracket that is never closed: the reader stumbles over everything behind it, and only the bracket is the mistake.

use crate::words::source::line_start;

/// The place of a `{` or `[` of a value that is still open where the next heading stands, or the text ends.
///
/// Only asked of texts that are no TOML: a list may have lists of its own that look like a heading.
pub(crate) fn unclosed(text: &str) -> Option<usize> {
    let mut open: Vec<usize> = Vec::new();
    let mut line = 0;
    while line < text.len() {
        let end = text[line..].find('\n').map_or(text.len(), |at| line + at + 1);
        if is_heading(&text[line..end]) {
            if !open.is_empty() {
                break;
            }
            line = end;
        } else {
            line = scan(text, line..end, &mut open);
        }
    }
    open.last().copied().filter(|&at| !begins_heading(text, at))
}

/// Whether a bracket is the first of its line: a heading that is not closed is another mistake.
fn begins_heading(text: &str, at: usize) -> bool {
    text.as_bytes()[at] == b'[' && text[line_start(text, at)..at].trim().is_empty()
}

/// Whether a line is nothing but `[name]` or `[[name]]`.
fn is_heading(line: &str) -> bool {
    let line = line.split('#').next().unwrap_or_default().trim();
    let name = line.trim_start_matches('[').trim_end_matches(']');
    let bare = |letter: char| letter.is_ascii_alphanumeric() || "_-. \"'".contains(letter);
    let ends = line.starts_with('[') && line.ends_with(']');
    ends && name.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_') && name.chars().all(bare)
}

/// Goes through a line, and on to the end of a text that begins in it and has several. Where it stops.
fn scan(text: &str, line: std::ops::Range<usize>, open: &mut Vec<usize>) -> usize {
    let bytes = text.as_bytes();
    let mut at = line.start;
    while at < line.end {
        match bytes[at] {
            b'#' => return line.end,
            quote @ (b'"' | b'\'') => {
                at = text_end(text, at, quote);
                if at >= line.end {
                    return at;
                }
                continue;
            }
            b'{' | b'[' => open.push(at),
            b'}' | b']' => _ = open.pop(),
            _ => {}
        }
        at += 1;
    }
    line.end
}

/// The place behind a text in quotes; one that is not closed ends with its line.
fn text_end(text: &str, from: usize, quote: u8) -> usize {
    let bytes = text.as_bytes();
    let three = [quote; 3];
    if bytes[from..].starts_with(&three) {
        let close = bytes[from + 3..].windows(3).position(|window| window == three);
        return close.map_or(text.len(), |at| from + 3 + at + 3);
    }
    let mut at = from + 1;
    while at < bytes.len() && bytes[at] != b'\n' {
        match bytes[at] {
            b'\\' if quote == b'"' => at += 1,
            letter if letter == quote => return at + 1,
            _ => {}
        }
        at += 1;
    }
    at.min(bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bracket_that_is_open_at_the_next_heading_is_the_one() {
        let text = "[world.a]\nkernel = { tcp_mem = [1, 2]\n\n[world.b]\nthreads = 2\n";
        assert_eq!(unclosed(text), text.find('{'));
        let text = "[client.c]\nsteps = [\n  { sleep = \"1ms\" },\n\n[request.r]\n";
        assert_eq!(unclosed(text), text.find("[\n"));
    }

    #[test]
    fn the_end_of_the_text_closes_nothing() {
        let text = "a = { b = 1";
        assert_eq!(unclosed(text), text.find('{'));
    }

    #[test]
    fn a_heading_that_is_not_closed_is_no_value() {
        assert_eq!(unclosed("[machine\ncores = 2\n"), None);
    }

    #[test]
    fn brackets_in_texts_and_comments_are_none() {
        for text in ["a = \"{\" # [\n", "a = '''\n{\n'''\n[b]\n", "a = \"\\\"{\"\n[b]\n", "a = [[1], [2]]\n[[b]]\n"] {
            assert_eq!(unclosed(text), None, "{text}");
        }
    }

    #[test]
    fn any_text_is_gone_through() {
        for text in ["", "\n", "\"", "'''", "a = \"\\", "]]}}", "ä = {\n[ü]\n", "[\n[\n[\n"] {
            let _ = unclosed(text);
        }
    }
}
