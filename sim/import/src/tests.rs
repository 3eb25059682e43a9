//! Whole imports: services whose truth is known, written in each form and read again; and hostile bytes, which are counted and never fatal.

use std::fmt::Write;

use proptest::prelude::*;

use crate::draft::{Calibration, DraftOptions, draft};
use crate::logs::AccessFormat;
use crate::numbers::{Sample, of_sorted};
use crate::{ImportError, Intake, IntakeOptions};

/// SplitMix64: numbers that are good enough to make a service, and the same on every machine.
struct Dice(u64);

impl Dice {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (((z ^ (z >> 31)) >> 11) as f64 + 0.5) / 9_007_199_254_740_992.0
    }

    fn exponential(&mut self, mean: f64) -> f64 {
        -mean * libm::log(self.uniform())
    }

    /// Median and the sigma of its logarithm (Box and Muller).
    fn log_normal(&mut self, median: f64, sigma: f64) -> f64 {
        let radius = libm::sqrt(-2.0 * libm::log(self.uniform()));
        let normal = radius * libm::cos(2.0 * std::f64::consts::PI * self.uniform());
        median * libm::exp(sigma * normal)
    }
}

/// A service: requests of two kinds, one of which calls somebody.
struct Service {
    rate: f64,
    share: f64,
    cpu_ns: u64,
    median_ns: f64,
    sigma: f64,
    requests: u32,
}

/// What a service left behind.
#[derive(Default)]
struct Written {
    log: String,
    otlp: String,
    jaeger: String,
    vegeta: String,
}

const FORMAT: &str = "$msec \"$request\" $status $body_bytes_sent $request_time";
const BEGIN_NS: f64 = 1_796_006_593e9;

impl Service {
    fn of(dice: &mut Dice) -> Service {
        Service {
            rate: 5.0 + 45.0 * dice.uniform(),
            share: 0.2 + 0.6 * dice.uniform(),
            cpu_ns: (1e6 + 4e6 * dice.uniform()) as u64,
            median_ns: 5e6 + 95e6 * dice.uniform(),
            sigma: 0.2 + 0.8 * dice.uniform(),
            requests: 400 + (400.0 * dice.uniform()) as u32,
        }
    }

