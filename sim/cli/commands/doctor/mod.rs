//! `tailback doctor`: what this program is, what it models and runs on, and whether it simulates here what it simulates elsewhere.

mod self_test;

use std::io::IsTerminal;
use std::thread::available_parallelism;

use report::json::read::{DOCUMENT_BYTES, FORMAT};
use serde::Serialize;

use self_test::Tested;

use crate::files;
use crate::problem::Problem;
use crate::terminal;

/// How to say it.
#[derive(clap::Args)]
pub struct Args {
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// Everything that a report of trouble should have in it.
#[derive(Serialize)]
struct Findings {
    tailback: &'static str,
    os: &'static str,
    arch: &'static str,
    profile: &'static str,
    cores: Option<usize>,
    stdout_is_terminal: bool,
    colour: bool,
    scenario_format: u32,
    result_format: u32,
    models: Vec<Modelled>,
    limits: Vec<Limit>,
    self_test: Vec<Tested>,
    ok: bool,
}

/// Software of an age, whose costs a preset has.
#[derive(Serialize)]
struct Modelled {
    preset: &'static str,
    software: &'static str,
}

#[derive(Serialize)]
struct Limit {
    name: String,
    value: String,
    of: String,
}

/// Looks around, runs the self-test, and says what was found.
pub fn doctor(args: &Args) -> Result<(), Problem> {
    let self_test = self_test::run()?;
    let ok = self_test.iter().all(Tested::is_ok);
    let stdout = std::io::stdout();
    let models = scenario::presets().into_iter().map(|(preset, software)| Modelled { preset, software });
    let findings = Findings {
        tailback: env!("CARGO_PKG_VERSION"),
        os: std::env::consts::OS,
        arch: std::env::consts::ARCH,
        profile: if cfg!(debug_assertions) { "debug" } else { "release" },
        cores: available_parallelism().ok().map(usize::from),
        stdout_is_terminal: stdout.is_terminal(),
        colour: terminal::coloured(&stdout),
        scenario_format: 1,
        result_format: FORMAT,
        models: models.collect(),
        limits: limits(),
        self_test,
        ok,
    };
    if args.json {
        let document = serde_json::to_string_pretty(&findings).expect("strings and numbers can be written");
        files::print(&(document + "\n"))?;
    } else {
        files::print(&findings.text())?;
    }
    if ok { Ok(()) } else { Err(Problem::Differs) }
}

/// The limits of scenarios, and that of results.
fn limits() -> Vec<Limit> {
    let listed = scenario::limits().into_iter();
    let limits = listed.map(|(name, value, of)| Limit { name: name.to_owned(), value, of: of.replace('`', "") });
    let result = Limit {
        name: "result size".to_owned(),
        value: scenario::grouped(DOCUMENT_BYTES as u64),
        of: "bytes of a result that diff and verify read".to_owned(),
    };
    limits.chain([result]).collect()
}

impl Findings {
    fn text(&self) -> String {
        let Findings { tailback, os, arch, profile, scenario_format, result_format, .. } = self;
        let cores = self.cores.map_or("unknown".to_owned(), |cores| cores.to_string());
        let output = match (self.stdout_is_terminal, self.colour) {
            (true, true) => "a terminal, in colour",
            (true, false) => "a terminal, without colour (NO_COLOR)",
            (false, _) => "no terminal, so without colour",
        };
        let mut text = format!(
            "tailback {tailback}\n  platform: {os} {arch}, {profile} build\n  cores: {cores}\n  standard output: {output}\n  \
             formats: scenario {scenario_format}, result {result_format}\n\nModels, by preset\n"
        );
        for Modelled { preset, software } in &self.models {
            text += &format!("  {preset}: {software}\n");
        }
        text += "\nLimits\n";
        let width =
            |of: fn(&Limit) -> &str| self.limits.iter().map(|limit| of(limit).chars().count()).max().unwrap_or(0);
        let (names, values) = (width(|limit| &limit.name), width(|limit| &limit.value));
        for Limit { name, value, of } in &self.limits {
            text += &format!("  {name:<names$}  {value:>values$}  {of}\n");
        }
        text += "\nSelf-test\n";
        for tested in &self.self_test {
            text += &format!("  {tested}\n");
        }
        let runs = self.self_test.len();
        text += &match self.self_test.iter().filter(|tested| !tested.is_ok()).count() {
            0 => format!("OK: all {runs} runs came to the fingerprints that they come to everywhere.\n"),
            differ => format!(
                "{differ} of {runs} runs differ from what they come to everywhere else: do not trust results of this build, and report \
                 what stands above.\n"
            ),
        };
        text
    }
}
