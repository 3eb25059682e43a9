//! What a file says of operating systems reaches the model.

use crate::text;

use engine::Model;
use engine::kernel::{Conntrack, Handshake, Kernel, Memory, Outage, Ports, TcpMem, Wakes};
use engine::time::{Span, Time};

fn models(world: &str, client: &str) -> Result<Vec<Model>, String> {
    let text = format!(
        "version = 1\ntitle = \"T\"\n[run]\nlength = \"10s\"\n[machine]\ncores = 2\n[world.w]\nworker = \"uwsgi-threads\"\n\
         threads = 4\n{world}\n[client.c]\nrate = \"1/s\"\n{client}\n[peer.p]\n[request.page]\n\
         steps = [{{ call = \"p\", takes = \"1ms\" }}]\n"
    );
    Ok(text::compile(&text)?.models)
}

fn model(world: &str, client: &str) -> Model {
    models(world, client).unwrap_or_else(|said| panic!("{said}")).remove(0)
}

fn said(world: &str, client: &str) -> String {
    models(world, client).expect_err("a mistake")
}

#[test]
fn a_file_that_says_nothing_has_a_kernel_without_limits() {
    let model = model("", "");
    assert_eq!(model.kernel, Kernel { syn_linear_timeouts: 4, ..Kernel::default() });
    assert_eq!((model.clients[0].ports, model.peers[0].ports), (None, None));
}

#[test]
fn an_empty_kernel_is_linux_with_its_defaults() {
    let model = model("kernel = {}", "");
    let linux = Handshake { max_syn_backlog: 4096, syncookies: true, abort_on_overflow: false, defer_accept: false };
    assert_eq!((model.kernel.handshake, model.kernel.conntrack), (Some(linux), None));
}

#[test]
fn every_limit_reaches_the_kernel() {
    let model = model(
        "servers = 2\nprocesses = 3\nwakes = \"one\"\nnofile = 1024\nthreads_max = 8192\ndown = [{ from = \"2s\", to = \"3s\", server = 2 }]\n\
         kernel = { tcp_syncookies = false, tcp_abort_on_overflow = true, tcp_max_syn_backlog = 128, nf_conntrack_max = 32768, tcp_mem = [6144, 8192, 12288] }\n\
         memory = { host_mib = 512, process_mib = 40, thread_kib = 100, request_kib = 64 }",
        "",
    );
    let at = |secs| Time::ZERO + Span::from_secs(secs);
    let expected = Kernel {
        syn_linear_timeouts: 4,
        handshake: Some(Handshake {
            max_syn_backlog: 128,
            syncookies: false,
            abort_on_overflow: true,
            defer_accept: false,
        }),
        down: vec![Outage { from: at(2), to: at(3), server: Some(1) }],
        sockets: 0,
        wakes: Wakes::One,
        conntrack: Some(Conntrack { max: 32_768, time_wait: Conntrack::TIME_WAIT }),
        descriptors: Some(1024),
        memory: Some(Memory { host: 512 << 20, process: 40 << 20, thread: 100 << 10, request: 64 << 10 }),
        threads: Some(8192),
        tcp_mem: Some(TcpMem { low: 6_144, pressure: 8_192, high: 12_288 }),
        ..Kernel::default()
    };
    assert_eq!(model.kernel, expected);
}

fn on_machine(lines: &str) -> Model {
    let text = format!(
        "version = 1\ntitle = \"T\"\npreset = \"2010-py2.7\"\n[run]\nlength = \"10s\"\n[machine]\ncores = 1\n{lines}\n[world.w]\n\
         worker = \"gevent-wsgi\"\n[client.c]\nclients = 2\ncost = \"1ms\"\ngenerators = 3\non = \"server\"\n[request.page]\n\
         steps = [{{ burn = \"1ms\" }}]\n"
    );
    text::compile(&text).unwrap_or_else(|said| panic!("{said}")).models.remove(0)
}

#[test]
fn a_preset_of_2010_has_the_kernel_of_its_age_and_a_machine_may_differ() {
    let usual = on_machine("");
    assert_eq!((usual.kernel.syn_timeout, usual.kernel.syn_retries), (Span::from_secs(3), 5));
    assert_eq!((usual.listeners[0].backlog, usual.hosts[0].uplink), (128, None));
    let client = &usual.clients[0];
    assert_eq!((client.generators, client.beside_servers), (3, true));
    let other = on_machine("syn_timeout = \"1s\"\nsyn_retries = 6\nuplink = 2500000\ncpu_percent = 250");
    assert_eq!((other.kernel.syn_timeout, other.kernel.syn_retries), (Span::from_secs(1), 6));
    assert_eq!(other.hosts[0].uplink, Some(2_500_000));
    let (fast, slow) = (&usual.workers[0].costs, &other.workers[0].costs);
    assert_eq!((slow.accept, slow.request), (fast.accept * 5 / 2, fast.request * 5 / 2));
    assert_eq!(other.hosts[0].switch, usual.hosts[0].switch * 5 / 2);
}

