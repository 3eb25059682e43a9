//! What people see: the command line, results, reports, sweeps.

mod cli;
mod doctor;
mod exports;
mod frozen;
mod report_browser;
mod report_page;
mod results;
mod sweep;
