//! A comparison as Markdown, for a comment on a pull request: verdicts, a table, what follows from it, and how to run it again.
//!
//! Titles and names come from files that anybody may have written: whatever Markdown or HTML would take for its own is escaped, so
//! that a name can neither leave its cell nor become a tag, a link or a mention. Follows GitHub Flavored Markdown 0.29.

use lab::slo::{JudgedObjective, Verdict};
use lab::theory::TheoryPanel;
use lab::{Comparison, Unit};

use crate::json::Beside;
use crate::text::attainable::sentences;
use crate::text::finding::paragraphs;
use crate::text::overload::notices;
use crate::text::rows::{self, TableLine, TextRow};
use crate::text::slo::{numbers, objective_words, verdict_words};
use crate::text::theory::little_words;
use crate::words::number::{self, Written};

/// How to run it again.
#[derive(Clone, Copy, Debug)]
pub struct Again<'a> {
    /// Version of tailback.
    pub version: &'a str,
    /// The scenario's file, as it was typed.
    pub file: &'a str,
    /// What was laid over it, as it was typed.
    pub set: &'a [String],
    /// Seed of every run.
    pub seed: u64,
    /// Replications of each world.
    pub replications: u32,
}

/// The comment.
pub fn markdown(
    title: &str,
    question: Option<&str>,
    comparison: &Comparison,
    beside: &Beside<'_>,
    again: &Again<'_>,
) -> String {
    let mut parts = vec![format!("### {}", escaped(title))];
    parts.extend(notices(comparison).iter().map(|notice| format!("**{}**", escaped(notice))));
    parts.extend(question.map(escaped));
    parts.extend(sentences(beside.unattainable).iter().map(|sentence| escaped(sentence)));
    parts.extend(beside.slo.map(verdicts));
    parts.push(table(comparison));
    let legend = match again.replications {
        1 => "One replication, so no intervals.".to_owned(),
        n => format!(
            "Means of {n} replications; ± is half the width of the 95 % interval; bold is a best value whose interval overlaps no other."
        ),
    };
    parts.push(format!("<sub>{legend}</sub>"));
    parts.extend(paragraphs(comparison).iter().map(|paragraph| escaped(paragraph)));
    if !beside.theory.is_empty() {
        let lines: Vec<String> = beside.theory.iter().map(|panel| format!("- {}", escaped(&sentence(panel)))).collect();
        parts.push(format!("Theory:\n{}", lines.join("\n")));
    }
    parts.push(details(again));
    parts.join("\n\n") + "\n"
}

/// The objectives, and whether they are met.
fn verdicts(judged: &[JudgedObjective]) -> String {
    let mut text = "| | Objective | World | Verdict | Value | 95 % interval |\n|---|:--|:--|:--|--:|:--|".to_owned();
    for one in judged {
        let mark = match one.verdict {
            Verdict::Met => "✅",
            Verdict::Open => "❔",
            Verdict::Missed => "❌",
        };
        let (value, interval) = numbers(one);
        let words = [&objective_words(&one.objective), &one.world, verdict_words(one.verdict), &value, &interval];
        let cells: Vec<String> = words.iter().map(|words| escaped(words)).collect();
        text += &format!("\n| {mark} | {} |", cells.join(" | "));
    }
    text
}

/// The rows of the terminal's table, with a column for each world.
fn table(comparison: &Comparison) -> String {
    let worlds: Vec<String> = comparison.worlds.iter().map(|world| escaped(&world.world)).collect();
    let empty = " |".repeat(worlds.len());
    let mut text = format!("| | {} |\n|:--|{}", worlds.join(" | "), "--:|".repeat(worlds.len()));
    for line in rows::lines(comparison) {
        text += &match line {
            TableLine::Heading(0, words) => format!("\n| **{}** |{empty}", escaped(&words)),
            TableLine::Heading(_, words) => format!("\n| *{}* |{empty}", escaped(&words)),
            TableLine::Row(row) => format!("\n{}", row_text(&row)),
        };
    }
    text
}

fn row_text(row: &TextRow) -> String {
    let cell = |(world, cell): (usize, &Option<Written>)| match cell {
        None => "–".to_owned(),
        Some(Written { value, margin }) => {
            let value = if row.best == Some(world) { format!("**{value}**") } else { value.clone() };
            margin.as_ref().map_or(value.clone(), |margin| format!("{value} {margin}"))
        }
    };
    let cells: Vec<String> = row.cells.iter().enumerate().map(cell).collect();
    format!("| {} | {} |", escaped(&row.label), cells.join(" | "))
}

/// What theory says of a world, in a sentence.
fn sentence(panel: &TheoryPanel) -> String {
    let world = &panel.world;
    match &panel.law {
        Ok(claim) => {
            let about = claim.approximation.as_ref().map_or("", |_| " (an approximation)");
            let first = claim.predictions.first().map_or(String::new(), |prediction| {
                let predicted = number::value(prediction.spec.unit, prediction.predicted);
                let off = prediction.off().map_or(String::new(), |off| format!(", simulated {:+.1} %", off * 100.0));
                format!(": {} {predicted}{off}", prediction.spec.label)
            });
            format!("{world}: {}{about}{first}.", claim.law)
        }
        Err(refusal) => {
            let bound = panel.bound.as_ref().map_or(String::new(), |bound| {
                let wanted =
                    bound.little.as_ref().map_or(String::new(), |little| format!("; {}", little_words(little)));
                format!(
                    "; at most {} can be served ({}){wanted}",
                    number::value(Unit::PerSecond, bound.most),
                    bound.why
                )
            });
            format!("{world}: no law applies, because {refusal}{bound}.")
        }
    }
}

