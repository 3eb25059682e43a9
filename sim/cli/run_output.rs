//! The forms in which `tailback run` shows what came of it: tables for people, and what programs and pages read.

use lab::{WorldResult, world_series};
use report::data::csv::csv;
use report::data::figures::figures_table;
use report::json::{Beside, results_json_with};
use report::markdown::{Again, markdown};
use report::text::attainable::unattainable_text;
use report::text::notes::{assumed_text, precision_note, warm_up_note};
use report::text::overload::overload_text;
use report::text::plot::{PlotStyle, plots};
use report::text::slo::verdicts;
use report::text::{Style, ab::ab_block, table::comparison_table, theory::theory_text};
use scenario::Compiled;

use crate::drawings::shades;
use crate::page::Origin;
use crate::problem::Problem;
use crate::session::Session;
use crate::terminal;

/// Columns of a table at most.
const WIDEST: usize = 160;

/// A form of the results; their help is in one line with the flag.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub enum Form {
    Table,
    Ab,
    Json,
    Csv,
    Markdown,
}

/// What `run` shows of a session.
pub struct RunOutput<'a> {
    /// What was run, and what came of it.
    pub session: &'a Session,
    /// What is told beside the numbers.
    pub beside: &'a Beside<'a>,
    /// Where it comes from.
    pub origin: &'a Origin<'a>,
}

impl Form {
    /// Refuses, before long work, what a form cannot show.
    pub fn check(self, compiled: &Compiled, plot: bool) -> Result<(), Problem> {
        if plot && self != Form::Table {
            let text = "--plot draws beneath the table; leave out --format and --json";
            return Err(Problem::Usage(text.to_owned()));
        }
        if self == Form::Ab && compiled.concurrency.is_none() {
            // ab's times per request are its clients times the seconds over the requests: without a fixed number of clients that
            // wait, there is nothing that these lines could say.
            let text = "--format ab: ab is a fixed number of clients that wait for their responses, and here some come by themselves; \
                        take --format table, or give every client `clients` instead of a rate";
            return Err(Problem::Usage(text.to_owned()));
        }
        Ok(())
    }
}

impl RunOutput<'_> {
    /// The text of a form; `plot` adds the small plots to a table.
    pub fn text(&self, form: Form, plot: bool) -> String {
        match form {
            Form::Table => self.tables() + &if plot { self.plots() } else { String::new() },
            Form::Ab => self.ab_blocks().trim_end().to_owned() + "\n",
            Form::Json => {
                let about = self.session.about(env!("CARGO_PKG_VERSION"));
                results_json_with(&about, &self.session.results, &self.session.comparison, self.beside)
            }
            Form::Csv => csv(&figures_table(&self.session.comparison)),
            Form::Markdown => {
                let question = self.session.compiled.question.as_deref();
                markdown(&self.session.compiled.title, question, &self.session.comparison, self.beside, &self.again())
            }
        }
    }

    fn again(&self) -> Again<'_> {
        let (seed, replications) = (self.session.settings.seed.0, self.session.settings.replications);
        let file = self.origin.file.to_str().unwrap_or("SCENARIO.toml");
        Again { version: env!("CARGO_PKG_VERSION"), file, set: self.origin.set, seed, replications }
    }

    /// ab's report of the first run of every world; nothing where not everybody waits for responses.
    fn ab_blocks(&self) -> String {
        let Some(concurrency) = self.session.compiled.concurrency else { return String::new() };
        let block = |world: &WorldResult| {
            format!("{}\n{}\n\n", world.name, ab_block(&world.records[0], concurrency).trim_end())
        };
        self.session.results.iter().map(block).collect()
    }

    /// Everything that goes to a terminal: title, ab's block where there is a closed client, the comparison, theory, verdicts.
    fn tables(&self) -> String {
        let style = Style { bold: terminal::coloured(&std::io::stdout()), width: terminal::width(WIDEST) };
        let beside = self.beside;
        let mut out =
            overload_text(&self.session.comparison, style.width) + &format!("{}\n", self.session.compiled.title);
        if let Some(question) = &self.session.compiled.question {
            out += &format!("{question}\n");
        }
        out += &assumed_text(&self.session.compiled.assumed, style.width);
        out += &beside.warm_up.map_or(String::new(), |warm_up| warm_up_note(warm_up, style.width));
        out.push('\n');
        out += &unattainable_text(beside.unattainable, style.width);
        out += &self.ab_blocks();
        out += &comparison_table(&self.session.comparison, style);
        out += &format!("\n{}", theory_text(beside.theory, style.width));
        if let Some(judged) = beside.slo {
            out += &format!("\n{}", verdicts(judged, style.width));
        }
        if let Some(precision) = beside.precision {
            out += &format!("\n{}", precision_note(precision, style.width));
        }
        out
    }

    fn plots(&self) -> String {
        let series: Vec<_> = self.session.results.iter().map(|world| world_series(&world.records)).collect();
        let colour = terminal::coloured(&std::io::stdout());
        let look = PlotStyle { width: terminal::width(WIDEST), colour, unicode: terminal::speaks_unicode() };
        format!("\n{}", plots(&series, &shades(&self.session.compiled), look))
    }
}