#[test]
fn with_reuse_port_every_process_has_a_socket_and_the_first_of_each_server_come_first() {
    let shared = model("servers = 2\nprocesses = 3", "");
    let listeners: Vec<u32> = shared.processes.iter().map(|process| process.listener).collect();
    assert_eq!((shared.listeners.len(), listeners), (2, vec![0, 0, 0, 1, 1, 1]));
    let own = model("servers = 2\nprocesses = 3\nreuse_port = true", "");
    let listeners: Vec<u32> = own.processes.iter().map(|process| process.listener).collect();
    assert_eq!((own.kernel.sockets, listeners), (3, vec![0, 2, 3, 1, 4, 5]));
    let hosts: Vec<u32> = own.listeners.iter().map(|listener| listener.host).collect();
    assert_eq!(hosts, [0, 1, 0, 0, 1, 1]);
}

#[test]
fn ports_are_those_of_the_range_times_the_addresses() {
    let ports = |text: &str| model("", &format!("ports = {text}")).clients[0].ports;
    let usual =
        Ports { count: 28_232, closes_first: false, lingers: Ports::TIME_WAIT, lingering_most: Ports::TIME_WAIT_MOST };
    assert_eq!(ports("{}"), Some(usual));
    let wide = Ports { count: 2 * 64_512, closes_first: true, lingers: Ports::REUSE_AFTER, lingering_most: 9 };
    let text = "{ first = 1024, last = 65535, addresses = 2, closes = \"client\", tcp_tw_reuse = true, tcp_max_tw_buckets = 9 }";
    assert_eq!(ports(text), Some(wide));
}

#[test]
fn what_cannot_be_is_said_with_what_to_write() {
    let backwards = said("down = [{ from = \"3s\", to = \"2s\" }]", "");
    assert!(backwards.contains("the outage ends at 2s, before it begins at 3s"), "{backwards}");
    let nowhere = said("down = [{ from = \"1s\", to = \"2s\", server = 2 }]", "");
    assert!(nowhere.contains("world `w` has no server 2") && nowhere.contains("1 to 1"), "{nowhere}");
    let twice = said("down = [{ from = \"1s\", to = \"3s\" }, { from = \"2s\", to = \"4s\" }]", "");
    assert!(twice.contains("outages of world `w` overlap at 2s"), "{twice}");
    let not_neighbours = "down = [{ from = \"1s\", to = \"9s\", server = 1 }, { from = \"2s\", to = \"3s\", server = 2 }, \
                          { from = \"5s\", to = \"6s\", server = 1 }]\nservers = 2";
    let thrice = said(not_neighbours, "");
    assert!(thrice.contains("outages of world `w` overlap at 5s"), "{thrice}");
    let range = said("", "ports = { first = 2000, last = 1000 }");
    assert!(range.contains("the range of ports ends at 1000, before it begins at 2000"), "{range}");
    let memory = said("processes = 9\nmemory = { host_mib = 512, process_mib = 60 }", "");
    assert!(memory.contains("need 540 MiB of a server before they serve anything, and it has 512"), "{memory}");
    let misspelt = said("kernel = { syncookies = true }", "");
    assert!(misspelt.contains("did you mean `tcp_syncookies`?"), "{misspelt}");
}

#[test]
fn socket_memory_is_three_ascending_numbers() {
    let mistakes = [
        ("[8192, 6144, 12288]", "`tcp_mem` falls from 8192 to 6144"),
        ("[6144, 8192]", "`tcp_mem` has 2 numbers, not 3"),
        ("[6144, 8192, 12288, 5]", "`tcp_mem` has 4 numbers, not 3"),
        ("[6144, \"much\", 12288]", "`tcp_mem` has whole numbers, not \"much\""),
        ("[0, 8192, 12288]", "`tcp_mem` cannot be 0"),
        ("8192", "`tcp_mem` cannot be a bare number"),
    ];
    for (typed, what) in mistakes {
        let said = said(&format!("kernel = {{ tcp_mem = {typed} }}"), "");
        assert!(said.contains(what), "{typed}: {said}");
    }
}
