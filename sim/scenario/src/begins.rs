//! What closed clients begin with: a request that each of them makes once, before all others.
//!
//! A person who logs in, a script whose greenlets sleep and make an object before their loop.

use crate::client::Client;
use crate::diagnostic::Findings;
use crate::node::{Name, Node};
use crate::root::Scenario;

/// Reads `begins` of a `[client.NAME]`.
pub(crate) fn read(client: &Name, node: &Node, findings: &mut Findings) -> Option<Name> {
    let begins = node.find::<&[Name]>("begins").and_then(|names| names.first())?;
    if node.get("first_alone") {
        let what = format!("client `{}` has both `begins` and `first_alone`", client.text);
        let help =
            "keep one: either all of them begin together, or the first asks again and again before the others begin";
        findings.error(node.key_at("begins"), what).label("beside `first_alone`").help(help);
    }
    let chosen = node.find::<&[Name]>("requests").unwrap_or_default();
    if let Some(twice) = chosen.iter().find(|name| name.text == begins.text) {
        let what = format!("client `{}` begins with request `{}` and chooses it too", client.text, begins.text);
        let help =
            "remove it from `requests`: each client makes it once; or write a second request with the same steps";
        findings.error(twice.at, what).label("listed here too").help(help);
    }
    Some(begins.clone())
}

impl Scenario {
    /// Whoever does not say what it asks for chooses among all requests but those that somebody begins with.
    pub(crate) fn leave_beginnings(&mut self) {
        let begun: Vec<String> =
            self.clients.iter().filter_map(|client| client.begins.as_ref()).map(|name| name.text.clone()).collect();
        if begun.is_empty() {
            return;
        }
        let others = self.requests.iter().filter(|request| !begun.contains(&request.name.text));
        let others: Vec<Name> = others.map(|request| request.name.clone()).collect();
        for client in &mut self.clients {
            client.requests.get_or_insert_with(|| others.clone());
        }
    }
}

impl Client {
    /// Whether it may choose the request called `name`.
    pub(crate) fn asks(&self, name: &str) -> bool {
        self.requests.as_ref().is_none_or(|list| list.iter().any(|listed| listed.text == name))
    }

    /// Whether it begins with the request called `name`.
    pub(crate) fn begins_with(&self, name: &str) -> bool {
        self.begins.as_ref().is_some_and(|begins| begins.text == name)
    }
}
