//! Who comes: the rate of the log or of the load test, whether at random, and what they wait for.

use super::text::{Calibration, ScenarioWriter};
use crate::intake::Intake;
use crate::loads::{LoadClients, LoadTest};
use crate::logs::ArrivalBins;
use crate::numbers::{count, duration, plain};

/// Parts of the time in which the rate is looked at.
const PARTS: u32 = 12;
/// A rate whose parts differ by more than chance explains this many times over is written as a profile.
const PROFILE_DISPERSION: f64 = 4.0;

/// Writes the clients.
pub fn write_clients(out: &mut ScenarioWriter, intake: &Intake, calibration: &Calibration) {
    let load = intake.loads.first();
    let (arrivals, files) = if intake.access.arrivals.rate().is_some() {
        (&intake.access.arrivals, intake.access.files.join(", "))
    } else {
        (&intake.traces.arrivals, intake.traces.files.join(", "))
    };
    out.blank();
    out.table("client.users");
    if let Some(rate) = calibration.rate {
        let measured = arrivals.rate().map_or(String::new(), |rate| format!("; measured were {}/s", plain(rate)));
        out.line(&format!("rate = \"{}\"", rate_text(rate)), &format!("--rate{measured}"));
        return write_way(out, load, calibration);
    }
    match (load.map(|load| load.clients), arrivals.rate()) {
        (Some(LoadClients::Closed(clients)), _) => {
            let load = load.map_or("", |load| load.file.as_str());
            out.line(
                &format!("clients = {clients}"),
                &format!("{load}: each waits for its response before it asks again"),
            );
        }
        (_, Some(rate)) => write_rate(out, arrivals, rate, &files),
        (Some(LoadClients::Open { rate, poisson }), None) => {
            let load = load.map_or("", |load| load.file.as_str());
            out.line(
                &format!("rate = \"{}\"", rate_text(rate)),
                &format!("{load}: requests come at a rate, whatever happens"),
            );
            if !poisson {
                out.line("arrivals = \"fixed\"", &format!("{load}: evenly spaced"));
            }
        }
        (Some(LoadClients::Unknown) | None, None) => {
            out.line("rate = \"10/s\"", "a guess: no file says when requests came; put your own");
        }
    }
    write_way(out, load, calibration);
}

fn write_way(out: &mut ScenarioWriter, load: Option<&LoadTest>, calibration: &Calibration) {
    if let Some(load) = load {
        write_load(out, load);
    }
    if calibration.network_ns > 0.0 {
        let says = format!("one way; {}", calibration.network_says);
        out.line(&format!("network = \"{}\"", duration(calibration.network_ns)), &says);
    }
}

fn write_load(out: &mut ScenarioWriter, load: &LoadTest) {
    if let Some(timeout) = load.timeout_s.filter(|timeout| *timeout > 0.0) {
        out.line(
            &format!("read_timeout = \"{}s\"", plain(timeout)),
            &format!("{}: its clients give up then", load.file),
        );
    }
    if load.keeps_alive {
        out.line("keep_alive = { timeout = \"60s\" }", &format!("{}: connections are used again", load.file));
    }
    if let Some(note) = load.note {
        out.comment(&format!("{}: {note}", load.file));
    }
}

fn write_rate(out: &mut ScenarioWriter, arrivals: &ArrivalBins, rate: f64, files: &str) {
    let verdict = arrivals.poisson();
    let dispersion = verdict.map_or(1.0, |verdict| verdict.dispersion.max(1.0));
    let error = 1.96 * libm::sqrt(arrivals.count() as f64 * dispersion) / arrivals.seconds();
    let what = format!(
        "{files}: {} requests in {}, +- {} at 95 %",
        count(arrivals.count()),
        duration(arrivals.seconds() * 1e9),
        plain(error)
    );
    let profile = arrivals.profile(PARTS);
    let drifts = drifts(arrivals, &profile, dispersion) && arrivals.seconds() >= 600.0;
    if drifts {
        out.comment(&format!(
            "{what}; over that time the rate moved more than chance explains, so it runs from point to point."
        ));
        out.comment("The file's time is pressed into the run: each point stands for one twelfth of it. For a day as long as it was, set run.length.");
        let step = 5.0;
        let points: Vec<String> = profile
            .iter()
            .enumerate()
            .map(|(at, (_, rate))| {
                format!("{{ at = \"{}s\", rate = \"{}/s\" }}", plain(at as f64 * step), plain(rate.max(0.001)))
            })
            .collect();
        out.line(&format!("rate = [{}]", points.join(", ")), "");
    } else {
        out.line(&format!("rate = \"{}\"", rate_text(rate)), &what);
    }
    match verdict {
        Some(verdict) => {
            let (low, high) = verdict.expected;
            let fits = if verdict.fits() {
                "so a Poisson process fits"
            } else if verdict.dispersion > high {
                "so they come in bursts"
            } else {
                "so they come more evenly than at random"
            };
            let numbers = format!(
                "variance over mean of the counts in {} bins of {} s is {}, a Poisson process has {} to {}",
                verdict.bins,
                verdict.width_s,
                plain(verdict.dispersion),
                plain(low),
                plain(high)
            );
            out.comment(&format!("Arrivals: {numbers}, {fits}."));
            if verdict.dispersion < 0.5 * low {
                out.line("arrivals = \"fixed\"", "they are too even for chance");
            }
            if let Some(bursts) = arrivals.bursts().filter(|_| !verdict.fits() && verdict.dispersion > high && !drifts)
            {
                let says =
                    format!("{} bursts were seen; while it is quiet {}/s come", bursts.seen, plain(bursts.quiet_rate));
                out.replace_rate(&format!("rate = \"{}\"", rate_text(bursts.quiet_rate)), &says);
                let toml = format!(
                    "bursts = {{ factor = {}, on = \"exp({})\", off = \"exp({})\" }}",
                    plain(bursts.factor),
                    duration(bursts.on_s * 1e9),
                    duration(bursts.off_s * 1e9)
                );
                out.line(&toml, &format!("mean lengths of bins above and below the middle of both; {what}"));
            }
        }
        None => out.comment("Arrivals: too few to say whether they come at random; a Poisson process is assumed."),
    }
}

/// A rate with its unit: a second, or an hour where it is rare.
fn rate_text(rate: f64) -> String {
    if rate < 0.1 { format!("{}/h", plain((rate * 3_600.0).max(0.001))) } else { format!("{}/s", plain(rate)) }
}

fn drifts(arrivals: &ArrivalBins, profile: &[(f64, f64)], dispersion: f64) -> bool {
    let n = profile.len() as f64;
    if n < 3.0 {
        return false;
    }
    let part = arrivals.seconds() / n;
    let counts: Vec<f64> = profile.iter().map(|(_, rate)| rate * part).collect();
    let mean = counts.iter().sum::<f64>() / n;
    let variance = counts.iter().map(|count| (count - mean) * (count - mean)).sum::<f64>() / (n - 1.0);
    mean > 0.0 && variance / mean > PROFILE_DISPERSION * dispersion
}
