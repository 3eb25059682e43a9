//! Formulas of queueing theory, in seconds and per second.

/// Erlang's C: the chance that somebody who comes to an M/M/c queue waits. `load` is the offered load in servers, below their number.
pub fn erlang_c(servers: u64, load: f64) -> f64 {
    let blocking = (1..=servers).fold(1.0, |b, n| load * b / (n as f64 + load * b));
    let busy = load / servers as f64;
    blocking / (1.0 - busy * (1.0 - blocking))
}

/// Mean wait of an M/M/c queue.
pub fn mmc_wait(servers: u64, rate: f64, service: f64) -> f64 {
    let load = rate * service;
    erlang_c(servers, load) * service / (servers as f64 - load)
}

/// Share of the people in an M/M/c queue who stay longer than `time`, wait and service together.
pub fn mmc_longer(servers: u64, rate: f64, service: f64, time: f64) -> f64 {
    let waits = erlang_c(servers, rate * service);
    let (serve, drain) = (1.0 / service, servers as f64 / service - rate);
    let late = if (drain - serve).abs() < 1e-9 * serve {
        serve * time * (-serve * time).exp()
    } else {
        serve / (drain - serve) * ((-serve * time).exp() - (-drain * time).exp())
    };
    ((-serve * time).exp() + waits * late).clamp(0.0, 1.0)
}

/// The time that a share `p` of the people in an M/M/c queue do not exceed.
pub fn mmc_quantile(servers: u64, rate: f64, service: f64, p: f64) -> f64 {
    let beyond = |time: f64| mmc_longer(servers, rate, service, time) > 1.0 - p;
    let mut high = service;
    while beyond(high) {
        high *= 2.0;
    }
    let mut low = 0.0;
    // Halved so often, a float has no more digits.
    for _ in 0..100 {
        let middle = f64::midpoint(low, high);
        if beyond(middle) { low = middle } else { high = middle }
    }
    high
}

/// Mean wait of an M/G/c queue: Pollaczek and Khinchine's law for one server, and for more Lee and Longton's approximation, the wait of
/// M/M/c times half of one plus the squared coefficient of variation.
pub fn mgc_wait(servers: u64, rate: f64, service: f64, variance: f64) -> f64 {
    let squared_variation = variance / (service * service);
    mmc_wait(servers, rate, service) * (1.0 + squared_variation) / 2.0
}

/// What a closed system with one queue serves a second: `clients` who are away for `away` on average, then need `servers` for
/// `service`. The machine repairman's law for exponential service first come first served, and for any service that is shared.
pub fn finite_source(clients: u64, servers: u64, service: f64, away: f64) -> f64 {
    if away <= 0.0 {
        return clients.min(servers) as f64 / service;
    }
    // Weights relative to the largest so far, so that thousands of clients overflow nothing.
    let (mut weight, mut total, mut busy) = (1.0_f64, 1.0_f64, 0.0_f64);
    for inside in 1..=clients {
        weight *= (clients - inside + 1) as f64 * service / away / inside.min(servers) as f64;
        total += weight;
        busy += inside.min(servers) as f64 * weight;
        if total > 1e200 {
            (weight, total, busy) = (weight / 1e200, total / 1e200, busy / 1e200);
        }
    }
    busy / total / service
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() <= 1e-9 * b.abs(), "{a} is not {b}");
    }

    #[test]
    fn one_server_is_the_mm1_queue() {
        close(erlang_c(1, 0.8), 0.8);
        close(mmc_wait(1, 8.0, 0.1), 0.4);
        // The sojourn is exponential with rate mu - lambda = 2.
        close(mmc_longer(1, 8.0, 0.1, 0.7), (-1.4_f64).exp());
        close(mmc_quantile(1, 8.0, 0.1, 0.99), 100.0_f64.ln() / 2.0);
    }

    #[test]
    fn two_servers_are_as_the_textbook_has_them() {
        // C(2, a) = a^2 / (2 + a); the mean sojourn is S / (1 - (a / 2)^2).
        close(erlang_c(2, 1.2), 1.44 / 3.2);
        close(mmc_wait(2, 12.0, 0.1) + 0.1, 0.1 / (1.0 - 0.36));
        // With drain and service alike the formula has a limit: lambda = mu.
        let near = mmc_longer(2, 10.0 - 1e-6, 0.1, 0.3);
        assert!((mmc_longer(2, 10.0, 0.1, 0.3) - near).abs() < 1e-5);
    }

    #[test]
    fn fixed_service_halves_the_wait_of_one_server() {
        close(mgc_wait(1, 8.0, 0.1, 0.0), 0.2);
        close(mgc_wait(3, 20.0, 0.1, 0.01), mmc_wait(3, 20.0, 0.1));
    }

    #[test]
    fn a_closed_system_is_bounded_by_its_clients_and_its_servers() {
        // Nobody waits where there are as many servers as clients.
        close(finite_source(5, 5, 0.1, 0.4), 10.0);
        close(finite_source(5, 2, 0.1, 0.0), 20.0);
        // One client is served half of the time. Two, of one server that takes as long as they think:
        // weights 1, 2, 2, so it is busy 4/5 of the time.
        close(finite_source(1, 1, 0.1, 0.1), 5.0);
        close(finite_source(2, 1, 0.1, 0.1), 8.0);
        // Ten thousand clients overflow nothing.
        close(finite_source(10_000, 10, 0.1, 1.0), 100.0);
    }
}
