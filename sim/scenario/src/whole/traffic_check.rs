//! What clients, balancer and proxy say that does not go together.

use engine::time::Span;

use crate::reader::law_text::LawText;
use crate::tables::client::When;
use crate::whole::Scenario;
use crate::words::diagnostic::Findings;

impl Scenario {
    /// What clients, balancer and proxy say that does not go together.
    pub(super) fn check_traffic(&self, findings: &mut Findings) {
        if let Some(check) = self.balancer.check.as_ref().filter(|_| self.run.length.is_none()) {
            let what = "health checks go on for ever, and the run has no end";
            findings.error(check.at, what).label("until when?").help("add `length = \"60s\"` to [run]");
        }
        for client in &self.clients {
            if self.proxy.is_some() && client.policies.keep_alive.is_some() {
                let what = format!(
                    "client `{}` keeps connections to servers that it reaches through the proxy",
                    client.name.text
                );
                let help = "write `keep_alive` in [proxy]: its connections are those that the servers see";
                findings.error(client.name.at, what).label("beside [proxy]").help(help).echo();
            }
            if let When::Closed { think: (LawText::Fixed(Span::ZERO), at), .. } = &client.when
                && client.policies.breaker.is_some()
            {
                let what = format!("client `{}` would ask without end while its breaker is open", client.name.text);
                let help = "write `think = \"100ms\"`: a request that fails at once takes no time";
                findings.error(*at, what).label("no pause").help(help).echo();
            }
        }
    }
}
