//! The plainest of everything: specs that cost nothing, lose no time and lack every special feature.
//!
//! For models made by hand, which say only what they are about: `WorkerSpec { lingers: true, ..WorkerSpec::plain(name, kind) }`.

use std::sync::Arc;

use crate::kit::time::Span;
use crate::model::kernel::Kernel;
use crate::model::*;

impl WorkerSpec {
    /// Software without a GIL whose own work costs nothing but a nanosecond for each look at the clock.
    pub fn plain(name: &str, kind: WorkerKind) -> WorkerSpec {
        WorkerSpec {
            name: name.to_owned(),
            software: name.to_owned(),
            kind,
            costs: Costs { clock: Span::from_ns(1), ..Costs::default() },
            gil: false,
            lock_yields: true,
            zero_timers: false,
            master: false,
            resident: false,
            in_turn: false,
            switch_interval: Span::from_ms(5),
            releases: Releases::default(),
            lingers: false,
            timed_waits: TimedWaits::Notified,
            batch: Batch::Timed,
            looks: Looks::Always,
            keep_alive: None,
            router: None,
            life: None,
        }
    }
}

impl HostSpec {
    /// A machine that switches and wakes for nothing and whose caches keep everything.
    pub fn plain(cores: u32) -> HostSpec {
        HostSpec {
            name: "host".to_owned(),
            cores,
            slice: Span::from_ms(4),
            tick: Span::from_ms(4),
            switch: Span::ZERO,
            wake: Span::ZERO,
            cooling: Cooling::NONE,
            send_buffer: 87_040,
            uplink: None,
            cpu_limit: None,
        }
    }
}

impl ClientSpec {
    /// People beside the servers who have all the patience that there is, and ask for these classes.
    pub fn plain(name: &str, classes: Vec<u32>, arrivals: Arrivals) -> ClientSpec {
        ClientSpec {
            name: name.to_owned(),
            classes,
            arrivals,
            begins: None,
            spread: false,
            first_alone: false,
            silence: None,
            network: Span::ZERO,
            ports: None,
            connect_timeout: None,
            read_timeout: None,
            patience: None,
            refresh: None,
            bursts: None,
            retry: None,
            hedge: None,
            breaker: None,
            keep_alive: None,
            download: None,
            cost: None,
            generators: 1,
            beside_servers: false,
        }
    }
}

impl Model {
    /// One process of a worker on one host, with nobody who asks and nothing to ask for.
    pub fn plain(host: HostSpec, worker: WorkerSpec, run: RunSpec) -> Model {
        Model {
            name: worker.name.clone(),
            hosts: vec![host],
            listeners: vec![ListenerSpec { host: 0, backlog: 0 }],
            processes: vec![ProcessSpec { listener: 0, worker: 0 }],
            workers: vec![worker],
            kernel: Kernel::default(),
            balancer: Balancing::RoundRobin.into(),
            proxy: None,
            peers: Vec::new(),
            syncs: Vec::new(),
            values: Vec::new(),
            connections: Vec::new(),
            classes: Arc::new([]),
            programs: Arc::new([]),
            clients: Arc::new([]),
            run,
            limits: Limits::default(),
        }
    }
}
