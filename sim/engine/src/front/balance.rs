//! Balancers: which server a connection goes to, and which are left alone for a while.
//!
//! After nginx 1.27's upstream modules: round robin (smooth, if weighted), `least_conn`, `random`, `random two least_conn`, and
//! `hash KEY consistent` with its ring of 160 points a unit of weight; `max_fails` and `fail_timeout` as in
//! `ngx_http_upstream_round_robin.c`: a server with that many failures is skipped for that time, then one request tries it.
//! What chance decides comes from the request's own key, so every world sees the same draws. A server that its health checks took
//! out (`health_check.rs`) is skipped too; when none is left the request fails at once.

use crate::kit::id::RequestId;
use crate::kit::rng::mix;
use crate::kit::time::Time;
use crate::model::{BalancerSpec, Balancing, Ejection};
use crate::program::request::Request;
use crate::watch::probe::{Fact, Probe};
use crate::world::World;

/// Points of a server on the ring for each unit of its weight (nginx, `ngx_http_upstream_update_chash`).
const POINTS: u64 = 160;
/// Tells the draws of a balancer from the others that are made of a request's key.
const SALT: u64 = 0x00BA_1A9C_E000;

/// The balancer at run time.
#[derive(Debug)]
pub(crate) struct Balancer {
    /// Whose turn it is.
    turn: usize,
    /// What smooth weighted round robin has credited each server with.
    credit: Vec<i64>,
    /// (point, server), sorted; empty unless the rule is a hash.
    ring: Vec<(u64, u16)>,
    /// How each server has done lately.
    pub(super) health: Vec<Health>,
}

/// What a balancer knows of a server.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Health {
    /// Whether its health checks have taken it out.
    pub(super) down: bool,
    /// Checks in a row that speak against what `down` says.
    pub(super) against: u32,
    /// Failures of requests.
    fails: u32,
    /// When the last one was.
    accessed: Time,
    /// When it was last put to the test.
    checked: Time,
}

impl Balancer {
    /// Servers that it balances among.
    #[inline]
    pub(crate) fn servers(&self) -> usize {
        self.health.len()
    }

    pub(crate) fn new(spec: &BalancerSpec, servers: usize) -> Balancer {
        let mut ring = Vec::new();
        if let Balancing::Hash { .. } = spec.policy {
            for server in 0..servers {
                for point in 0..POINTS * weight(spec, server) {
                    ring.push((mix(mix(server as u64, SALT), point), server as u16));
                }
            }
            ring.sort_unstable();
        }
        Balancer { turn: 0, credit: vec![0; servers], ring, health: vec![Health::default(); servers] }
    }
}

fn weight(spec: &BalancerSpec, server: usize) -> u64 {
    spec.weights.get(server).copied().map_or(1, u64::from)
}

