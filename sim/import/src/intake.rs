//! Taking files in: each is known by its content and read in pieces; what it says is added to what the others said.

use serde_json::Value;

use crate::error::{ImportError, SpoiltLines};
use crate::lines::{CutLine, LineCutter};
use crate::loads::{LoadTest, measured};
use crate::logs::{AccessEvidence, AccessFormat, DurationUnit, LineStyleFound};
use crate::nature::{FileNature, nature_of};
use crate::reports::{ReportFacts, ReportForm};
use crate::settings::{self, NginxSays, ServingWorld};
use crate::traces::{TraceEvidence, TraceForm, spans_of};

/// Bytes of a file that has to be read whole.
pub const WHOLE_MAX: usize = 256 * 1024 * 1024;

/// What was said about the files beside them.
#[derive(Clone, Debug, Default)]
pub struct IntakeOptions {
    /// The format of access logs.
    pub log_format: Option<AccessFormat>,
    /// The unit of durations that have none.
    pub duration_unit: Option<DurationUnit>,
    /// Cores of a server.
    pub cores: Option<u32>,
}

/// What became of a file.
#[derive(Clone, Debug)]
pub struct FileReport {
    /// Its name.
    pub file: String,
    /// What it was taken for.
    pub nature: &'static str,
    /// Lines, or things, that were used.
    pub used: u64,
    /// Lines in all.
    pub lines: u64,
    /// Those that could not be used.
    pub spoilt: SpoiltLines,
}

/// Everything that the files said so far.
#[derive(Clone, Debug, Default)]
pub struct Intake {
    /// What was said beside them.
    pub options: IntakeOptions,
    /// Access logs.
    pub access: AccessEvidence,
    /// Traces.
    pub traces: TraceEvidence,
    /// Ways to serve.
    pub worlds: Vec<ServingWorld>,
    /// Configuration files of gunicorn, which lie under its commands.
    pub confs: Vec<ServingWorld>,
    /// What nginx.conf said.
    pub nginx: NginxSays,
    /// Load tests.
    pub loads: Vec<LoadTest>,
    /// Metrics, statements, profiles.
    pub facts: ReportFacts,
    /// Every file.
    pub files: Vec<FileReport>,
}

/// A file that is being taken in.
pub struct FileIntake {
    file: String,
    nature: FileNature,
    cutter: LineCutter,
    spoilt: SpoiltLines,
    used: u64,
    whole: Vec<u8>,
    too_large: bool,
}

impl Intake {
    /// Nothing yet.
    pub fn new(options: IntakeOptions) -> Intake {
        Intake { options, ..Intake::default() }
    }

    /// Formats of access logs that were said or found so far, the surest first.
    pub fn formats(&self) -> Vec<AccessFormat> {
        let found = self.confs.iter().chain(&self.worlds).filter_map(|world| world.log_format.as_deref());
        let nginx = self.nginx.format().into_iter().chain(self.nginx.formats.iter().map(|(_, format)| format.as_str()));
        let found = nginx.chain(found).filter_map(|format| AccessFormat::of(format).ok());
        self.options.log_format.iter().cloned().chain(found).collect()
    }

    /// Begins a file by its first bytes; they are to be fed all the same.
    ///
    /// # Errors
    /// If it is empty, or nothing that is known.
    pub fn begin(&self, file: &str, head: &[u8]) -> Result<FileIntake, ImportError> {
        let nature = nature_of(file, head, &self.formats())?;
        Ok(FileIntake {
            file: file.to_owned(),
            nature,
            cutter: LineCutter::default(),
            spoilt: SpoiltLines::default(),
            used: 0,
            whole: Vec::new(),
            too_large: false,
        })
    }

    /// Takes a piece of a file.
    pub fn feed(&mut self, at: &mut FileIntake, piece: &[u8]) {
        let mut cutter = std::mem::take(&mut at.cutter);
        match &at.nature {
            FileNature::AccessLog(style) => {
                let style = style.clone();
                cutter.feed(piece, |line, cut| self.log_line(at, &style, line, cut));
            }
            FileNature::TraceLines => cutter.feed(piece, |line, cut| self.trace_line(at, line, cut)),
            FileNature::Report(form) if form.is_lines() => {
                let form = *form;
                cutter.feed(piece, |line, cut| self.report_line(at, form, line, cut));
            }
            _ => {
                let room = WHOLE_MAX - at.whole.len();
                at.too_large |= piece.len() > room;
                at.whole.extend_from_slice(&piece[..piece.len().min(room)]);
            }
        }
        at.cutter = cutter;
    }

