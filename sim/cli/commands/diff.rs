//! `tailback diff`: two documents of results against each other, without running anything: what was set otherwise, and what came of it.

use std::path::{Path, PathBuf};

use lab::versus::{Method, Versus, births_equal, compare_sides, disregard_small};
use report::figures::draw_versus;
use report::json::read::{FileBeside, ResultDoc, ResultSource};
use report::json::{TwoResults, diff_json};
use report::text::Style;
use report::text::diff::{SettingChange, changes, headline, remark, settings_text};
use report::text::versus::versus_text;
use report::words::sides::Sides;
use report::words::{json_escaped, printable, printable_lines};

use crate::arguments::SmallestArg;
use crate::files::{self, shown};
use crate::problem::Problem;
use crate::result_file;
use crate::terminal;

/// What to compare.
#[derive(clap::Args)]
pub struct Args {
    /// Result of the first side, as `tailback run FILE --json` prints it; `-` reads standard input
    a: PathBuf,
    /// Result of the second side
    b: PathBuf,
    /// A world of the first against one of the second; else those with equal names, and the others by their places
    #[arg(long, value_name = "A=B")]
    worlds: Vec<String>,
    #[command(flatten)]
    smallest: SmallestArg,
    /// Folder for the plots of differences; without it none is drawn
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print one JSON document instead of tables
    #[arg(long)]
    json: bool,
}

/// Which worlds stand against each other, by their places in both documents.
#[derive(Default)]
struct Pairing {
    pairs: Vec<(usize, usize)>,
    /// Side and name.
    unpaired: Vec<(String, String)>,
    notes: Vec<String>,
}

/// Reads two documents, and says what differs.
pub fn diff(args: &Args) -> Result<(), Problem> {
    let (_, a) = result_file::read(&args.a)?;
    let (_, b) = result_file::read(&args.b)?;
    let pairing = pairing(args, &a, &b)?;
    let settings = [changes(&settings(&a)?, &settings(&b)?), file_changes(&a, &b)].concat();
    if let Some(folder) = &args.out {
        files::prepare(folder)?;
    }
    let mut versus = compared(&a, &b, &pairing);
    disregard_small(&mut versus, args.smallest.share());
    let names = [shown(&args.a), shown(&args.b)];
    let sides: Vec<Sides> = versus.iter().map(|versus| sides(versus, &names)).collect();
    let notes = [notes(&a, &b, &versus), pairing.notes.clone()].concat();
    let summary = headline(&versus, &sides);
    if args.json {
        let about = TwoResults {
            version: env!("CARGO_PKG_VERSION"),
            summary: &summary,
            sides: [(&names[0], &a), (&names[1], &b)],
            settings: &settings,
            unpaired: &pairing.unpaired,
            notes: &notes,
        };
        files::print(&json_escaped(&diff_json(&about, &versus)))?;
    } else {
        files::print(&text(&summary, &settings, &notes, &pairing, &versus, &sides))?;
    }
    let Some(folder) = &args.out else { return Ok(()) };
    let drawn = draw(folder, &a.title, &versus, &sides)?;
    if !args.json {
        files::print(&format!("\nPlots in {}: {} (.svg and .png)\n", shown(folder), drawn.join(", ")))?;
    }
    Ok(())
}

/// Pairs where chance is common to both, samples elsewhere.
fn compared(a: &ResultDoc, b: &ResultDoc, pairing: &Pairing) -> Vec<Versus> {
    let pair = |&(of_a, of_b): &(usize, usize)| {
        let (one, other) = (a.worlds[of_a].side(), b.worlds[of_b].side());
        let common = a.replications.min(b.replications);
        let paired = a.source.seed == b.source.seed && births_equal(&one, &other) == common;
        (one, other, if paired { Method::Paired } else { Method::Welch })
    };
    compare_sides(pairing.pairs.iter().map(pair).collect())
}

/// Which world stands against which.
fn pairing(args: &Args, a: &ResultDoc, b: &ResultDoc) -> Result<Pairing, Problem> {
    let names = |side: &ResultDoc| side.worlds.iter().map(|world| world.name.clone()).collect::<Vec<_>>();
    let (of_a, of_b) = (names(a), names(b));
    let mut pairing = Pairing::default();
    for text in &args.worlds {
        pairing.pairs.push(named(args, text, &of_a, &of_b)?);
    }
    if args.worlds.is_empty() {
        pairing.by_name_and_place(&of_a, &of_b);
    }
    let without = |side: &str, names: &[String], taken: &dyn Fn(usize) -> bool| -> Vec<(String, String)> {
        let alone = names.iter().enumerate().filter(|(at, _)| !taken(*at));
        alone.map(|(_, name)| (side.to_owned(), name.clone())).collect()
    };
    let alone_a = without("a", &of_a, &|at| pairing.pairs.iter().any(|pair| pair.0 == at));
    let alone_b = without("b", &of_b, &|at| pairing.pairs.iter().any(|pair| pair.1 == at));
    pairing.unpaired = [alone_a, alone_b].concat();
    Ok(pairing)
}

impl Pairing {
    /// Worlds with equal names, then the others in their order.
    fn by_name_and_place(&mut self, a: &[String], b: &[String]) {
        let mut left_b: Vec<usize> = (0..b.len()).collect();
        let mut left_a = Vec::new();
        for (at, name) in a.iter().enumerate() {
            match left_b.iter().position(|&other| b[other] == *name) {
                Some(place) => self.pairs.push((at, left_b.remove(place))),
                None => left_a.push(at),
            }
        }
        for (at, other) in left_a.into_iter().zip(left_b) {
            self.pairs.push((at, other));
            let text = format!("{} of A and {} of B are compared because of their places: no world", a[at], b[other]);
            self.notes.push(format!("{text} of the other side has their name."));
        }
        self.pairs.sort_unstable();
    }
}

