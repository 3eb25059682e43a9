//! `tailback compare`: two worlds against each other, of one file or of two, with what differs significantly.

use std::path::{Path, PathBuf};

use engine::{Model, Seed};
use lab::versus::{Versus, compare as hold_against, disregard_small};
use lab::{RunSettings, WarmUp, WorldResult, run_all};
use report::figures::draw_versus;
use report::json::{TwoSides, versus_json};
use report::text::Style;
use report::text::notes::warm_up_note;
use report::text::versus::versus_text;
use report::words::sides::Sides;
use scenario::{Compiled, Override};

use crate::arguments::{SmallestArg, Threads, parse_overrides};
use crate::files::{self, shown};
use crate::problem::Problem;
use crate::terminal;
use crate::warm_up_pilots;

/// What to compare.
#[derive(clap::Args)]
pub struct Args {
    /// Scenario file of the first side
    a: PathBuf,
    /// Scenario file of the second side [default: the first]
    b: Option<PathBuf>,
    /// The two worlds, first and second; else the only two, or those with equal names in both files
    #[arg(long, value_names = ["WORLD,WORLD"], value_delimiter = ',')]
    worlds: Vec<String>,
    /// Lay a value over both files, for example --set run.length=5m
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Lay a value over the first file only
    #[arg(long, value_name = "KEY=VALUE")]
    set_a: Vec<String>,
    /// Lay a value over the second file only, for example --set-b world.threads.threads=80
    #[arg(long, value_name = "KEY=VALUE")]
    set_b: Vec<String>,
    /// Where chance begins, for both sides [default: that of the first file]
    #[arg(long)]
    seed: Option<u64>,
    /// Runs of every world [default: the larger number of both files, 10 at least]
    #[arg(long, value_parser = clap::value_parser!(u32).range(2..=10_000))]
    replications: Option<u32>,
    #[command(flatten)]
    smallest: SmallestArg,
    /// Folder for the plot of differences; without it none is drawn
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print one JSON document instead of tables
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    threads: Threads,
}

/// Replications that a comparison has at least, where nobody says how many: five have wide intervals.
const REPLICATIONS: u32 = 10;
/// Which worlds stand against each other, by index into both sides' models, and which against none.
struct Pairing {
    pairs: Vec<(usize, usize)>,
    /// Side and name.
    unpaired: Vec<(String, String)>,
}

/// Runs the worlds of both sides, and says what differs.
pub fn compare(args: &Args) -> Result<(), Problem> {
    let overrides = |own: &[String]| -> Result<Vec<Override>, Problem> { parse_overrides(args.set.iter().chain(own)) };
    let path_b = args.b.as_ref().unwrap_or(&args.a);
    let a = files::compile(&args.a, &overrides(&args.set_a)?)?;
    // The same file would be doubted twice.
    let of_b = if path_b == &args.a { files::compile_quietly } else { files::compile };
    let b = of_b(path_b, &overrides(&args.set_b)?)?;
    let pairing = pairing(args, &a, &b)?;
    if let Some(folder) = &args.out {
        files::prepare(folder)?;
    }
    let replications = args.replications.unwrap_or(a.replications.max(b.replications).max(REPLICATIONS));
    let settings = RunSettings { seed: Seed(args.seed.unwrap_or(a.seed)), replications, threads: args.threads.count() };
    let (warm_up, results) = simulate(args, [&a, &b], &pairing, &settings)?;
    let pairs: Vec<(&WorldResult, &WorldResult)> = results.chunks(2).map(|two| (&two[0], &two[1])).collect();
    let mut versus = hold_against(&pairs);
    disregard_small(&mut versus, args.smallest.share());
    let sides: Vec<Sides> = versus.iter().map(|versus| sides(args, versus)).collect();
    if args.json {
        let about = TwoSides {
            version: env!("CARGO_PKG_VERSION"),
            seed: settings.seed.0,
            sides: [described(&args.a, &args.set, &args.set_a), described(path_b, &args.set, &args.set_b)],
            unpaired: &pairing.unpaired,
        };
        files::print(&versus_json(&about, &versus))?;
    } else {
        files::print(&text(&a, &b, &pairing, warm_up.as_ref(), &versus, &sides))?;
    }
    let Some(folder) = &args.out else { return Ok(()) };
    let names = draw(folder, &a.title, &versus, &sides)?;
    if !args.json {
        files::print(&format!("\nPlots in {}: {} (.svg and .png)\n", shown(folder), names.join(", ")))?;
    }
    Ok(())
}

/// Which world stands against which.
fn pairing(args: &Args, a: &Compiled, b: &Compiled) -> Result<Pairing, Problem> {
    let names = |side: &Compiled| side.models.iter().map(|model| model.name.clone()).collect::<Vec<_>>();
    let (of_a, of_b) = (names(a), names(b));
    let two_files = args.b.is_some();
    let find = |names: &[String], wanted: &str, path: &Path| {
        names.iter().position(|name| name == wanted).ok_or_else(|| {
            let near = scenario::meant(wanted, names.iter().map(String::as_str));
            let known = names.join(", ");
            Problem::Usage(format!("{} has no world `{wanted}`; {near}its worlds are {known}", shown(path)))
        })
    };
    let whole = |pairs: Vec<(usize, usize)>| Pairing { pairs, unpaired: Vec::new() };
    match args.worlds.as_slice() {
        [first, second] => {
            let path_b = args.b.as_ref().unwrap_or(&args.a);
            Ok(whole(vec![(find(&of_a, first, &args.a)?, find(&of_b, second, path_b)?)]))
        }
        [] if two_files && of_a.len() == 1 && of_b.len() == 1 => Ok(whole(vec![(0, 0)])),
        [] if two_files => by_name(&of_a, &of_b),
        [] if has_letters(args) => by_name(&of_a, &of_b),
        [] if of_a.len() == 2 => Ok(whole(vec![(0, 1)])),
        [] => {
            let text = format!("which two worlds? {} has {}", shown(&args.a), of_a.join(", "));
            Err(Problem::Usage(format!("{text}; write --worlds FIRST,SECOND")))
        }
        _ => Err(Problem::Usage("--worlds takes two names, such as --worlds threads,gevent".to_owned())),
    }
}