    /// Ends a file.
    ///
    /// # Errors
    /// If nothing in it could be used, or what it says cannot be.
    pub fn end(&mut self, mut at: FileIntake) -> Result<(), ImportError> {
        let mut cutter = std::mem::take(&mut at.cutter);
        match at.nature.clone() {
            FileNature::AccessLog(style) => {
                cutter.end(|line, cut| self.log_line(&mut at, &style, line, cut));
                self.check_log(&at)?;
                self.access.files.push(at.file.clone());
            }
            FileNature::TraceLines => {
                cutter.end(|line, cut| self.trace_line(&mut at, line, cut));
                self.traces.files.push(at.file.clone());
            }
            FileNature::Report(form) if form.is_lines() => {
                cutter.end(|line, cut| self.report_line(&mut at, form, line, cut));
                self.loads.extend(self.facts.close_lines(form, &at.file));
            }
            nature => self.end_whole(&mut at, &nature)?,
        }
        let lines = cutter.lines().max(at.used);
        if at.used == 0 {
            let hint = "nothing of it says anything that a scenario needs";
            return Err(ImportError::NothingUsable {
                file: at.file,
                nature: at.nature.name(),
                lines,
                example: at.spoilt.example(),
                hint: if at.spoilt.count() > 0 { "look at that line" } else { hint },
            });
        }
        self.files.push(FileReport {
            file: at.file,
            nature: at.nature.name(),
            used: at.used,
            lines,
            spoilt: at.spoilt,
        });
        Ok(())
    }

    /// Ends all: what was open is put together, and configuration files are laid under commands.
    pub fn close(&mut self) {
        self.traces.close();
        for conf in std::mem::take(&mut self.confs) {
            let commands = self.worlds.iter_mut().filter(|world| world.worker.starts_with("gunicorn"));
            let mut applied = false;
            for world in commands {
                settings::apply_conf(world, &conf);
                applied = true;
            }
            if !applied {
                let mut world = conf;
                if world.worker.is_empty() {
                    world.worker = "gunicorn-sync";
                }
                world.settle();
                self.worlds.push(world);
            }
        }
    }

    fn log_line(&mut self, at: &mut FileIntake, style: &LineStyleFound, line: u64, cut: CutLine<'_>) {
        let text = match cut {
            CutLine::Whole(text) => text,
            CutLine::TooLong(text) => return at.spoilt.add("it is too long", line, text),
        };
        if text.trim_ascii().is_empty() {
            return;
        }
        match style.read(text, self.options.duration_unit) {
            Ok(read) => {
                at.used += 1;
                self.access.add(&read);
            }
            Err(reason) => at.spoilt.add(reason, line, text),
        }
    }

    /// Durations that cannot be: most of a day, in the median, are a wrong unit.
    fn check_log(&self, at: &FileIntake) -> Result<(), ImportError> {
        let median = self.access.took().quantile(0.5).unwrap_or(0.0);
        if median < 3_600e9 {
            return Ok(());
        }
        Err(ImportError::At {
            file: at.file.clone(),
            line: 1,
            what: format!("half of all requests took more than {}: that is a wrong unit", crate::numbers::duration(median)),
            hint: "in gunicorn's format %(L)s is seconds, %(M)s milliseconds, %(D)s microseconds; for JSON say --duration-unit".to_owned(),
        })
    }

    fn trace_line(&mut self, at: &mut FileIntake, line: u64, cut: CutLine<'_>) {
        let text = match cut {
            CutLine::Whole(text) => text,
            CutLine::TooLong(text) => return at.spoilt.add("it is too long", line, text),
        };
        if text.trim_ascii().is_empty() {
            return;
        }
        match serde_json::from_slice::<Value>(text) {
            Ok(value) => {
                self.spans(at, &value, line, text);
            }
            Err(_) => at.spoilt.add("it is no whole JSON object", line, text),
        }
    }

