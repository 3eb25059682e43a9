//! Programs that end when they hear nothing, as `ab` does after 30 s.

use crate::text;

use engine::record::{Ending, RunRecord};
use engine::{Replication, Seed};

/// Requests that take so long, on a server of so many threads with room for so many connections.
fn said(takes: &str, threads: u32, listen: u32, client: &str) -> Result<RunRecord, String> {
    let text = format!(
        "version = 1\ntitle = \"T\"\n[run]\nlength = \"10m\"\n[machine]\ncores = 1\n[world.w]\nworker = \"uwsgi-threads\"\n\
         threads = {threads}\nlisten = {listen}\nkernel = {{ tcp_syncookies = false }}\n[client.c]\n{client}\n\
         [request.page]\nsteps = [{{ sleep = \"{takes}\" }}]\n[request.quick]\nshare = 0.0001\nsteps = []\n"
    );
    let compiled = text::compile(&text)?;
    engine::run(&compiled.models[0], Seed(1), Replication(0)).map_err(|error| error.to_string())
}

fn run(takes: &str, threads: u32, listen: u32, client: &str) -> RunRecord {
    said(takes, threads, listen, client).unwrap_or_else(|said| panic!("{said}"))
}

/// Good responses, connections that were not made and answers that did not come.
fn endings(record: &RunRecord) -> [u64; 3] {
    [Ending::Ok, Ending::ConnectTimeout, Ending::ReadTimeout].map(|ending| record.endings[ending as usize])
}

const PAGES: &str = "clients = 3\ntotal = 9\nrequests = [\"page\"]\nsilence = \"30s\"";

#[test]
fn it_ends_when_no_answer_has_come_for_too_long_and_sends_nothing_more() {
    let record = run("100s", 1, 100, PAGES);
    assert_eq!(endings(&record), [0, 0, 3]);
    assert_eq!(record.series.sent.iter().sum::<u64>(), 3, "of the nine");
    let last = record.series.endings[Ending::ReadTimeout as usize].iter().rposition(|&ended| ended > 0);
    let last = last.expect("they end");
    assert_eq!(last, 30, "in the second after the thirtieth");
}

#[test]
fn an_answer_now_and_then_keeps_it_going() {
    assert_eq!(endings(&run("20s", 1, 100, PAGES)), [9, 0, 0]);
    assert_eq!(
        endings(&run("100s", 1, 100, &PAGES.replace("30s", "101s"))),
        [7, 0, 0],
        "until the run and its drain are over"
    );
}

#[test]
fn a_pause_is_no_silence() {
    // Connecting takes 16 s, which is not long, but 36 s after the last answer.
    let client = "clients = 1\ntotal = 5\nrequests = [\"page\"]\nnetwork = \"8s\"\nthink = \"20s\"\nsilence = \"30s\"";
    assert_eq!(endings(&run("1s", 1, 100, client)), [5, 0, 0]);
}

#[test]
fn syns_that_are_repeated_in_vain_are_silence() {
    let [ok, connecting, reading] =
        endings(&run("100s", 1, 1, "clients = 20\nrequests = [\"page\"]\nsilence = \"30s\""));
    assert_eq!(ok, 0);
    assert!(connecting > reading && reading > 0, "one is served and some wait in the queue: {connecting}, {reading}");
}

#[test]
fn what_other_programs_hear_is_not_heard() {
    let client = format!("{PAGES}\n[client.other]\nclients = 1\nrequests = [\"quick\"]\nthink = \"1s\"");
    let [ok, _, reading] = endings(&run("100s", 4, 100, &client));
    assert_eq!(reading, 3);
    assert!(ok > 590, "the other goes on for ten minutes: {ok}");
}

#[test]
fn only_closed_clients_of_servers_can_wait_in_silence() {
    let wrong = said("1s", 1, 100, "rate = \"1/s\"\nsilence = \"30s\"").expect_err("a mistake");
    assert!(wrong.contains("silence") && wrong.contains("clients"), "{wrong}");
}
