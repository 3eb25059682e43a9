//! What stands before the servers: a balancer that chooses among them, its health checks, and a proxy.

pub(crate) mod above;
pub(crate) mod balance;
pub(crate) mod health_check;
pub(crate) mod proxy;

use crate::client::above::FrontForClient;
use crate::kit::id::RequestId;
use crate::net::above::FrontForNet;
use crate::watch::probe::Probe;
use crate::world::World;

impl<P: Probe> FrontForClient for World<'_, P> {
    #[inline(always)]
    fn check_ended(&mut self, id: RequestId, good: bool) {
        self.checked(id, good)
    }

    #[inline(always)]
    fn proxy_waited(&mut self, id: RequestId) {
        self.upstream_timed_out(id)
    }
}

impl<P: Probe> FrontForNet for World<'_, P> {
    #[inline(always)]
    fn server_for(&mut self, id: RequestId) -> Option<usize> {
        self.balance(id)
    }

    #[inline(always)]
    fn server_failed(&mut self, id: RequestId, again: bool) {
        self.upstream_failed(id, again)
    }
}