/// Worlds with equal names against each other.
fn by_name(a: &[String], b: &[String]) -> Result<Pairing, Problem> {
    let partner = |name: &String, others: &[String]| others.iter().position(|other| other == name);
    let pairs: Vec<(usize, usize)> =
        a.iter().enumerate().filter_map(|(at, name)| Some((at, partner(name, b)?))).collect();
    if pairs.is_empty() {
        let text = "no world has the same name in both files";
        let text = format!("{text}: the first has {}, the second {}", a.join(", "), b.join(", "));
        return Err(Problem::Usage(format!("{text}; write --worlds FIRST,SECOND")));
    }
    let alone = |side: &str, names: &[String], others: &[String]| -> Vec<(String, String)> {
        let without = names.iter().filter(|name| partner(name, others).is_none());
        without.map(|name| (side.to_owned(), name.clone())).collect()
    };
    Ok(Pairing { pairs, unpaired: [alone("a", a, b), alone("b", b, a)].concat() })
}

/// All runs, after pilots where the warm-up is to be found: the two worlds of a pair stand beside each other.
///
/// What is found holds for every side that leaves it open, so that both count the same people.
fn simulate(
    args: &Args,
    sides: [&Compiled; 2],
    pairing: &Pairing,
    settings: &RunSettings,
) -> Result<(Option<WarmUp>, Vec<WorldResult>), Problem> {
    let both = |&(a, b): &(usize, usize)| [sides[0].models[a].clone(), sides[1].models[b].clone()];
    let mut models: Vec<Model> = pairing.pairs.iter().flat_map(both).collect();
    let open: Vec<usize> = (0..models.len()).filter(|at| sides[at % 2].auto_warm_up).collect();
    let mut warm_up = None;
    if !open.is_empty() {
        let pilots: Vec<Model> = open.iter().map(|&at| models[at].clone()).collect();
        let mut found = warm_up_pilots::find(&pilots, settings)?;
        for (&at, world) in open.iter().zip(&mut found.worlds) {
            models[at].run.warm_up = found.removed;
            if has_letters(args) {
                world.world += if at % 2 == 0 { " of A" } else { " of B" };
            }
        }
        warm_up = Some(found);
    }
    let results = terminal::with_bar(models.len(), settings, |progress| run_all(&models, settings, progress))?;
    Ok((warm_up, results))
}

/// Whether the sides are called A and B, because the names of worlds would not tell them apart.
fn has_letters(args: &Args) -> bool {
    args.b.is_some() || !args.set_a.is_empty() || !args.set_b.is_empty()
}

/// What the sides of a pair are called: by their worlds where these differ, else by the order of the files.
fn sides(args: &Args, versus: &Versus) -> Sides {
    let (a, b) = (&versus.a, &versus.b);
    if !has_letters(args) {
        return Sides { a: a.clone(), b: b.clone(), legend: None };
    }
    let path_b = args.b.as_ref().unwrap_or(&args.a);
    let (first, second) = (described(&args.a, &[], &args.set_a), described(path_b, &[], &args.set_b));
    let legend = format!("A is {a} of {first}; B is {b} of {second}.");
    Sides { a: "A".to_owned(), b: "B".to_owned(), legend: Some(legend) }
}

/// A file and what is laid over it.
fn described(path: &Path, both: &[String], own: &[String]) -> String {
    let set: Vec<&str> = both.iter().chain(own).map(String::as_str).collect();
    let with = if set.is_empty() { String::new() } else { format!(" with {}", set.join(" and ")) };
    format!("{}{with}", shown(path))
}

/// Everything that goes to the terminal.
fn text(
    a: &Compiled,
    b: &Compiled,
    pairing: &Pairing,
    warm_up: Option<&WarmUp>,
    versus: &[Versus],
    sides: &[Sides],
) -> String {
    let style = Style { bold: terminal::coloured(&std::io::stdout()), width: terminal::width(160) };
    let mut out = if a.title == b.title { format!("{}\n", a.title) } else { format!("{} | {}\n", a.title, b.title) };
    out += &warm_up.map_or(String::new(), |warm_up| warm_up_note(warm_up, style.width));
    if a.seed != b.seed {
        out += "The files have different seeds; both sides run with the same one, so that chance is common to them.\n";
    }
    for (side, world) in &pairing.unpaired {
        out += &format!("Not compared: {world} of {}, which has no partner.\n", side.to_uppercase());
    }
    out.push('\n');
    out + &versus_text(versus, sides, style)
}

/// Draws a plot for each pair; returns their names.
fn draw(folder: &Path, title: &str, versus: &[Versus], sides: &[Sides]) -> Result<Vec<String>, Problem> {
    let mut names = Vec::new();
    for (versus, sides) in versus.iter().zip(sides) {
        let drawing = draw_versus(title, versus, sides).map_err(Problem::Draw)?;
        let more = sides.legend.is_some() && names.iter().any(|name| name == drawing.name);
        let name = if more { format!("{}-{}", drawing.name, versus.a) } else { drawing.name.to_owned() };
        files::write_drawing(folder, &name, &drawing)?;
        names.push(name);
    }
    Ok(names)
}
