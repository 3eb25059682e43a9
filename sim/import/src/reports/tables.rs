//! Tables in CSV: Locust's statistics and PostgreSQL's statements.
//!
//! After Locust 2.41 (stats.py, the CSV writers) and PostgreSQL 17 (pg_stat_statements; before 13 the columns are `mean_time` and
//! `stddev_time`).

use std::collections::BTreeMap;

use crate::error::excerpt;
use crate::loads::{LoadClients, LoadLatency, LoadTest};
use crate::numbers::{count, duration};

/// Statements that are told, those with the most time first.
const STATEMENTS_TOLD: usize = 10;

/// Values of a row by the names of their columns.
type TableRow = BTreeMap<String, String>;

/// Rows of a table by the names of its columns, with their lines; or the line that is broken, and why.
fn rows(text: &str) -> Result<Vec<(u64, TableRow)>, (u64, String)> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(text.as_bytes());
    let header = reader.headers().map_err(|error| (1, error.to_string()))?.clone();
    let mut found = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| (error.position().map_or(1, csv::Position::line), error.to_string()))?;
        let line = record.position().map_or(1, csv::Position::line);
        let row = header.iter().zip(record.iter()).map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        found.push((line, row));
    }
    Ok(found)
}

fn number(row: &TableRow, names: &[&str]) -> Option<f64> {
    let text = names.iter().find_map(|name| row.get(*name))?;
    text.parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0)
}

/// Locust's stats.csv; milliseconds.
pub fn locust(text: &str, file: &str) -> Result<LoadTest, (u64, String)> {
    let (mut all, mut classes, mut failed, mut rate) = (None, Vec::new(), 0, 0.0);
    for (line, row) in rows(text)? {
        let n = number(&row, &["Request Count"]).ok_or((line, "its request count is no number".to_owned()))?;
        let shares = [("50%", 0.5), ("75%", 0.75), ("90%", 0.9), ("95%", 0.95), ("99%", 0.99), ("99.9%", 0.999)];
        let latency = LoadLatency {
            n: n as u64,
            mean_ns: number(&row, &["Average Response Time"]).map(|ms| ms * 1e6),
            quantiles: shares.iter().filter_map(|(key, share)| Some((*share, number(&row, &[key])? * 1e6))).collect(),
        };
        let (kind, name) = (row.get("Type").map_or("", String::as_str), row.get("Name").map_or("", String::as_str));
        if name == "Aggregated" {
            failed = number(&row, &["Failure Count"]).unwrap_or(0.0) as u64;
            rate = number(&row, &["Requests/s"]).unwrap_or(0.0);
            all = Some(latency);
        } else {
            classes.push((format!("{kind} {name}"), latency));
        }
    }
    let all = all.filter(|all| all.n > 0).ok_or((1, "it has no `Aggregated` line with requests".to_owned()))?;
    Ok(LoadTest {
        tool: "Locust",
        file: file.to_owned(),
        clients: LoadClients::Unknown,
        sent: all.n,
        failed,
        seconds: (rate > 0.0).then(|| all.n as f64 / rate),
        timeout_s: None,
        keeps_alive: true,
        all,
        classes,
        server_cpu_s: None,
        note: Some(
            "Locust's users are closed clients with pauses between requests (`clients`, `think`); its statistics do not say how many",
        ),
    })
}

/// The most users at once of Locust's stats_history.csv.
pub fn locust_users(text: &str) -> Option<u64> {
    let rows = rows(text).ok()?;
    let users = rows.iter().filter_map(|(_, row)| number(row, &["User Count"]));
    users.reduce(f64::max).filter(|users| *users >= 1.0).map(|users| users as u64)
}

/// What is told of statements: means and deviations, milliseconds in the file.
pub fn statements(text: &str) -> Result<Vec<String>, (u64, String)> {
    let mut found: Vec<(f64, String)> = Vec::new();
    for (line, row) in rows(text)? {
        let calls = number(&row, &["calls"]).ok_or((line, "its calls are no number".to_owned()))?;
        let mean =
            number(&row, &["mean_exec_time", "mean_time"]).ok_or((line, "it has no mean_exec_time".to_owned()))?;
        let deviation = number(&row, &["stddev_exec_time", "stddev_time"]);
        let query = excerpt(row.get("query").map_or("", String::as_str).as_bytes());
        let spread = deviation.map_or(String::new(), |ms| format!(", deviation {}", duration(ms * 1e6)));
        let error = deviation
            .map_or(String::new(), |ms| format!(", mean +- {}", duration(1.96e6 * ms / libm::sqrt(calls.max(1.0)))));
        found.push((
            calls * mean,
            format!(
                "`{query}`: {} calls, mean {} inside of the database{spread}{error}",
                count(calls as u64),
                duration(mean * 1e6)
            ),
        ));
    }
    if found.is_empty() {
        return Err((1, "it has no statements".to_owned()));
    }
    found.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    Ok(found.into_iter().take(STATEMENTS_TOLD).map(|(_, told)| told).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locusts_statistics_have_classes_and_a_sum() {
        let text = "Type,Name,Request Count,Failure Count,Median Response Time,Average Response Time,Requests/s,50%,95%,99%\n\
                    GET,/product,80,0,5,6,8,5,20,40\n,Aggregated,100,2,6,9,10,6,60,90\n";
        let load = locust(text, "stats.csv").unwrap();
        assert_eq!((load.sent, load.failed, load.seconds), (100, 2, Some(10.0)));
        assert_eq!((load.classes[0].0.as_str(), load.all.median_ns()), ("GET /product", Some(6e6)));
        assert_eq!(locust("Name,Request Count\nx,many\n", "x"), Err((2, "its request count is no number".to_owned())));
        assert_eq!(locust_users("Timestamp,User Count,Name\n1,5,a\n2,50,a\n"), Some(50));
    }

    #[test]
    fn statements_are_told_by_their_time() {
        let text = "query,calls,mean_exec_time,stddev_exec_time\n\"select 1,\n2\",1000,0.5,0.1\nselect 3,10,400,20\n";
        let told = statements(text).unwrap();
        assert!(
            told[0].starts_with("`select 3`: 10 calls, mean 400ms inside of the database, deviation 20ms"),
            "{told:?}"
        );
        assert_eq!(statements("query,calls\nx,1\n"), Err((2, "it has no mean_exec_time".to_owned())));
    }
}
