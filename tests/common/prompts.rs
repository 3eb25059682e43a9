//! The commands that documents show, at a prompt or in running text, and what they say that these print.

use std::ops::Range;
use std::path::Path;
use std::process::{Command, Output};

use crate::common::shipped;

/// Stands for any number of lines.
const ELISION: &str = "...";

/// One command of a document.
#[derive(PartialEq, Debug)]
pub struct Shown {
    /// Line of the document, from 1.
    pub line: usize,
    /// The command as it stands there, what follows a prompt or is quoted in running text.
    pub command: String,
    /// Whether it stands at a prompt in a console block.
    pub at_prompt: bool,
    /// Exit code that the document promises: that of an `echo $?` below, or an "exit code" in the same line of text.
    pub code: i32,
    /// What is shown of its output.
    pub output: Vec<String>,
    /// The lines of the document that this takes, from 0.
    pub lines: Range<usize>,
}

/// The commands of a document, in order.
pub fn commands(text: &str) -> Vec<Shown> {
    let mut found: Vec<Shown> = Vec::new();
    let mut in_console = false;
    let mut in_block = false;
    let mut begun = false;
    let mut asks_for_code = false;
    let mut goes_on = false;
    for (at, line) in text.lines().enumerate() {
        if line.starts_with("```") {
            in_block = !in_block;
            in_console = in_block && line == "```console";
            (begun, asks_for_code, goes_on) = (false, false, false);
        } else if in_console && goes_on {
            let last = found.last_mut().expect("a command was begun");
            goes_on = line.ends_with('\\');
            last.command = format!("{} {}", last.command, line.trim_end_matches('\\').trim());
        } else if let Some(command) = line.strip_prefix("$ ").filter(|_| in_console) {
            begun = true;
            asks_for_code = command == "echo $?";
            if !asks_for_code {
                goes_on = command.ends_with('\\');
                let command = command.trim_end_matches('\\').trim().to_owned();
                found.push(Shown { line: at + 1, command, at_prompt: true, code: 0, output: Vec::new(), lines: 0..0 });
            }
        } else if in_console && asks_for_code {
            found.last_mut().expect("a command comes before").code = line.parse().expect("an exit code is a number");
        } else if in_console {
            assert!(begun, "line {}: a console block begins with a command", at + 1);
            let last = found.last_mut().expect("a command was begun");
            last.lines = at - last.output.len()..at + 1;
            last.output.push(line.trim_end().to_owned());
        } else if !in_block {
            let code = (1..4).find(|code| line.contains(&format!("exit code {code}"))).unwrap_or(0);
            let quoted = line.split('`').skip(1).step_by(2).map(str::to_owned);
            let shown =
                |command| Shown { line: at + 1, command, at_prompt: false, code, output: Vec::new(), lines: 0..0 };
            found.extend(quoted.map(shown));
        }
    }
    for shown in &mut found {
        let end = shown.output.iter().rposition(|line| !line.is_empty()).map_or(0, |last| last + 1);
        shown.output.truncate(end);
        shown.lines.end = shown.lines.start + end;
    }
    found
}