    fn run(&self, dice: &mut Dice) -> Written {
        let (mut written, mut at) = (Written::default(), BEGIN_NS);
        for number in 1..=self.requests {
            at += dice.exponential(1e9 / self.rate);
            let (start, calls) = (at as u64, dice.uniform() < self.share);
            let wait = dice.log_normal(self.median_ns, self.sigma) as u64;
            let took = if calls { self.cpu_ns + wait } else { self.cpu_ns };
            let path = if calls { "/item/17" } else { "/health" };
            let end = start + took;
            writeln!(
                written.log,
                "{}.{:03} \"GET {path}?q=1 HTTP/1.1\" 200 512 {}.{:06}",
                end / 1_000_000_000,
                end / 1_000_000 % 1_000,
                took / 1_000_000_000,
                took / 1_000 % 1_000_000
            )
            .unwrap();
            let stamp = format!("2026-11-30T02:43:13.{:09}Z", number);
            writeln!(written.vegeta, r#"{{"seq":{number},"code":200,"timestamp":"{stamp}","latency":{took},"method":"GET","url":"http://x{path}"}}"#).unwrap();
            self.spans(&mut written, number, start, took, calls.then_some(wait));
        }
        written
    }

    fn spans(&self, written: &mut Written, number: u32, start: u64, took: u64, wait: Option<u64>) {
        let route = if wait.is_some() { "/item/{id}" } else { "/health" };
        let (end, call) = (start + took, start + self.cpu_ns / 2);
        let mut spans = format!(
            r#"{{"traceId":"{number:032x}","spanId":"{number:08x}00000001","name":"GET {route}","kind":2,"startTimeUnixNano":"{start}","endTimeUnixNano":"{end}","attributes":[{{"key":"cpu_ns","value":{{"intValue":"{}"}}}}]}}"#,
            self.cpu_ns
        );
        let mut lines = format!(
            r#"{{"traceID":"{number:x}","spanID":"{number:x}1","operationName":"GET {route}","references":[],"startTime":{},"duration":{},"tags":[{{"key":"span.kind","value":"server"}}],"processID":"p"}}"#,
            start / 1_000,
            took / 1_000
        );
        if let Some(wait) = wait {
            write!(
                spans,
                r#",{{"traceId":"{number:032x}","spanId":"{number:08x}00000002","parentSpanId":"{number:08x}00000001","name":"SELECT","kind":3,"startTimeUnixNano":{call},"endTimeUnixNano":{},"attributes":[{{"key":"db.system","value":{{"stringValue":"postgresql"}}}},{{"key":"cpu_ns","value":{{"intValue":"0"}}}}]}}"#,
                call + wait
            ).unwrap();
            write!(
                lines,
                r#",{{"traceID":"{number:x}","spanID":"{number:x}2","operationName":"SELECT","references":[{{"refType":"CHILD_OF","traceID":"{number:x}","spanID":"{number:x}1"}}],"startTime":{},"duration":{},"tags":[{{"key":"db.system","value":"postgresql"}}],"processID":"p"}}"#,
                call / 1_000, wait / 1_000
            ).unwrap();
        }
        writeln!(written.otlp, r#"{{"resourceSpans":[{{"resource":{{"attributes":[{{"key":"service.name","value":{{"stringValue":"shop"}}}}]}},"scopeSpans":[{{"spans":[{spans}]}}]}}]}}"#).unwrap();
        writeln!(
            written.jaeger,
            r#"{{"data":[{{"traceID":"{number:x}","spans":[{lines}],"processes":{{"p":{{"serviceName":"shop"}}}}}}]}}"#
        )
        .unwrap();
    }
}

fn options() -> IntakeOptions {
    IntakeOptions { log_format: Some(AccessFormat::of(FORMAT).unwrap()), ..IntakeOptions::default() }
}

/// Takes files in, in pieces of an odd size.
fn take(files: &[(&str, &[u8])], piece: usize) -> Result<Intake, ImportError> {
    let mut intake = Intake::new(options());
    for (name, bytes) in files {
        let mut file = intake.begin(name, &bytes[..bytes.len().min(1 << 20)])?;
        bytes.chunks(piece).for_each(|chunk| intake.feed(&mut file, chunk));
        intake.end(file)?;
    }
    intake.close();
    Ok(intake)
}

fn median_interval(sample: &Sample) -> (f64, f64) {
    let sorted = sample.sorted();
    let spread = 0.98 / libm::sqrt(sorted.len() as f64);
    (of_sorted(&sorted, 0.5 - spread), of_sorted(&sorted, 0.5 + spread))
}

fn inside((low, high): (f64, f64), truth: f64) -> bool {
    // A microsecond for what the forms round.
    (low - 1_000.0..=high + 1_000.0).contains(&truth)
}

/// Goal: what is imported is what was so. Method: 100 services with drawn truths, written as nginx's log, OTLP, Jaeger and vegeta's results;
/// each 95 % interval has to hold the truth for 90 of them (a binomial of 95 % is below 90 once in 40).
#[test]
fn what_a_service_is_comes_back_within_its_intervals() {
    let (mut dice, mut hits) = (Dice(20_261_130), [0_u32; 6]);
    for _ in 0..100 {
        let service = Service::of(&mut dice);
        let written = service.run(&mut dice);
        let intake =
            take(&[("access.log", written.log.as_bytes()), ("otlp.jsonl", written.otlp.as_bytes())], 4_097).unwrap();
        let arrivals = &intake.access.arrivals;
        let (rate, error) = (arrivals.rate().unwrap(), 1.96 * libm::sqrt(arrivals.count() as f64) / arrivals.seconds());
        hits[0] += u32::from((rate - service.rate).abs() <= error);
        let routes = intake.access.routes();
        let item = routes.iter().find(|(name, _)| name == "GET /item/:number").expect("the route is there");
        let share = item.1.count as f64 / f64::from(service.requests);
        let error = 1.96 * libm::sqrt(share * (1.0 - share) / f64::from(service.requests));
        hits[1] += u32::from((share - service.share).abs() <= error);
        let (low, high) = item.1.took.quantile_interval(0.5).unwrap();
        hits[2] += u32::from(inside((low * 0.992, high * 1.008), service.median_ns + service.cpu_ns as f64));
        let classes = intake.traces.classes_of("shop");
        let traced = classes.iter().find(|(name, _)| *name == "GET /item/{id}").expect("the class is there").1;
        let shape = traced.shapes()[0];
        assert_eq!(shape.count, item.1.count, "every request of the log is traced");
        hits[3] += u32::from(inside(median_interval(&shape.items[0].1.wait), service.median_ns));
        let intake =
            take(&[("jaeger.json", written.jaeger.as_bytes()), ("vegeta.json", written.vegeta.as_bytes())], 1_000)
                .unwrap();
        let shape = intake
            .traces
            .classes_of("shop")
            .into_iter()
            .find(|(name, _)| *name == "GET /item/{id}")
            .unwrap()
            .1
            .shapes()[0]
            .clone();
        hits[4] += u32::from(inside(median_interval(&shape.items[0].1.wall), service.median_ns));
        let load = intake.loads[0].classes.iter().find(|(name, _)| name == "GET /item/:number").unwrap();
        let (median, n) = (load.1.median_ns().unwrap(), load.1.n as f64);
        let error = 1.96 * 1.2533 * service.sigma / libm::sqrt(n) + 0.008;
        hits[5] += u32::from((libm::log((median - service.cpu_ns as f64) / service.median_ns)).abs() <= error);
    }
    let names = ["rate", "share", "latency in the log", "wait in OTLP", "wait in Jaeger", "latency in vegeta"];
    for (name, hits) in names.iter().zip(hits) {
        assert!(hits >= 90, "{name}: the truth is inside of {hits} of 100 intervals");
    }
}

#[test]
fn the_same_files_give_the_same_bytes_however_they_are_cut() {
    let mut dice = Dice(7);
    let written = Service::of(&mut dice).run(&mut dice);
    let draft_of = |piece: usize| {
        let intake =
            take(&[("access.log", written.log.as_bytes()), ("otlp.jsonl", written.otlp.as_bytes())], piece).unwrap();
        let draft = draft(&intake, &DraftOptions::default(), &Calibration::default()).unwrap();
        (draft.text, draft.files)
    };
    let whole = draft_of(1 << 20);
    assert_eq!(whole, draft_of(13));
    assert!(whole.0.contains("share = ") && whole.0.contains("call = \"postgresql\""), "{}", whole.0);
}

#[test]
fn mixed_and_truncated_lines_are_counted_with_their_places() {
    let log = "1796006593.000 \"GET /a HTTP/1.1\" 200 5 0.010\n1796006594.000 \"GET /a HTT\n{\"path\":\"/a\"}\n\u{0}\u{1}\n\n1796006595.000 \"GET /b HTTP/1.1\" 500 - 0.020\n";
    let intake = take(&[("access.log", log.as_bytes())], 5).unwrap();
    let report = &intake.files[0];
    assert_eq!((report.used, report.lines, report.spoilt.count()), (2, 6, 3));
    let reasons: Vec<(&str, u64, u64)> =
        report.spoilt.reasons().map(|(reason, kind)| (reason, kind.count, kind.first_line)).collect();
    assert_eq!(reasons, [("it is cut short, or follows another format", 3, 2)]);
}

#[test]
fn files_of_no_use_are_refused_with_place_and_hint() {
    let says = |bytes: &[u8]| take(&[("x", bytes)], 100).unwrap_err().to_string();
    assert_eq!(says(b" \n"), "x: it is empty; is it the right file, or was the log rotated?");
    assert!(says(b"\x1f\x8b\x08whatever").contains("unpack it first"));
    assert!(says(&[0; 100]).contains("it is binary"));
    assert!(says(b"hello\nworld\n").contains("--log-format"));
    assert!(
        says(b"{\"path\":\"/a\",\"duration\":12}\n").contains("--duration-unit"),
        "{}",
        says(b"{\"path\":\"/a\",\"duration\":12}\n")
    );
    assert!(says(b"{\"resourceSpans\": [\n").starts_with("x:"), "{}", says(b"{\"resourceSpans\": [\n"));
    let day = "1796006593.000 \"GET /a HTTP/1.1\" 200 5 86400000\n".repeat(3);
    assert!(says(day.as_bytes()).contains("wrong unit"));
    let intake = take(&[("c", b"gunicorn -w 2 app:app\n")], 100).unwrap();
    let nothing = draft(&intake, &DraftOptions::default(), &Calibration::default()).unwrap_err();
    assert!(nothing.to_string().contains("an access log or traces are needed"));
}

/// One good text of every form that is known.
fn good() -> Vec<String> {
    let mut dice = Dice(3);
    let written = Service { requests: 5, ..Service::of(&mut dice) }.run(&mut dice);
    let mut texts =
        vec![written.log, written.otlp.clone(), written.otlp.replace(',', ",\n"), written.jaeger, written.vegeta];
    let others = [
        "[pid: 71|app: 0|req: 12/34] 10.0.0.1 () {28 vars in 300 bytes} [Mon Nov 30 02:43:13 2026] GET /a?b => generated 5 bytes in 3 msecs (HTTP/1.1 200) 2 headers in 79 bytes (1 switches on core 0)\n",
        "10.0.0.1 - - [30/Nov/2026:02:43:13 +0000] \"GET /x HTTP/1.1\" 404 12 \"-\" \"curl\"\n",
        "{\"ts\":1796006593.5,\"request\":\"POST /x?y HTTP/1.1\",\"status\":\"201\",\"duration_ms\":7}\n",
        "{\"name\":\"GET /a\",\"start\":1796006593116629955,\"end\":1796006593116709994,\"cpu\":79849}\n{\"name\":\"redis\",\"start\":1796006593116629965,\"end\":1796006593116709984,\"cpu\":9849}\n",
        "import os\nworkers = 2 * 2 + 1\nworker_class = 'gthread'\nthreads = int(os.environ.get('T', '4'))\n",
        "[uwsgi]\nhttp = :80\nprocesses = 4\nthreads = 2\n",
        "services:\n  web:\n    command: gunicorn -w 4 app:app\n    deploy: {replicas: 2, resources: {limits: {cpus: '0.5'}}}\n",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {replicas: 2, template: {spec: {containers: [{name: w, command: [gunicorn, -w, '2', a]}]}}}\n",
        "http { log_format t '$request $status'; upstream a { server b; server c; keepalive 2; } }\n",
        "web: gunicorn -w 3 --threads 4 app:app\n",
        "# TYPE http_request_duration_seconds histogram\nhttp_request_duration_seconds_bucket{le=\"0.1\"} 60\nhttp_request_duration_seconds_count 60\nprocess_cpu_seconds_total 2.5\n",
        "Concurrency Level:      10\nTime taken for tests:   2.500 seconds\nComplete requests:      1000\n  50%     20\n",
        "  2 threads and 100 connections\n    Latency    12.00ms    1.00ms  50.00ms   90.00%\n     50%   11.00ms\n  9000 requests in 30.00s, 1.00MB read\nRequests/sec:    300.00\n",
        "response-time,DNS+dialup,DNS,Request-write,Response-delay,Response-read,status-code,offset\n0.1,0,0,0,0,0,200,0.5\n",
        "{\"type\":\"Point\",\"metric\":\"http_req_duration\",\"data\":{\"time\":\"2026-11-30T02:43:13Z\",\"value\":12.5,\"tags\":{\"name\":\"/a\"}}}\n",
        "Type,Name,Request Count,Failure Count,Average Response Time,Requests/s,50%\n,Aggregated,100,2,9,10,6\n",
        "query,calls,mean_exec_time,stddev_exec_time\nselect 1,1000,0.5,0.1\n",
        "main (a.py:1);product (b.py:2) 7\n",
    ];
    texts.extend(others.map(str::to_owned));
    texts
}

#[test]
fn every_form_is_known_by_its_content() {
    for text in good() {
        assert!(
            take(&[("x", text.as_bytes())], 64).is_ok(),
            "{:?} for {text}",
            take(&[("x", text.as_bytes())], 64).err()
        );
    }
}

/// Whatever comes of it, nothing panics, and what is drafted has no control characters that a terminal would obey.
fn survives(bytes: &[u8], piece: usize) {
    if let Ok(intake) = take(&[("x", bytes)], piece)
        && let Ok(draft) = draft(&intake, &DraftOptions::default(), &Calibration::default())
    {
        assert!(draft.text.chars().all(|c| c == '\n' || !c.is_control()), "{:?}", draft.text);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..600), piece in 1_usize..100) {
        survives(&bytes, piece);
    }

    #[test]
    fn good_texts_with_bytes_changed_taken_or_doubled_are_survived(
        which in 0_usize..64, cuts in proptest::collection::vec((any::<u16>(), any::<u8>(), 0_u8..4), 1..12), piece in 1_usize..200,
    ) {
        let texts = good();
        let mut bytes = texts[which % texts.len()].clone().into_bytes();
        for (at, byte, how) in cuts {
            let at = usize::from(at) % bytes.len().max(1);
            match how {
                0 => bytes.truncate(at),
                1 => bytes.insert(at.min(bytes.len()), byte),
                2 if at < bytes.len() => bytes[at] = byte,
                _ => {
                    let tail: Vec<u8> = bytes[at.min(bytes.len())..].to_vec();
                    bytes.extend(tail.into_iter().take(2_000));
                }
            }
        }
        survives(&bytes, piece);
    }

    #[test]
    fn numbers_of_any_size_are_survived(which in 0_usize..64, number in "[0-9]{1,25}(\\.[0-9]{1,12})?(e[0-9]{1,3})?", from in 0_u8..10) {
        let texts = good();
        let text = texts[which % texts.len()].replace(char::from(b'0' + from), &number);
        survives(text.as_bytes(), 77);
    }
}
