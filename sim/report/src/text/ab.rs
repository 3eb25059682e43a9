//! The report of ApacheBench for a simulated run, line for line, so that both can be laid side by side.
//!
//! Follows `output_results` of httpd 2.4's `support/ab.c`; its lines on server software, document and connection times
//! are left out, for there are none. Where `ab` would abort a test, at a time-out, the simulated one goes on;
//! a read time-out or a reset then counts as `ab -r` counts a receive error: as complete and failed.

use std::fmt::Write;

use engine::record::{Ending, RunRecord};
use engine::time::Span;

/// Percentages that `ab` tells about.
const PERCENTS: [u64; 9] = [50, 66, 75, 80, 90, 95, 98, 99, 100];

/// Writes the report of one run of `concurrency` closed clients that began at the start of the run.
///
/// The percentages are of good responses, the only ones whose latency is kept, and right within 0.1 %.
pub fn ab_block(record: &RunRecord, concurrency: u32) -> String {
    let ending = |ending: Ending| record.endings[ending as usize];
    let receive = ending(Ending::ReadTimeout) + ending(Ending::Reset);
    let done = ending(Ending::Ok) + ending(Ending::Failed) + receive;
    let connect = ending(Ending::ConnectTimeout) + ending(Ending::Refused) + ending(Ending::NoPort);
    let exceptions = ending(Ending::GaveUp) + ending(Ending::Unfinished);
    let bad = ending(Ending::Failed) + receive + connect + exceptions;
    let bytes: u64 = record.classes.iter().map(|class| class.bytes).sum();
    let html_bytes: u64 = record.classes.iter().map(|class| class.body_bytes).sum();
    let seconds = record.finished.as_secs_f64();

    let mut text = String::new();
    let mut line = |label: &str, value: String| {
        let width = if label.starts_with(' ') { 0 } else { 23 };
        writeln!(text, "{label:<width$} {value}").expect("writing to a string cannot fail");
    };
    line("Concurrency Level:", concurrency.to_string());
    line("Time taken for tests:", format!("{seconds:.3} seconds"));
    line("Complete requests:", done.to_string());
    line("Failed requests:", bad.to_string());
    if bad > 0 {
        // An error page differs in length from the document, and that is how ab sees that it is none.
        let length = ending(Ending::Failed);
        line("   (Connect:", format!("{connect}, Receive: {receive}, Length: {length}, Exceptions: {exceptions})"));
    }
    if ending(Ending::Failed) > 0 {
        line("Non-2xx responses:", ending(Ending::Failed).to_string());
    }
    line("Total transferred:", format!("{bytes} bytes"));
    line("HTML transferred:", format!("{html_bytes} bytes"));
    if seconds > 0.0 && done > 0 {
        let done = done as f64;
        let (each_ms, all_ms) = (f64::from(concurrency) * seconds * 1e3 / done, seconds * 1e3 / done);
        line("Requests per second:", format!("{:.2} [#/sec] (mean)", done / seconds));
        line("Time per request:", format!("{each_ms:.3} [ms] (mean)"));
        line("Time per request:", format!("{all_ms:.3} [ms] (mean, across all concurrent requests)"));
        line("Transfer rate:", format!("{:.2} [Kbytes/sec] received", bytes as f64 / 1024.0 / seconds));
    }
    text.push_str(&percentages(record));
    text
}

/// The block of percentages; nothing for fewer than two responses.
fn percentages(record: &RunRecord) -> String {
    let count = record.latency.count();
    if count < 2 {
        return String::new();
    }
    let mut text = "\nPercentage of the requests served within a certain time (ms)\n".to_owned();
    for percent in PERCENTS {
        // ab takes element count * percent / 100 of the sorted times, counted from zero; half a rank below the next
        // one, so that no rounding of the quotient can slip to a neighbour.
        let rank = (count * percent / 100 + 1).min(count);
        let share = if percent == 100 { 1.0 } else { (rank as f64 - 0.5) / count as f64 };
        let ms = rounded_ms(record.latency.quantile(share).unwrap_or(Span::ZERO));
        let mark = if percent == 100 { " (longest request)" } else { "" };
        writeln!(text, "{:>5}  {ms:>5}{mark}", format!("{percent}%")).expect("writing to a string cannot fail");
    }
    text
}

/// Milliseconds as `ab` rounds them, from its microseconds.
fn rounded_ms(span: Span) -> u64 {
    (span.as_ns() / 1_000 + 500) / 1_000
}

#[cfg(test)]
mod tests {
    use engine::time::Time;
    use lab::fixtures;

    use super::*;

    fn record(finished_ns: u64, latencies_ms: &[u64]) -> RunRecord {
        let class = fixtures::class("hello", latencies_ms, 1);
        let mut record = fixtures::with_classes("threads", 0, vec![class]);
        record.finished = Time::from_ns(finished_ns);
        record
    }

    #[test]
    fn the_published_block_comes_out_as_published() {
        // Field report 001: ab -c 10 -n 100, ten threads, a page that sleeps a second.
        let text = ab_block(&record(10_097_510_000, &[1_005; 100]), 10);
        let published = "\
Concurrency Level:      10
Time taken for tests:   10.098 seconds
Complete requests:      100
Failed requests:        0
Total transferred:      9100 bytes
HTML transferred:       1200 bytes
Requests per second:    9.90 [#/sec] (mean)
Time per request:       1009.751 [ms] (mean)
Time per request:       100.975 [ms] (mean, across all concurrent requests)
Transfer rate:          0.88 [Kbytes/sec] received
";
        assert_eq!(text.split_once("\n\n").unwrap().0.to_owned() + "\n", published);
    }

    #[test]
    fn percentages_are_those_of_sorted_times() {
        let times: Vec<u64> = (1..=200).rev().collect();
        let text = ab_block(&record(1_000_000_000, &times), 10);
        let expected = "\
Percentage of the requests served within a certain time (ms)
  50%    101
  66%    133
  75%    151
  80%    161
  90%    181
  95%    191
  98%    197
  99%    199
 100%    200 (longest request)
";
        assert_eq!(text.split_once("\n\n").unwrap().1, expected);
    }

    #[test]
    fn failures_are_told_by_cause() {
        let mut record = record(2_000_000_000, &[5; 90]);
        record.endings = [90, 4, 3, 2, 0, 0, 0, 0, 1];
        let text = ab_block(&record, 10);
        let expected = "\
Complete requests:      96
Failed requests:        10
   (Connect: 3, Receive: 2, Length: 4, Exceptions: 1)
Non-2xx responses:      4
";
        assert!(text.contains(expected), "{text}");
    }

    #[test]
    fn a_test_without_responses_has_no_rates() {
        let text = ab_block(&record(0, &[]), 10);
        assert!(text.ends_with("HTML transferred:       0 bytes\n"), "{text}");
    }
}
