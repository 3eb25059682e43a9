//! Documents of results on their way to and from the disk: what a run leaves in them, and how they are read again.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use lab::{RunSettings, Target};
use report::json::read::{AskedPrecision, DOCUMENT_BYTES, FileBeside, ResultDoc, ResultError, ResultSource};
use report::words::printable;
use scenario::Override;

use crate::arguments::parse_overrides;
use crate::files::shown;
use crate::problem::Problem;

/// Everything that it takes to run again what is run.
pub fn source(
    file: &Path,
    set: &[String],
    settings: &RunSettings,
    target: Option<&Target>,
    text: &str,
    files: Vec<FileBeside>,
) -> ResultSource {
    let asked = |target: &Target| AskedPrecision {
        share: target.share,
        figures: target.figures.iter().map(|figure| figure.name.to_owned()).collect(),
        max_replications: target.most,
    };
    ResultSource {
        file: file.file_name().unwrap_or(OsStr::new("-")).to_string_lossy().into_owned(),
        set: set.to_vec(),
        seed: settings.seed.0,
        replications: settings.replications,
        precision: target.map(asked),
        scenario: text.to_owned(),
        files,
    }
}

/// What was laid over the scenario of a document.
pub fn overrides(source: &ResultSource) -> Result<Vec<Override>, Problem> {
    parse_overrides(&source.set).map_err(|problem| match problem {
        Problem::Usage(text) => Problem::Usage(printable(&text)),
        other => other,
    })
}

/// Reads a document of results; `-` is standard input. Returns its text, too.
pub fn read(path: &Path) -> Result<(String, ResultDoc), Problem> {
    let mut bytes = Vec::new();
    let most = DOCUMENT_BYTES as u64 + 1;
    let read = match path == Path::new("-") {
        true => io::stdin().take(most).read_to_end(&mut bytes),
        false => File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes)),
    };
    read.map_err(|source| Problem::Read { path: path.to_owned(), source })?;
    let text = if bytes.len() > DOCUMENT_BYTES {
        Err(ResultError::TooLarge.to_string())
    } else {
        String::from_utf8(bytes).map_err(|_| "this is not JSON: it is not even text in UTF-8".to_owned())
    };
    let read = text.and_then(|text| match report::json::read::read(&text) {
        Ok(document) => Ok((text, document)),
        Err(error) => Err(error.to_string()),
    });
    read.map_err(|why| Problem::Usage(format!("{}: {}", shown(path), printable(&why))))
}
