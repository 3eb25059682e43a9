//! What every part of the page writes alike: escaped text, classes of colours, and the hashes that its policy allows.

use sha2::{Digest, Sha256};

use crate::figures::type_setting::clean;
use crate::words::is_unit;

/// Colours before they begin again; as many as the figures have.
const HUES: usize = 7;

/// Text for the inside of an element.
pub(crate) fn escape(text: &str) -> String {
    clean(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Text for an attribute in double quotes.
pub(crate) fn attribute(text: &str) -> String {
    escape(text).replace('"', "&quot;").replace('\'', "&#39;")
}

/// A sentence in which every number keeps its unit beside it.
pub(crate) fn glued(text: &str) -> String {
    let mut out = String::new();
    for (at, word) in text.split(' ').enumerate() {
        if at > 0 {
            out.push(if is_unit(word) { '\u{a0}' } else { ' ' });
        }
        out += word;
    }
    out
}

/// The class of a world's colour.
pub(crate) fn hue(world: usize) -> String {
    format!("w{}", world % HUES)
}

/// The source expression by which a Content-Security-Policy allows exactly this text inline.
pub(crate) fn policy_hash(text: &str) -> String {
    format!("'sha256-{}'", base64(&Sha256::digest(text.as_bytes())))
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for three in bytes.chunks(3) {
        let byte = |at: usize| u32::from(three.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let letter = (bits >> (18 - 6 * place) & 63) as usize;
            out.push(if place > three.len() { '=' } else { char::from(LETTERS[letter]) });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_hash_is_the_one_that_browsers_compute() {
        // The example of the CSP specification: alert('Hello, world.');
        assert_eq!(policy_hash("alert('Hello, world.');"), "'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng='");
        assert_eq!(base64(b"a"), "YQ==");
        assert_eq!(base64(b"ab"), "YWI=");
    }

    #[test]
    fn a_number_keeps_its_unit() {
        assert_eq!(glued(": 5 % of 3 slots took 7 ms."), ": 5\u{a0}% of 3 slots took 7\u{a0}ms.");
    }

    #[test]
    fn nothing_escapes_from_text_or_attribute() {
        assert_eq!(escape("<script>a&b"), "&lt;script&gt;a&amp;b");
        assert_eq!(attribute("\"onload='x"), "&quot;onload=&#39;x");
    }
}
