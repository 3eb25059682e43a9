//! `tailback import`: from logs, traces, load tests and configuration to a scenario.

mod pilots;

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use import::draft::{Calibration, DraftOptions, ScenarioDraft, draft};
use import::logs::{AccessFormat, DurationUnit};
use import::{FileReport, HEAD_BYTES, ImportError, Intake, IntakeOptions, nature_of, settings};
use indicatif::ProgressBar;

use crate::files::{self, shown};
use crate::problem::Problem;
use crate::terminal;

/// Bytes that are read at once.
const PIECE: usize = 1024 * 1024;

/// What to read, and what no file says.
#[derive(clap::Args)]
pub struct Args {
    /// Access logs, traces, load tests, metrics and configuration: known by their content, whatever they are called
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Where the scenario goes; files of its laws go beside it
    #[arg(long, value_name = "FILE", default_value = "imported.toml")]
    out: PathBuf,
    /// Write over an existing file
    #[arg(long)]
    force: bool,
    /// Format of access logs: nginx's log_format, gunicorn's access_log_format, uWSGI's log-format or Apache's LogFormat
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<String>,
    /// Unit of durations in JSON logs whose keys do not say it
    #[arg(long, value_name = "UNIT", value_parser = unit)]
    duration_unit: Option<DurationUnit>,
    /// A server's command, as '[NAME=]gunicorn --workers 2 app:app'; the first one is what was measured
    #[arg(long, value_name = "COMMAND")]
    world: Vec<String>,
    /// Cores of a server
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1_024))]
    cores: Option<u32>,
    /// Connections in the pool of each process
    #[arg(long, value_name = "UNITS", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pool: Option<u32>,
    /// The load that is asked about, if it is another one than was measured: requests a second
    #[arg(long, value_name = "RATE", value_parser = rate)]
    rate: Option<f64>,
    /// CPU seconds that all server processes used while the log was written
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    server_cpu: Option<f64>,
    /// Service of a distributed trace [default: the busiest]
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// Title of the scenario [default: the name of its file]
    #[arg(long)]
    title: Option<String>,
    /// Leave out the runs that find what of the measured CPU time and latency neither spans nor presets explain
    #[arg(long)]
    no_pilots: bool,
}

fn unit(text: &str) -> Result<DurationUnit, String> {
    let ns = match text {
        "s" => 1_000_000_000,
        "ms" => 1_000_000,
        "us" => 1_000,
        "ns" => 1,
        _ => return Err("write s, ms, us or ns".to_owned()),
    };
    Ok(DurationUnit { ns })
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds = text.trim_end_matches('s').parse::<f64>().ok();
    seconds
        .filter(|seconds| *seconds > 0.0 && seconds.is_finite())
        .ok_or_else(|| "write seconds above zero, such as 2.38".to_owned())
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.trim().trim_end_matches("/s").parse::<f64>().ok();
    rate.filter(|rate| (0.001..=1e7).contains(rate)).ok_or_else(|| "write requests a second, such as 60/s".to_owned())
}

/// Reads all files, and writes the scenario and its laws.
pub fn import(args: &Args) -> Result<(), Problem> {
    let is_toml = args.out.extension().is_some_and(|extension| extension == "toml");
    if !is_toml {
        return Err(Problem::Usage(format!("--out {}: a scenario's name ends in .toml", shown(&args.out))));
    }
    if args.out.exists() && !args.force {
        let text =
            format!("{} exists; choose another name with --out, or write over it with --force", shown(&args.out));
        return Err(Problem::Usage(text));
    }
    let mut intake = Intake::new(intake_options(args)?);
    for (at, world) in args.world.iter().enumerate() {
        intake.worlds.push(world_of(world, at)?);
    }
    read_all(&args.files, &mut intake)?;
    intake.close();
    let stem = args.out.file_stem().map_or("imported".into(), |stem| stem.to_string_lossy());
    let options = DraftOptions {
        title: args.title.clone().unwrap_or_else(|| stem.clone().into_owned()),
        service: args.service.clone(),
        pool: args.pool,
        prefix: format!("{stem}-"),
        server_cpu_s: args.server_cpu,
    };
    let write = |calibration: &Calibration| draft(&intake, &options, calibration).map_err(problem);
    let first = write(&Calibration::default())?;
    let pilots = if args.no_pilots { None } else { pilots::calibrate(&first, &write)? };
    let mut calibration = pilots.unwrap_or_default();
    if let Some(rate) = args.rate {
        pilots::at_rate(&mut calibration, &first, rate)?;
    }
    let found = write(&calibration)?;
    // What is written is a scenario without mistakes, or nothing is.
    pilots::compiled(&found)?;
    write_files(args, &found)?;
    files::print(&summary(args, &intake, &found, &calibration))
}

fn problem(error: ImportError) -> Problem {
    Problem::Usage(error.to_string())
}

fn intake_options(args: &Args) -> Result<IntakeOptions, Problem> {
    let compile = |format: &String| {
        AccessFormat::of(format).map_err(|what| problem(ImportError::Format { format: format.clone(), what }))
    };
    let log_format = args.log_format.as_ref().map(compile).transpose()?;
    Ok(IntakeOptions { log_format, duration_unit: args.duration_unit, cores: args.cores })
}

