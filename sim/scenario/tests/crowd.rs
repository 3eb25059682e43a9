//! Hubs that accept from one listening socket: a crowd that comes at once is shared out among them.

use engine::{Replication, RunRecord, Seed};

/// A hundred clients who all connect at once and keep their connections, as `wrk -c100` does, and wait ten seconds a request.
fn run(cores: u32, processes: u32, accepts: u32) -> RunRecord {
    let text = format!(
        "version = 1\ntitle = \"crowd\"\n[run]\nlength = \"60s\"\ndrain = \"0s\"\n[machine]\ncores = {cores}\n\
         [world.w]\nworker = \"pywsgi\"\nprocesses = {processes}\naccepts = {accepts}\n\
         [client.wrk]\nclients = 100\nkeep_alive = {{ timeout = \"60s\", connections = 100 }}\n\
         [offload]\nthreads = 40\n[request.wait]\nsteps = [{{ offload = \"10s\" }}]\n"
    );
    let parsed = scenario::parse(&text, "crowd.toml", &[]).expect("the text is right");
    let compiled = scenario::compile(&parsed, &mut |_| Err(String::new())).expect("and names no file");
    engine::run(&compiled.models[0], Seed(1), Replication(0)).expect("the run comes to its end")
}

#[test]
fn hubs_that_are_idle_share_out_a_crowd_however_many_each_may_accept_at_once() {
    for accepts in [1, 4, 100] {
        let record = run(4, 4, accepts);
        // Each of the four has a core of its own, and an accept takes all of them as long.
        let (least, most) = (record.process_requests.iter().min(), record.process_requests.iter().max());
        let (least, most) = (least.copied().unwrap_or(0), most.copied().unwrap_or(0));
        assert!(least > 0 && most <= 2 * least, "accepts = {accepts}: {:?}", record.process_requests);
        // No process has more clients than native threads, so nobody waits: five rounds of ten seconds end within the minute.
        assert_eq!(record.endings[engine::record::Ending::Ok as usize], 500, "accepts = {accepts}");
    }
}

#[test]
fn a_hub_alone_has_the_whole_crowd_and_forty_native_threads_serve_forty_at_a_time() {
    assert_eq!(run(4, 1, 100).endings[engine::record::Ending::Ok as usize], 200);
}
