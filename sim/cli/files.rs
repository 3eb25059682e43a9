//! Everything that touches the disk or standard output.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use report::figures::Drawing;
use report::json::read::FileBeside;
use report::words::printable_lines;
use scenario::{Compiled, Diagnostic, Override, Severity};
use tempfile::NamedTempFile;

use crate::problem::Problem;
pub use crate::problem::shown;
use crate::terminal;

/// Bytes of a file that is read: of scenarios the scenario crate allows less, and says so in its own way.
const READ_MAX: u64 = 4 * 1024 * 1024;

/// Writes to standard output. Whoever reads it may have read enough, as in `tailback run ... | head`: what is left to do is done all
/// the same, files are written, and the exit code says what it always says.
pub fn print(text: &str) -> Result<(), Problem> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.map_err(|source| Problem::Write { path: None, source }),
    }
}

/// Says something to who looks on. Nobody may, as in `tailback check bad.toml 2>&1 | true`: that changes no exit code.
pub fn say(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// The text of a file; `-` is standard input. Only a plain file has an end for certain.
pub fn read(path: &Path) -> Result<String, Problem> {
    let problem = |source| Problem::Read { path: path.to_owned(), source };
    if path == Path::new("-") {
        return text_of(io::stdin(), READ_MAX).map_err(problem);
    }
    let kind = fs::metadata(path).map_err(problem)?;
    if !kind.is_file() && !kind.is_dir() {
        return Err(problem(io::Error::other("it is no file; to read from a pipe, write - as its name")));
    }
    fs::File::open(path).and_then(|file| text_of(file, READ_MAX)).map_err(problem)
}

/// What a reader has to say, if it is text and not longer than this.
fn text_of(reader: impl Read, bytes_max: u64) -> io::Result<String> {
    let mut text = String::new();
    reader.take(bytes_max + 1).read_to_string(&mut text)?;
    if text.len() as u64 > bytes_max {
        return Err(io::Error::other(format!("it has more than {bytes_max} bytes")));
    }
    Ok(text)
}

/// The text of a file beside a scenario. Only plain files have an end for certain, and a link that leads out of the scenario's folder
/// is not followed: a file from somebody else reads what lies beside it and nothing more.
pub fn beside(folder: &Path, name: &str) -> io::Result<String> {
    let path = &folder.join(name);
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let home = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    if !fs::canonicalize(path)?.starts_with(fs::canonicalize(home)?) {
        return Err(io::Error::other(
            "it is a link that leads out of the scenario's folder; put the file itself there",
        ));
    }
    text_of(fs::File::open(path)?, scenario::BESIDE_BYTES)
}

/// Writes a file so that it is there whole or not at all.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), Problem> {
    let mut file = begin(path)?;
    // The file itself says what went wrong; around it, the message would name the temporary file.
    file.as_file_mut().write_all(bytes).map_err(|source| Problem::Write { path: Some(path.to_owned()), source })?;
    keep(file, path)
}

/// Begins a file that is in its place only once it is kept; the folder is made if there is none.
pub fn begin(path: &Path) -> Result<NamedTempFile, Problem> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let begin = || {
        fs::create_dir_all(folder)?;
        tempfile::Builder::new().prefix(PARTIAL).tempfile_in(folder)
    };
    begin().map_err(|source| Problem::Write { path: Some(path.to_owned()), source })
}

/// Puts a file that was begun into its place.
pub fn keep(file: NamedTempFile, path: &Path) -> Result<(), Problem> {
    let keep = || {
        file.as_file().sync_all()?;
        // A temporary file is its owner's alone; a result is for everybody whom the folder is for.
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            file.as_file().set_permissions(fs::Permissions::from_mode(0o644))?;
        }
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    keep().map_err(|source: io::Error| Problem::Write { path: Some(path.to_owned()), source })
}

/// How the name of a file begins that is not yet whole.
const PARTIAL: &str = ".tailback-";

/// Removes what writers that were killed left behind in a folder; nobody else may be writing there.
pub fn remove_leftovers(folder: &Path) -> Result<(), Problem> {
    let remove = || -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(PARTIAL) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    };
    remove().map_err(|source| Problem::Write { path: Some(folder.to_owned()), source })
}

/// The files of a folder whose names end so, by name; at least one.
pub fn listed(folder: &Path, ending: &str) -> Result<Vec<PathBuf>, Problem> {
    let problem = |source| Problem::Read { path: folder.to_owned(), source };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(problem)? {
        found.push(entry.map_err(problem)?.path());
    }
    found.retain(|path| path.to_string_lossy().ends_with(ending));
    if found.is_empty() {
        return Err(Problem::Usage(format!("{} holds no NAME{ending}", shown(folder))));
    }
    found.sort();
    Ok(found)
}

/// Writes a drawing in both of its forms, under a name without an ending.
pub fn write_drawing(folder: &Path, name: &str, drawing: &Drawing) -> Result<(), Problem> {
    write(&folder.join(format!("{name}.svg")), drawing.svg.as_bytes())?;
    write(&folder.join(format!("{name}.png")), &drawing.png)
}

/// Where the results of a scenario go if nobody says.
pub fn default_folder(scenario: &Path) -> PathBuf {
    Path::new("out").join(scenario.file_stem().filter(|stem| *stem != "-").unwrap_or("stdin".as_ref()))
}