impl<P: Probe> World<'_, P> {
    /// The server for a request; `None` if there is none that it may go to.
    #[inline]
    pub(crate) fn balance(&mut self, id: RequestId) -> Option<usize> {
        if let [only] = self.balancer.health[..]
            && self.model.proxy.is_none()
        {
            return (!only.down).then_some(0);
        }
        self.choose(id)
    }

    /// The same among several, or of a proxy, which knows which ones it has tried.
    fn choose(&mut self, id: RequestId) -> Option<usize> {
        let request = &self.requests[id];
        let (key, tries) = (request.key(), u64::from(request.tries()));
        let draw = || mix(key ^ SALT, tries);
        let chosen = match self.model.balancer.policy {
            Balancing::RoundRobin if self.model.balancer.weights.is_empty() => self.next_in_turn(request),
            Balancing::RoundRobin => self.next_by_credit(id),
            Balancing::LeastConnections => self.least(request),
            Balancing::Random => self.any(request, draw(), None),
            Balancing::TwoChoices => {
                let first = self.any(request, draw(), None)?;
                let second = self.any(request, mix(key ^ SALT, !tries), Some(first));
                Some(second.filter(|&second| self.is_freer(second, first)).unwrap_or(first))
            }
            Balancing::Hash { keys } => self.on_the_ring(request, keys),
        }?;
        self.balancer.turn = if chosen + 1 == self.servers() { 0 } else { chosen + 1 };
        let period = self.model.proxy.as_ref().and_then(|proxy| proxy.ejection).map(|ejection| ejection.period);
        let health = &mut self.balancer.health[chosen];
        if period.is_some_and(|period| self.now.since(health.checked) > period) {
            health.checked = self.now;
        }
        Some(chosen)
    }

    /// Whether a request may go to a server.
    pub(crate) fn is_open_to(&self, request: &Request, server: usize) -> bool {
        if request.was_tried_at(server as u16) {
            return false;
        }
        let health = &self.balancer.health[server];
        let ejection = self.model.proxy.as_ref().and_then(|proxy| proxy.ejection);
        // A server without others beside it is never left alone.
        let ejected = self.servers() > 1
            && ejection.is_some_and(|Ejection { fails, period }| {
                health.fails >= fails && self.now.since(health.checked) <= period
            });
        !health.down && !ejected
    }

    /// Servers in the order of turns, that of the next turn first.
    fn in_turn<'a>(&'a self, request: &'a Request) -> impl Iterator<Item = usize> + 'a {
        let (turn, count) = (self.balancer.turn, self.servers());
        (turn..count).chain(0..turn).filter(|&server| self.is_open_to(request, server))
    }

    fn next_in_turn(&self, request: &Request) -> Option<usize> {
        self.in_turn(request).next()
    }

    /// Each server is credited with its weight, and who has most pays for all of them.
    fn next_by_credit(&mut self, id: RequestId) -> Option<usize> {
        let mut sum = 0;
        let mut best: Option<usize> = None;
        for server in 0..self.servers() {
            if !self.is_open_to(&self.requests[id], server) {
                continue;
            }
            let weight = weight(&self.model.balancer, server) as i64;
            sum += weight;
            self.balancer.credit[server] += weight;
            if best.is_none_or(|best| self.balancer.credit[server] > self.balancer.credit[best]) {
                best = Some(server);
            }
        }
        self.balancer.credit[best?] -= sum;
        best
    }

    /// Whether a server has fewer open connections for its weight than another.
    fn is_freer(&self, server: usize, than: usize) -> bool {
        let load = |of: usize, other: usize| u64::from(self.net.open_to(of)) * weight(&self.model.balancer, other);
        load(server, than) < load(than, server)
    }

    fn least(&self, request: &Request) -> Option<usize> {
        self.in_turn(request).reduce(|best, server| if self.is_freer(server, best) { server } else { best })
    }

    /// Any server but one, in proportion to the weights.
    fn any(&self, request: &Request, draw: u64, but: Option<usize>) -> Option<usize> {
        let may = |server: &usize| Some(*server) != but && self.is_open_to(request, *server);
        let all = || (0..self.servers()).filter(may);
        let sum: u64 = all().map(|server| weight(&self.model.balancer, server)).sum();
        let mut left = ((u128::from(draw) * u128::from(sum)) >> 64) as u64;
        all().find(|&server| {
            let weight = weight(&self.model.balancer, server);
            let here = left < weight;
            left = left.saturating_sub(weight);
            here
        })
    }

    /// The first server from the key's point on.
    fn on_the_ring(&self, request: &Request, keys: u32) -> Option<usize> {
        let person = mix(u64::from(request.client()) ^ SALT, request.row() & u64::from(u32::MAX));
        let key = person % u64::from(keys.max(1));
        let ring = &self.balancer.ring;
        let first = ring.partition_point(|&(point, _)| point < mix(key, SALT));
        let servers = ring[first..].iter().chain(&ring[..first]).map(|&(_, server)| usize::from(server));
        servers.into_iter().find(|&server| self.is_open_to(request, server))
    }

    /// What became of a request that the proxy sent to a server.
    pub(crate) fn note_upstream(&mut self, server: usize, good: bool) {
        let Some(ejection) = self.model.proxy.as_ref().and_then(|proxy| proxy.ejection) else { return };
        let health = &mut self.balancer.health[server];
        if good {
            if health.accessed < health.checked {
                health.fails = 0;
            }
            return;
        }
        health.fails = health.fails.saturating_add(1);
        // Not those that were under way already when it was left alone.
        let begins = health.fails == ejection.fails || health.accessed < health.checked;
        (health.accessed, health.checked) = (self.now, self.now);
        // A server without others beside it is never left alone.
        if begins && health.fails >= ejection.fails && self.servers() > 1 {
            self.probe.on(self.now, Fact::Ejected);
        }
    }
}
