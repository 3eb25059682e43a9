//! What closed clients begin with: each makes that request once and before all others, whoever serves them.

use crate::text;

use engine::record::{Ending, RunRecord};
use engine::{Model, Replication, Seed};

const HUB: &str = "worker = \"uwsgi-gevent\"\ngreenlets = 9";

/// Four clients over two requests, one of which they may begin with.
fn models(world: &str, client: &str) -> Result<Vec<Model>, String> {
    let text = format!(
        "version = 1\ntitle = \"T\"\n[run]\nlength = \"10s\"\n[machine]\ncores = 1\n[world.w]\n{world}\n[client.c]\n{client}\n\
         [request.login]\nsteps = [{{ sleep = \"300ms\" }}]\n[request.page]\nsteps = [{{ sleep = \"100ms\" }}]\n"
    );
    let compiled = text::compile(&text)?;
    let doubts: String = compiled.warnings.iter().map(|one| one.plain(&text)).collect();
    if doubts.is_empty() { Ok(compiled.models) } else { Err(doubts) }
}

fn run(world: &str, client: &str) -> RunRecord {
    let models = models(world, client).unwrap_or_else(|said| panic!("{said}"));
    engine::run(&models[0], Seed(1), Replication(0)).unwrap_or_else(|error| panic!("{error}"))
}

/// Good responses to each request.
fn good(record: &RunRecord) -> [u64; 2] {
    [0, 1].map(|class| record.classes[class].endings[Ending::Ok as usize])
}

#[test]
fn every_client_logs_in_once_and_then_chooses_among_the_other_requests() {
    for world in ["worker = \"uwsgi-threads\"\nthreads = 4", HUB, "worker = \"gevent-loop\""] {
        let record = run(world, "clients = 4\nbegins = \"login\"");
        let [logins, pages] = good(&record);
        assert_eq!(logins, 4, "{world}");
        // 9.7 s at a tenth of a second each, the server's own time apart.
        assert!((4 * 90..=4 * 97).contains(&pages), "{world}: {pages} pages");
    }
    let chosen = good(&run(HUB, "clients = 4"));
    assert!(chosen[0] > 40, "who does not begin with it chooses it like any other: {chosen:?}");
}

#[test]
fn what_is_begun_with_counts_as_one_of_the_total() {
    assert_eq!(good(&run(HUB, "clients = 4\ntotal = 10\nbegins = \"login\"")), [4, 6]);
    assert_eq!(good(&run(HUB, "clients = 4\ntotal = 3\nbegins = \"login\"")), [3, 0]);
}

#[test]
fn who_lists_what_others_begin_with_chooses_it() {
    let client =
        "clients = 4\nbegins = \"login\"\n[client.d]\nclients = 1\nrequests = [\"login\"]\n[client.e]\nclients = 1";
    let [logins, pages] = good(&run(HUB, client));
    // One logs in again and again, every 0.3 s until 10 s are over; the last never does, for it does not say that it wants to.
    assert!((4 + 32..=4 + 34).contains(&logins), "{logins}");
    assert!((4 * 90 + 95..=4 * 97 + 100).contains(&pages), "{pages}");
}

#[test]
fn a_beginning_that_cannot_be_is_a_mistake_with_advice() {
    let wrong = |client: &str| models(HUB, client).expect_err("a mistake");
    let open = wrong("rate = \"1/s\"\nbegins = \"login\"");
    assert!(open.contains("begins") && open.contains("clients"), "{open}");
    let unknown = wrong("clients = 4\nbegins = \"logon\"");
    assert!(unknown.contains("logon") && unknown.contains("did you mean `login`?"), "{unknown}");
    let alone = wrong("clients = 4\nbegins = \"login\"\nfirst_alone = true");
    assert!(alone.contains("both `begins` and `first_alone`"), "{alone}");
    let twice = wrong("clients = 4\nbegins = \"login\"\nrequests = [\"login\", \"page\"]");
    assert!(twice.contains("begins with request `login` and chooses it too"), "{twice}");
    let nothing = wrong("clients = 4\nbegins = \"login\"\nrequests = []");
    assert!(nothing.contains("asks for nothing: it begins with `login` and has nothing to go on with"), "{nothing}");
    let unused = wrong("clients = 4\nrequests = [\"page\"]");
    assert!(unused.contains("nobody asks for request `login`"), "{unused}");
}
