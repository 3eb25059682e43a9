//! What nobody asks for, and what nobody uses: requests, peers, and what processes share.

use std::collections::BTreeSet;

use engine::model::{SyncKind, WorkerKind};

use crate::reader::node::Node;
use crate::tables::step::runs_in_thread;
use crate::tables::world::TypedWorld;
use crate::whole::Scenario;
use crate::words::diagnostic::Findings;
use crate::words::source::Name;

impl Scenario {
    /// Reports steps that no native thread does, in worlds whose requests all run in one.
    pub(super) fn check_threads(&self, root: &Node, findings: &mut Findings) {
        for (name, node) in root.get::<&[(Name, Node)]>("world") {
            // On a thread server it is refused already.
            let lends = |world: &&TypedWorld| {
                world.in_thread.lends() && matches!(world.worker.kind, WorkerKind::Hub { .. } | WorkerKind::Loop(_))
            };
            if !self.worlds.iter().filter(lends).any(|world| world.name == name.text) {
                continue;
            }
            for request in self.requests.iter().filter(|request| !request.in_thread.lends()) {
                let mut verbs = Vec::new();
                request.each_step(&mut |step| verbs.push(step.act.verb()));
                if let Some(verb) = verbs.into_iter().find(|verb| !runs_in_thread(verb)) {
                    let what = format!(
                        "world `{}` runs its requests in threads, and request `{}` has a step `{verb}`",
                        name.text, request.name.text
                    );
                    let help = "a native thread burns, sleeps, calls, and takes units; write `in_thread` in the requests that can";
                    findings.error(node.key_at("in_thread"), what).label("not in a thread").help(help);
                }
            }
        }
    }

    /// Reports clients that ask for nothing.
    pub(super) fn check_shares(&self, findings: &mut Findings) {
        for client in self.clients.iter().filter(|_| !self.requests.is_empty()) {
            let mut asked = self.requests.iter().filter(|request| client.asks(&request.name.text)).peekable();
            let why = match (asked.peek(), &client.begins) {
                (None, Some(begins)) => &format!("it begins with `{}` and has nothing to go on with", begins.text),
                (None, None) => "its list of requests is empty",
                (Some(_), _) => "all shares of its requests are zero",
            };
            if asked.any(|request| request.share > 0.0) {
                continue;
            }
            let what = format!("client `{}` asks for nothing: {why}", client.name.text);
            let help = "give at least one request of this client a `share` above zero";
            findings.error(client.name.at, what).label("asks for nothing").help(help).echo();
        }
    }

    /// Doubts about what no request uses, or only one half of.
    pub(super) fn check_use(&self, findings: &mut Findings) {
        for request in &self.requests {
            let asked = self.clients.iter().any(|client| client.asks(&request.name.text));
            let begun = self.clients.iter().any(|client| client.begins_with(&request.name.text));
            let checks = self.balancer.checks(&request.name.text);
            if !checks && !begun && (!asked || request.share == 0.0) {
                let what = format!("nobody asks for request `{}`", request.name.text);
                let help = "list it in a client's `requests`, give it a `share`, or remove it";
                findings.warning(request.name.at, what).label("not used").help(help).echo();
            }
        }
        // What steps name, and with which verbs.
        let mut named: BTreeSet<(&str, &str)> = BTreeSet::new();
        for request in &self.requests {
            request.each_step(&mut |step| named.extend(step.act.named()));
        }
        let all = self.worlds.iter().map(|world| &world.in_thread);
        let all = all.chain(self.requests.iter().map(|request| &request.in_thread));
        named.extend(all.filter_map(|threads| Some(("in_thread", threads.executor()?))));
        let peers = self.peers.iter().map(|peer| (&peer.name, "calls peer"));
        let syncs = self.syncs.iter().map(|sync| (&sync.name, sync.use_words()));
        for (name, words) in peers.chain(syncs) {
            if !named.iter().any(|(_, used)| *used == name.text) {
                let what = format!("no request {words} `{}`", name.text);
                findings.warning(name.at, what).label("not used").help("use it in a step, or remove it").echo();
            }
        }
        for sync in &self.syncs {
            let name = sync.name.text.as_str();
            let does = |verb: &str| named.contains(&(verb, name));
            let (verb, label, what) = match sync.kind {
                SyncKind::Queue { .. } if does("get") && !does("put") => {
                    ("put", "nobody puts", format!("requests get items from queue `{name}`, and none puts one in"))
                }
                SyncKind::Queue { max: Some(_), .. } if does("put") && !does("get") => {
                    ("get", "nobody gets", format!("requests put items into queue `{name}`, and none gets one out"))
                }
                SyncKind::Event if does("wait") && !does("set") => {
                    ("set", "nobody sets", format!("requests wait for event `{name}`, and none sets it"))
                }
                _ => continue,
            };
            let help = format!("add a step {{ {verb} = \"{name}\" }} to a request");
            findings.warning(sync.name.at, what).label(label).help(help).echo();
        }
    }
}