/// The words of a command as a shell takes it apart: at spaces, but not inside of quotes.
pub fn words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for char in command.chars() {
        match (quote, char) {
            (None, '\'' | '"') => quote = Some(char),
            (Some(open), close) if open == close => quote = None,
            (None, ' ') => words.push(String::new()),
            (None | Some(_), _) => words.last_mut().expect("there is one from the start").push(char),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Runs the program in a folder with the arguments of a command line.
pub fn tailback(folder: &Path, args: &str) -> Output {
    let mut command = Command::new(crate::common::process::program());
    // What a shell would write to a file is looked at here.
    let args = words(args).into_iter().take_while(|word| word != ">");
    command.current_dir(folder).args(args).output().expect("the program can be started")
}

/// What a program wrote.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("the program writes UTF-8")
}

/// The parts of the tree that documents name.
const PARTS: [&str; 9] = [
    "scenarios",
    "docs/examples",
    "docs/tutorial",
    "tests/cmd/mistakes.in",
    "tests/cmd/results.in",
    "tests/cmd/sweep.in",
    "tests/corpus",
    "tests/measured",
    "tests/shop",
];

/// A folder with a copy of all that documents name.
pub fn copy_of_the_tree() -> tempfile::TempDir {
    copy_of(&PARTS)
}

/// A folder with copies of those parts that these commands name.
pub fn copy_for(shown: &[Shown]) -> tempfile::TempDir {
    let named = |part: &&str| shown.iter().any(|shown| shown.command.contains(*part));
    copy_of(&PARTS.into_iter().filter(named).collect::<Vec<_>>())
}

fn copy_of(parts: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("there is room for a temporary folder");
    let mut files = Vec::new();
    for part in parts {
        shipped::files_below(&shipped::root().join(part), &mut files);
    }
    for file in files {
        let copy = folder.path().join(file.strip_prefix(shipped::root()).expect("it was found there"));
        std::fs::create_dir_all(copy.parent().expect("a file lies in a folder")).expect("a folder can be made");
        std::fs::copy(&file, &copy).expect("a file can be copied");
    }
    folder
}

/// The first piece of what a document shows that a program does not print, if there is one.
///
/// Between two elisions lines stand as they are printed, one below the other; blanks at their ends do not count.
pub fn missing(shown: &[String], printed: &str) -> Option<String> {
    let printed: Vec<&str> = printed.lines().map(str::trim_end).collect();
    let pieces: Vec<&[String]> = shown.split(|line| line == ELISION).collect();
    let last = pieces.len() - 1;
    let mut from = 0;
    for (at, piece) in pieces.iter().enumerate().filter(|(_, piece)| !piece.is_empty()) {
        let fits = |&start: &usize| printed.get(start..start + piece.len()).is_some_and(|lines| lines == *piece);
        let end = printed.len().saturating_sub(piece.len());
        // What no elision precedes begins the output, and what none follows ends it.
        let found = if at == 0 {
            Some(0).filter(fits).filter(|_| last > 0 || printed.len() == piece.len())
        } else if at == last {
            Some(end).filter(|&end| end >= from).filter(fits)
        } else {
            (from..printed.len()).find(fits)
        };
        match found {
            Some(start) => from = start + piece.len(),
            None => return Some(piece.join("\n")),
        }
    }
    None
}

/// What a document would show of this output if it were written today.
///
/// A piece begins at the first line that begins with the same words, and ends at one that begins as its last line does, or
/// where its paragraph ends. A piece whose beginning is gone stays as it is, for a person to look at.
pub fn redrawn(shown: &[String], printed: &str) -> Vec<String> {
    let printed: Vec<&str> = printed.lines().map(str::trim_end).collect();
    let mut from = 0;
    let mut lines = Vec::new();
    for (at, piece) in shown.split(|line| line == ELISION).enumerate() {
        if at > 0 {
            lines.push(ELISION.to_owned());
        }
        let (Some(first), Some(last)) = (piece.first(), piece.last()) else { continue };
        let Some(start) = (from..printed.len()).find(|&at| label(printed[at]) == label(first)) else {
            lines.extend_from_slice(piece);
            continue;
        };
        let near = start + piece.len() - 1..(start + piece.len() + 2).min(printed.len());
        let same = near.clone().find(|&at| label(printed[at]) == label(last));
        let blank = || (near.start.min(printed.len())..printed.len()).find(|&at| printed[at].is_empty());
        from = same.map_or_else(|| blank().unwrap_or(printed.len()), |end| end + 1);
        lines.extend(printed[start..from].iter().map(|&line| line.to_owned()));
    }
    lines
}

/// Whether two pieces say the same in other figures: all words, units and verdicts equal and in the same order. How wide columns are and
/// where lines break follows from the figures.
pub fn only_figures_differ(shown: &[String], printed: &[String]) -> bool {
    let words = |lines: &[String]| {
        let mut words = String::new();
        for word in lines.iter().flat_map(|line| line.split_whitespace()) {
            let mut in_figure = false;
            for char in word.chars() {
                // A sign belongs to its figure, and so do the marks inside of one.
                let of_figure = char.is_ascii_digit() || (in_figure && matches!(char, '.' | ','));
                if of_figure && !in_figure {
                    words.truncate(words.trim_end_matches(['+', '-']).len());
                    words.push('#');
                } else if !of_figure {
                    words.push(char);
                }
                in_figure = of_figure;
            }
            words.push(' ');
        }
        words
    };
    words(shown) == words(printed)
}

/// What a new result leaves alone of a line: whether it is a row of a table, and the first words of a row, or a sentence up to its
/// first number.
fn label(line: &str) -> (bool, &str) {
    let is_number = |cell: &&str| cell.starts_with(|char: char| char.is_ascii_digit());
    let mut cells = line.split("  ").map(str::trim).filter(|cell| !cell.is_empty() && !is_number(cell));
    match (cells.next(), line.trim().contains("  ")) {
        (Some(cell), true) => (true, cell),
        (Some(_), false) | (None, _) => {
            (false, line.split(|char: char| char.is_ascii_digit()).next().unwrap_or(line).trim())
        }
    }
}