fn world_of(text: &str, at: usize) -> Result<settings::ServingWorld, Problem> {
    let is_name =
        |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    let (name, command) = match text.split_once('=') {
        Some((name, command)) if is_name(name) && name.to_ascii_uppercase() != name => (name, command),
        Some(_) | None => (if at == 0 { "today" } else { "other" }, text),
    };
    let mut world = settings::world_of_command(command, "--world").ok_or_else(|| {
        let known = "gunicorn, uwsgi, uvicorn, hypercorn or granian";
        Problem::Usage(format!("--world {text}: it starts no server that presets know; write a command of {known}"))
    })?;
    name.clone_into(&mut world.name);
    Ok(world)
}

/// Configuration first, for it says how logs are to be read; otherwise in the order in which they were named.
fn read_all(paths: &[PathBuf], intake: &mut Intake) -> Result<(), Problem> {
    let mut heads = Vec::new();
    for path in paths {
        let name = shown(path);
        let head = head_of(path)?;
        // A log that is known only by a format of a file that comes later is looked at again when its turn comes.
        let first = nature_of(&name, &head, &intake.formats()).is_ok_and(|nature| nature.is_configuration());
        heads.push((!first, path, name, head));
    }
    heads.sort_by_key(|(later, ..)| *later);
    let bytes = paths.iter().filter_map(|path| fs::metadata(path).ok()).map(|metadata| metadata.len()).sum();
    let bar = terminal::bar("{bytes} of {total_bytes}, {bytes_per_sec}, about {eta} to go", bytes);
    for (_, path, name, head) in heads {
        bar.set_message(name.clone());
        read_one(path, &name, &head, intake, &bar)?;
    }
    bar.finish_and_clear();
    Ok(())
}

fn head_of(path: &Path) -> Result<Vec<u8>, Problem> {
    let mut head = Vec::new();
    let read = || -> std::io::Result<()> {
        if fs::metadata(path)?.is_dir() {
            return Err(std::io::Error::other("it is a folder; name its files"));
        }
        fs::File::open(path)?.take(HEAD_BYTES as u64).read_to_end(&mut head)?;
        Ok(())
    };
    let mut read = read;
    read().map_err(|source| Problem::Read { path: path.to_owned(), source })?;
    Ok(head)
}

fn read_one(path: &Path, name: &str, head: &[u8], intake: &mut Intake, bar: &ProgressBar) -> Result<(), Problem> {
    let unreadable = |source| Problem::Read { path: path.to_owned(), source };
    let mut taken = intake.begin(name, head).map_err(problem)?;
    let mut file = fs::File::open(path).map_err(unreadable)?;
    let mut piece = vec![0; PIECE];
    loop {
        let n = file.read(&mut piece).map_err(unreadable)?;
        if n == 0 {
            break;
        }
        intake.feed(&mut taken, &piece[..n]);
        bar.inc(n as u64);
    }
    intake.end(taken).map_err(problem)
}

/// The files of the laws first: a scenario is never there without what it names.
fn write_files(args: &Args, draft: &ScenarioDraft) -> Result<(), Problem> {
    let folder = args.out.parent().unwrap_or(Path::new(""));
    for (name, text) in &draft.files {
        files::write(&folder.join(name), text.as_bytes())?;
    }
    files::write(&args.out, draft.text.as_bytes())
}

fn summary(args: &Args, intake: &Intake, draft: &ScenarioDraft, calibration: &Calibration) -> String {
    let mut out = String::new();
    let wide = intake.files.iter().map(|file| file.file.len()).max().unwrap_or(0);
    for file in &intake.files {
        out += &line_of(file, wide);
    }
    for says in [&calibration.framework_says, &calibration.network_says] {
        if !says.is_empty() {
            out += &format!("Pilot runs: {says}\n");
        }
    }
    let guesses = match draft.text.lines().filter(|line| line.contains("# a guess: ")).count() {
        0 => "No value in it is a guess.".to_owned(),
        1 => "One value is a guess: look for `a guess` in it.".to_owned(),
        guesses => format!("{guesses} values are guesses: look for `a guess` in it."),
    };
    let laws = match draft.files.len() {
        0 => String::new(),
        1 => " and a file of a law beside it".to_owned(),
        laws => format!(" and {laws} files of laws beside it"),
    };
    out += &format!(
        "Wrote {0}{laws}. {guesses}\nCheck it with: tailback check {0}\nRun it with: tailback run {0}\n",
        shown(&args.out)
    );
    out
}

fn line_of(file: &FileReport, wide: usize) -> String {
    let mut line = format!("{:wide$}  {}: {} of {} lines used", file.file, file.nature, file.used, file.lines);
    for (reason, kind) in file.spoilt.reasons() {
        line += &format!(
            "\n{:wide$}    {} not used: {reason}; the first is line {}: `{}`",
            "", kind.count, kind.first_line, kind.excerpt
        );
    }
    line + "\n"
}
