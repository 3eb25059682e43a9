//! What a file says of routers and of the lives of processes reaches the model.

use crate::text;

use engine::Model;
use engine::time::Span;
use engine::worker::LifeSpec;

fn models(world: &str, client: &str) -> Result<Vec<Model>, String> {
    let text = format!(
        "version = 1\ntitle = \"T\"\n[run]\nlength = \"10s\"\n[machine]\ncores = 2\n[world.w]\n{world}\n[client.c]\n{client}\n\
         [request.page]\nsteps = [{{ sleep = \"1ms\" }}]\n"
    );
    Ok(text::compile(&text)?.models)
}

fn model(world: &str) -> Model {
    models(world, "rate = \"1/s\"").unwrap_or_else(|said| panic!("{said}")).remove(0)
}

fn life(world: &str) -> Option<LifeSpec> {
    model(world).workers[0].life
}

fn said(world: &str) -> String {
    models(world, "rate = \"1/s\"").expect_err("a mistake")
}

#[test]
fn the_threads_of_a_deployment_are_its_master_its_router_and_its_workers() {
    let threads = |world: &str| model(world).os_threads();
    assert_eq!(threads("worker = \"uwsgi-router-threads\"\nthreads = 10"), 12);
    assert_eq!(threads("worker = \"uwsgi-router-gevent\"\ngreenlets = 10"), 3);
    assert_eq!(threads("worker = \"uwsgi-threads\"\nthreads = 40\nprocesses = 8\nservers = 2"), 2 * (1 + 8 * 40));
    assert_eq!(threads("worker = \"gunicorn-gthread\"\nthreads = 4\nprocesses = 2"), 1 + 2 * (1 + 4));
    assert_eq!(threads("worker = \"pywsgi\""), 1, "it has no master");
}

#[test]
fn a_sleep_of_zero_is_a_callback_unless_said_and_means_nothing_to_threads() {
    assert!(!model("worker = \"pywsgi\"").workers[0].zero_timers);
    assert!(model("worker = \"pywsgi\"\nzero_sleep = \"timer\"").workers[0].zero_timers);
    let said = said("worker = \"uwsgi-threads\"\nthreads = 4\nzero_sleep = \"timer\"");
    assert!(said.contains("`zero_sleep` means nothing to uwsgi-threads"), "{said}");
}

#[test]
fn gunicorn_watches_its_workers_unless_told_otherwise() {
    let usual = life("worker = \"gunicorn-sync\"").expect("a master");
    assert_eq!((usual.timeout, usual.graceful_timeout), (Some(Span::from_secs(30)), Span::from_secs(30)));
    assert_eq!((usual.max_requests, usual.harakiri), (None, None));
    assert_eq!(life("worker = \"gunicorn-sync\"\ntimeout = \"0s\"").expect("a master").timeout, None);
    assert!(usual.dies_of_emfile && usual.forkbomb_delay.is_zero() && usual.lifetime_least.is_zero());
    let gevent = life("worker = \"gunicorn-gevent\"").expect("a master");
    assert!(!gevent.dies_of_emfile, "gevent's own accept looks away");
    let own = "worker = \"gunicorn-gevent\"\ntimeout = \"60s\"\nmax_requests = 1000\nmax_requests_jitter = 50\n\
               graceful_timeout = \"5s\"\nboot = \"2s\"";
    let own = life(own).expect("a master");
    assert_eq!((own.timeout, own.max_requests), (Some(Span::from_secs(60)), Some((1000, 50))));
    assert_eq!((own.graceful_timeout, own.boot), (Span::from_secs(5), Span::from_secs(2)));
}

#[test]
fn uwsgi_watches_what_it_is_told_to() {
    let usual = life("worker = \"uwsgi-threads\"\nthreads = 4").expect("a master");
    assert_eq!((usual.harakiri, usual.timeout, usual.max_requests), (None, None, None));
    assert_eq!((usual.lifetime_least, usual.forkbomb_delay), (Span::from_secs(60), Span::from_secs(2)));
    assert_eq!(life("worker = \"paste\"\nthreads = 4"), None, "Paste has no master");
    let told = "worker = \"uwsgi-threads\"\nthreads = 4\nharakiri = \"20s\"\nmin_worker_lifetime = \"0s\"\nforkbomb_delay = \"0s\"";
    let told = life(told).expect("a master");
    assert_eq!((told.harakiri, told.timeout), (Some(Span::from_secs(20)), None));
    assert_eq!(
        (told.graceful_timeout, told.lifetime_least, told.forkbomb_delay),
        (Span::from_secs(60), Span::ZERO, Span::ZERO)
    );
}

#[test]
fn a_key_of_other_software_is_a_mistake_with_advice() {
    let wrong = said("worker = \"gunicorn-sync\"\nharakiri = \"20s\"");
    assert!(
        wrong.contains("`harakiri` means nothing to gunicorn-sync") && wrong.contains("write `timeout`"),
        "{wrong}"
    );
    let wrong = said("worker = \"uwsgi-threads\"\nthreads = 4\ntimeout = \"20s\"");
    assert!(
        wrong.contains("`timeout` means nothing to uwsgi-threads") && wrong.contains("write `harakiri`"),
        "{wrong}"
    );
    let wrong = said("worker = \"gunicorn-sync\"\nforkbomb_delay = \"2s\"");
    assert!(wrong.contains("`forkbomb_delay` means nothing to gunicorn-sync"), "{wrong}");
    let wrong = said("worker = \"paste\"\nthreads = 4\nmax_requests = 10");
    assert!(wrong.contains("`max_requests` means nothing to paste"), "{wrong}");
    let wrong = said("worker = \"uwsgi-threads\"\nthreads = 4\nhttp_timeout = \"20s\"");
    assert!(wrong.contains("uwsgi-router-threads"), "{wrong}");
}

#[test]
fn a_router_has_uwsgis_timeout_unless_told_otherwise() {
    let timeout = |text: &str| model(text).workers[0].router.expect("a router").timeout;
    assert_eq!(timeout("worker = \"uwsgi-router-threads\"\nthreads = 4"), Span::from_secs(60));
    assert_eq!(timeout("worker = \"uwsgi-router-gevent\"\ngreenlets = 4\nhttp_timeout = \"5s\""), Span::from_secs(5));
    assert_eq!(model("worker = \"uwsgi-threads\"\nthreads = 4").workers[0].router, None);
}

#[test]
fn only_closed_clients_can_send_their_first_request_alone() {
    let worker = "worker = \"uwsgi-threads\"\nthreads = 4";
    let closed = models(worker, "clients = 3\ntotal = 9\nfirst_alone = true").expect("a client");
    assert!(closed[0].clients[0].first_alone);
    let wrong = models(worker, "rate = \"1/s\"\nfirst_alone = true").expect_err("a mistake");
    assert!(wrong.contains("first_alone"), "{wrong}");
}