    fn spans(&mut self, at: &mut FileIntake, value: &Value, line: u64, text: &[u8]) -> bool {
        let Some(form) = TraceForm::of(value) else {
            at.spoilt.add("it has no spans", line, text);
            return false;
        };
        let (traces, used, spoilt) = (&mut self.traces, &mut at.used, &mut at.spoilt);
        let mut give = |span| {
            *used += 1;
            traces.add(span);
        };
        spans_of(value, form, &mut give, &mut |reason| spoilt.add(reason, line, text));
        true
    }

    fn report_line(&mut self, at: &mut FileIntake, form: ReportForm, line: u64, cut: CutLine<'_>) {
        let (CutLine::Whole(text) | CutLine::TooLong(text)) = cut;
        match self.facts.line(form, text) {
            Ok(used) => at.used += u64::from(used),
            Err(reason) => at.spoilt.add(reason, line, text),
        }
    }

    fn end_whole(&mut self, at: &mut FileIntake, nature: &FileNature) -> Result<(), ImportError> {
        let problem = |line: u64, what: String, hint: &str| ImportError::At {
            file: at.file.clone(),
            line,
            what,
            hint: hint.to_owned(),
        };
        if at.too_large {
            let hint = "write it a line a document (OTLP's file exporter does), which is read in constant memory";
            return Err(problem(1, format!("it is one document of more than {WHOLE_MAX} bytes"), hint));
        }
        let bytes = std::mem::take(&mut at.whole);
        if *nature == FileNature::JsonDocument {
            return self.json_document(at, &bytes);
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        match nature {
            FileNature::GunicornConf => {
                self.confs.extend(settings::gunicorn_conf(&text, &at.file, self.options.cores));
                at.used += 1;
            }
            FileNature::UwsgiIni => {
                let world = settings::uwsgi_ini(&text, &at.file);
                at.used += u64::from(world.is_some());
                self.worlds.extend(world);
            }
            FileNature::Manifest => {
                let found = settings::manifests(&text, &at.file)
                    .map_err(|(line, what)| problem(line, what, "mend it, or leave it out"))?;
                let found = found.unwrap_or_default();
                at.used += found.len() as u64;
                if found.is_empty() {
                    let hint = "a service needs a `command` with gunicorn, uwsgi, uvicorn, hypercorn or granian; an image's own CMD is not seen here: say it with --world";
                    return Err(problem(1, "it starts no server that presets know".to_owned(), hint));
                }
                self.worlds.extend(found);
            }
            FileNature::NginxConf => {
                self.nginx = settings::nginx_conf(&text, &at.file).unwrap_or_default();
                at.used += 1;
            }
            FileNature::Commands => {
                let found = settings::commands_of(&text, &at.file);
                at.used += found.len() as u64;
                self.worlds.extend(found);
            }
            FileNature::Report(form) => {
                let load =
                    self.facts.whole(*form, &text, &at.file).map_err(|(line, what, hint)| problem(line, what, hint))?;
                self.loads.extend(load);
                at.used += 1;
            }
            FileNature::AccessLog(_) | FileNature::TraceLines | FileNature::JsonDocument => {}
        }
        Ok(())
    }

    /// One document, or several one after the other: traces, or a report.
    fn json_document(&mut self, at: &mut FileIntake, bytes: &[u8]) -> Result<(), ImportError> {
        for value in serde_json::Deserializer::from_slice(bytes).into_iter::<Value>() {
            let value = value.map_err(|error| ImportError::At {
                file: at.file.clone(),
                line: error.line() as u64,
                what: format!("the JSON ends or breaks here: {error}"),
                hint: "is the file whole?".to_owned(),
            })?;
            let report = measured(&value, &at.file).or_else(|| self.facts.json_report(&value, &at.file));
            if let Some(load) = report {
                self.loads.push(load);
                at.used += 1;
            } else if self.spans(at, &value, 1, b"{") && !self.traces.files.contains(&at.file) {
                self.traces.files.push(at.file.clone());
            }
        }
        Ok(())
    }
}