/// The folder for plots, made sure of before long work: the one that was named, or the default if any are wanted.
pub fn plots_folder(named: Option<&Path>, wanted: bool, scenario: &Path) -> Result<Option<PathBuf>, Problem> {
    let folder = named.map(Path::to_owned).or_else(|| wanted.then(|| default_folder(scenario)));
    if let Some(folder) = &folder {
        prepare(folder)?;
    }
    Ok(folder)
}

/// Makes sure that a folder is there and can be written to, before long work whose results go there.
pub fn prepare(folder: &Path) -> Result<(), Problem> {
    fs::create_dir_all(folder)
        .and_then(|()| tempfile::Builder::new().prefix(PARTIAL).tempfile_in(folder))
        .map(drop)
        .map_err(|source| Problem::Write { path: Some(folder.to_owned()), source })
}

/// Reads and compiles a scenario file; what it warns of goes to standard error.
pub fn compile(path: &Path, overrides: &[Override]) -> Result<Compiled, Problem> {
    compile_with_text(path, overrides).map(|(compiled, _)| compiled)
}

/// The same with the text of the file.
pub fn compile_with_text(path: &Path, overrides: &[Override]) -> Result<(Compiled, String), Problem> {
    compile_with_texts(path, overrides).map(|(compiled, text, _)| (compiled, text))
}

/// The same with the texts of the files that it names, by name.
pub fn compile_with_texts(path: &Path, overrides: &[Override]) -> Result<(Compiled, String, Vec<FileBeside>), Problem> {
    let text = read(path)?;
    let mut beside = BTreeMap::new();
    let mut load = beside_of(path);
    let mut keep = |name: &str| {
        let text = load(name)?;
        beside.insert(name.to_owned(), text.clone());
        Ok(text)
    };
    let (compiled, warnings) = compile_loading(&shown(path), &text, overrides, &mut keep)?;
    say(&warnings);
    let beside = beside.into_iter().map(|(name, text)| FileBeside { name, text }).collect();
    Ok((compiled, text, beside))
}

/// The same without a word: where values are laid over a file on purpose, some of it is not used.
pub fn compile_quietly(path: &Path, overrides: &[Override]) -> Result<Compiled, Problem> {
    compile_with_warnings(path, &read(path)?, overrides).map(|(compiled, _)| compiled)
}

/// A scenario that is compiled many times and read once.
pub struct ScenarioText<'a> {
    pub path: &'a Path,
    /// What is in it.
    pub text: &'a str,
}

impl ScenarioText<'_> {
    /// As [`compile`].
    pub fn compile(&self, overrides: &[Override]) -> Result<Compiled, Problem> {
        let (compiled, warnings) = compile_with_warnings(self.path, self.text, overrides)?;
        say(&warnings);
        Ok(compiled)
    }

    /// As [`compile_quietly`].
    pub fn compile_quietly(&self, overrides: &[Override]) -> Result<Compiled, Problem> {
        compile_with_warnings(self.path, self.text, overrides).map(|(compiled, _)| compiled)
    }
}

fn compile_with_warnings(path: &Path, text: &str, overrides: &[Override]) -> Result<(Compiled, String), Problem> {
    compile_loading(&shown(path), text, overrides, &mut beside_of(path))
}

/// Reads the files beside a scenario.
fn beside_of(scenario: &Path) -> impl FnMut(&str) -> Result<String, String> {
    let folder = scenario.parent().unwrap_or(Path::new("")).to_owned();
    move |file| beside(&folder, file).map_err(|error| error.to_string())
}

/// Compiles a text whose files come from wherever `load` has them; what it warns of is returned as text.
pub fn compile_loading(
    name: &str,
    text: &str,
    overrides: &[Override],
    load: &mut dyn FnMut(&str) -> Result<String, String>,
) -> Result<(Compiled, String), Problem> {
    let compiled = scenario::parse(text, name, overrides).and_then(|parsed| scenario::compile(&parsed, load));
    match compiled {
        Ok(compiled) => {
            let warnings = show(&compiled.warnings, text);
            Ok((compiled, warnings))
        }
        Err(diagnostics) => Err(Problem::Scenario(show(&diagnostics, text))),
    }
}

/// All diagnostics as text, in colour on a terminal, with a count at the end.
pub fn show(diagnostics: &[Diagnostic], text: &str) -> String {
    let shown: Vec<String> = diagnostics.iter().map(|diagnostic| diagnostic.plain(text)).collect();
    let errors = diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).count();
    let mut out = printable_lines(&shown.join("\n"));
    if errors > 0 {
        out += &format!("\n{errors} {}\n", if errors == 1 { "mistake" } else { "mistakes" });
    }
    if terminal::coloured(&io::stderr()) { colour(&out) } else { out }
}

/// Red for what is wrong, yellow for doubts, green for help: line by line, because the layout says which is which.
fn colour(text: &str) -> String {
    let paint = |line: &str| {
        let body = line.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ');
        if let Some(help) = body.strip_prefix("= help:") {
            return format!("{}= \x1b[32mhelp\x1b[0m:{help}", &line[..line.len() - body.len()]);
        }
        if body.starts_with('|') && body.contains('^') {
            let at = line.find('^').expect("it has one");
            return format!("{}\x1b[1;31m{}\x1b[0m", &line[..at], &line[at..]);
        }
        let line = line.replacen(": error: ", ": \x1b[1;31merror\x1b[0m: ", 1);
        // A warning may name its kind: `: warning[lost-update]: `.
        line.replacen(": warning", ": \x1b[1;33mwarning\x1b[0m", 1)
    };
    text.lines().map(|line| paint(line) + "\n").collect()
}