/// The command that makes the comment again, folded away.
fn details(again: &Again<'_>) -> String {
    let mut command = format!("tailback run {}", quoted(again.file));
    command += &format!(" --seed {} --replications {}", again.seed, again.replications);
    for set in again.set {
        command += &format!(" --set {}", quoted(set));
    }
    command += " --format markdown";
    // A fence ends at a line of as many marks; none of the command has that many.
    let fence = "`".repeat(longest_run(&command, '`').max(2) + 1);
    let version = escaped(again.version);
    format!(
        "<details>\n<summary>How to run this again</summary>\n\ntailback {version}, seed {}, {} of every world:\n\n\
         {fence}sh\n{command}\n{fence}\n\n</details>",
        again.seed,
        if again.replications == 1 { "one run".to_owned() } else { format!("{} runs", again.replications) },
    )
}

fn longest_run(text: &str, mark: char) -> usize {
    text.split(|c| c != mark).map(str::len).max().unwrap_or(0)
}

/// An argument as a shell takes it for one word; what would steer a terminal is not repeated.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+%@".contains(c);
    let text: String = text.chars().map(|c| if is_invisible(c) { '\u{fffd}' } else { c }).collect();
    if !text.is_empty() && text.chars().all(plain) {
        return text;
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// What has no look of its own, or turns the look of what follows around.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Text that stays text in a cell, a heading or a paragraph.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '\n' | '\r' | '\t' => out.push(' '),
            c if is_invisible(c) => out.push('\u{fffd}'),
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '|' => out += "&#124;",
            // A backslash does not keep these from becoming a mention, a reference or a link: a mark of no width behind them does.
            '@' => out += "@&#8203;",
            '#' => out += "#&#8203;",
            '\\' | '`' | '*' | '_' | '[' | ']' | '~' | '$' | '!' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    // Addresses are made links of without being asked for.
    out.trim().replace("www.", "www&#46;").replace("://", "&#58;//")
}

#[cfg(test)]
mod tests {
    use lab::{WorldResult, fixtures};

    use super::*;

    const HOSTILE: &str =
        "a|b`c\n| x | <img src=x onerror=alert(1)> **bold** [l](http://e.x) @all #1 \\| $x$ \u{202e}z\x1b[31m";

    fn again<'a>(file: &'a str, set: &'a [String]) -> Again<'a> {
        Again { version: "1.0", file, set, seed: 7, replications: 3 }
    }

    fn of(worlds: &[&str]) -> Comparison {
        let world = |name: &&str| WorldResult {
            name: (*name).to_owned(),
            records: (0..3).map(|number| fixtures::record(name, number)).collect(),
        };
        Comparison::of(&worlds.iter().map(world).collect::<Vec<_>>())
    }

    /// Bars that divide cells: those without a backslash before them.
    fn bars(line: &str) -> usize {
        let marks: Vec<char> = line.chars().collect();
        (0..marks.len()).filter(|&at| marks[at] == '|' && (at == 0 || marks[at - 1] != '\\')).count()
    }

    #[test]
    fn every_row_has_a_cell_for_each_world_however_worlds_are_called() {
        for names in [&["threads", "gevent"][..], &["threads", HOSTILE, "<script>"]] {
            let text = markdown(HOSTILE, Some(HOSTILE), &of(names), &Beside::default(), &again("s.toml", &[]));
            let rows: Vec<&str> = text.lines().filter(|line| line.starts_with('|')).collect();
            assert!(rows.len() > 20, "{text}");
            assert!(rows.iter().all(|row| bars(row) == names.len() + 2), "{text}");
        }
    }

    #[test]
    fn no_name_becomes_a_tag_a_link_or_a_mention() {
        let set = [HOSTILE.to_owned(), "k=```\n</details>".to_owned()];
        let text = markdown(HOSTILE, None, &of(&[HOSTILE]), &Beside::default(), &again(HOSTILE, &set));
        let (before, fenced) = text.split_once("<details>").unwrap();
        assert!(!before.contains("<img") && !before.contains("http:") && !before.contains("@all"), "{before}");
        assert!(!before.contains("](") || before.contains("\\]("), "{before}");
        let tags = before.matches('<').count();
        assert_eq!(tags, before.matches("<sub>").count() + before.matches("</sub>").count(), "{before}");
        assert!(!text.contains('\x1b') && !text.contains('\u{202e}'));
        let fence = fenced.lines().find(|line| line.starts_with("```")).unwrap().trim_end_matches("sh");
        assert_eq!(fence, "````", "longer than what is inside");
        assert_eq!(fenced.lines().filter(|line| line.starts_with(fence)).count(), 2, "{fenced}");
    }

    #[test]
    fn the_command_can_be_typed_as_it_stands() {
        let set = ["run.length=5m".to_owned(), "run.title=it's \"x\"".to_owned()];
        let text = details(&again("my file.toml", &set));
        let command = "tailback run 'my file.toml' --seed 7 --replications 3 --set run.length=5m --set \
                       'run.title=it'\\''s \"x\"' --format markdown";
        assert!(text.contains(command), "{text}");
    }
}
