//! Paragraphs in lines of a terminal.

/// Breaks a paragraph into lines of at most `limit` places, where words allow; a number keeps its unit beside it.
pub fn wrap(paragraph: &str, limit: usize) -> String {
    let mut text = String::new();
    let mut used = 0;
    let mut words = paragraph.split(' ').peekable();
    while let Some(word) = words.next() {
        let glued = words.peek().filter(|next| is_unit(next)).map_or(0, |unit| 1 + width(unit));
        if used > 0 && !is_unit(word) && used + 1 + width(word) + glued > limit {
            text.push('\n');
            used = 0;
        } else if used > 0 {
            text.push(' ');
            used += 1;
        }
        text.push_str(word);
        used += width(word);
    }
    text.push('\n');
    text
}

/// Whether a word is a unit that follows its number, with whatever ends the clause.
pub(crate) fn is_unit(word: &str) -> bool {
    matches!(word.trim_end_matches(['.', ',', ';', ')']), "%" | "ns" | "us" | "ms" | "s" | "/s")
}

/// Places on a terminal, for the characters that we write.
fn width(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_but_not_before_a_unit() {
        assert_eq!(wrap("took 67.0 ms in all", 9), "took\n67.0 ms\nin all\n");
        assert_eq!(wrap("took 67.0 ms in all", 12), "took 67.0 ms\nin all\n");
        assert_eq!(wrap("took 67.0 ms in all", 11), "took\n67.0 ms in\nall\n");
        assert_eq!(wrap("of 41.0 %; then", 9), "of\n41.0 %;\nthen\n");
        assert_eq!(wrap("indivisible", 4), "indivisible\n");
    }
}