/// The two worlds of `A=B`; a name may have an equals sign in it.
fn named(args: &Args, text: &str, a: &[String], b: &[String]) -> Result<(usize, usize), Problem> {
    let place = |names: &[String], wanted: &str| names.iter().position(|name| name == wanted);
    let mut parts = text.match_indices('=').map(|(at, _)| (&text[..at], &text[at + 1..])).peekable();
    let Some(&(one, other)) = parts.peek() else {
        return Err(Problem::Usage(format!("--worlds {text}: write it as A=B, such as threads=gevent")));
    };
    if let Some(found) = parts.find_map(|(one, other)| place(a, one).zip(place(b, other))) {
        return Ok(found);
    }
    let (path, names, wanted) = if place(a, one).is_none() { (&args.a, a, one) } else { (&args.b, b, other) };
    let near = scenario::meant(wanted, names.iter().map(String::as_str));
    let text = format!("{} has no world `{wanted}`; {near}its worlds are {}", shown(path), names.join(", "));
    Err(Problem::Usage(printable(&text)))
}

/// What a document was run with, key by key; seed and replications as they were in effect.
fn settings(document: &ResultDoc) -> Result<Vec<(String, String)>, Problem> {
    let ResultSource { file, seed, precision, scenario: text, .. } = &document.source;
    let found = scenario::settings(text, &printable(file), &result_file::overrides(&document.source)?);
    let found = found.map_err(|diagnostics| Problem::Scenario(files::show(&diagnostics, text)))?;
    let mut settings: Vec<(String, String)> =
        found.into_iter().filter(|(key, _)| key != "run.seed" && key != "run.replications").collect();
    settings.push(("run.seed".to_owned(), seed.to_string()));
    settings.push(("run.replications".to_owned(), document.replications.to_string()));
    if let Some(asked) = precision {
        let text = format!("{} of {}", asked.share, asked.figures.join(", "));
        settings.push(("--precision".to_owned(), text));
    }
    Ok(settings)
}

/// Files beside the scenarios that differ; what is in them is told by its size.
fn file_changes(a: &ResultDoc, b: &ResultDoc) -> Vec<SettingChange> {
    let texts = |document: &ResultDoc| -> Vec<(String, String)> {
        let one = |one: &FileBeside| (format!("file {}", one.name), one.text.clone());
        document.source.files.iter().map(one).collect()
    };
    let size = |text: String| format!("{} lines, {} bytes", text.lines().count(), text.len());
    let told = |SettingChange { key, a, b }: SettingChange| {
        let (a, mut b) = (a.map(size), b.map(size));
        if a == b {
            b = b.map(|size| size + ", others");
        }
        SettingChange { key, a, b }
    };
    changes(&texts(a), &texts(b)).into_iter().map(told).collect()
}

fn sides(versus: &Versus, files: &[String; 2]) -> Sides {
    let legend = format!("A is {} of {}; B is {} of {}.", versus.a, files[0], versus.b, files[1]);
    Sides { a: "A".to_owned(), b: "B".to_owned(), legend: Some(printable(&legend)) }
}

/// What a reader should know before believing a difference.
fn notes(a: &ResultDoc, b: &ResultDoc, versus: &[Versus]) -> Vec<String> {
    let mut notes = Vec::new();
    if a.version != b.version {
        let text = format!("A is by tailback {}, B by {}", a.version, b.version);
        notes.push(format!("{text}: what differs may be the programs and not the settings."));
    }
    if a.source.seed != b.source.seed {
        notes.push("The seeds differ, so chance is not common to both sides.".to_owned());
    }
    if a.replications != b.replications && versus.iter().any(|versus| versus.method == Method::Paired) {
        let (fewer, most) = (a.replications.min(b.replications), a.replications.max(b.replications));
        notes.push(format!(
            "One side has {most} replications and the other {fewer}: pairs are made of the first {fewer}."
        ));
    }
    notes
}

/// Everything that goes to the terminal.
fn text(
    summary: &str,
    settings: &[SettingChange],
    notes: &[String],
    pairing: &Pairing,
    versus: &[Versus],
    sides: &[Sides],
) -> String {
    let style = Style { bold: false, width: terminal::width(160) };
    let mut out = format!("{}\n{}", remark(summary.trim_end(), style.width), settings_text(settings));
    for note in notes {
        out += &remark(note, style.width);
    }
    for (side, world) in &pairing.unpaired {
        out +=
            &remark(&format!("Not compared: {world} of {}, which has no partner.", side.to_uppercase()), style.width);
    }
    out.push('\n');
    out += &versus_text(versus, sides, style);
    printable_lines(&out)
}

/// Draws a plot for each pair; returns their names.
fn draw(folder: &Path, title: &str, versus: &[Versus], sides: &[Sides]) -> Result<Vec<String>, Problem> {
    let mut names: Vec<String> = Vec::new();
    for (versus, sides) in versus.iter().zip(sides) {
        let drawing = draw_versus(title, versus, sides).map_err(Problem::Draw)?;
        // A world of a document may have any name, and a file may not.
        let safe: String =
            versus.a.chars().map(|c| if c.is_alphanumeric() || c == '-' { c } else { '_' }).take(48).collect();
        let mut name = if names.is_empty() { drawing.name.to_owned() } else { format!("{}-{safe}", drawing.name) };
        if names.contains(&name) {
            name = format!("{name}-{}", names.len());
        }
        files::write_drawing(folder, &name, &drawing)?;
        names.push(name);
    }
    Ok(names)
}
