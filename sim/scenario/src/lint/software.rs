//! Libraries, patching and name resolution under a hub.
//!
//! What is known of libraries stands in `tables/library.rs`, of gevent's releases in `tables/software.rs`; what follows is here.
//! Worlds of threads alone have nothing to fear: there a call that waits stops one thread.

use engine::model::WorkerKind;
use engine::op::Patching;

use crate::reader::node::Node;
use crate::tables::library::{self, Library, Waits};
use crate::tables::software::{Gevent, NEWEST, PARTS};
use crate::tables::step::Act;
use crate::whole::Scenario;
use crate::words::diagnostic::Findings;
use crate::words::doubt::Doubt;
use crate::words::source::{At, Name};

/// Looks at `[software]` and at the libraries of the peers.
pub(super) fn check(scenario: &Scenario, root: &Node, findings: &mut Findings) {
    let node: &Node = root.get("software");
    if !scenario.worlds.iter().any(|world| matches!(world.worker.kind, WorkerKind::Hub { .. })) {
        return;
    }
    let software = Software::read(node);
    software.check_release(findings);
    software.check_order(scenario, findings);
    software.check_parts(findings);
    software.check_resolver(findings);
    software.check_libraries(scenario, findings);
}

struct Software<'n> {
    node: &'n Node,
    gevent: &'n str,
    release: Gevent,
    patch: &'n str,
    reinit: bool,
    resolver: &'n str,
    libraries: Vec<(&'static Library, At)>,
}

impl<'n> Software<'n> {
    fn read(node: &'n Node) -> Software<'n> {
        let gevent: &str = node.get("gevent");
        let release = Gevent::read(node);
        let own = if !release.is_since("1.0") { "libevent-dns" } else { "thread" };
        let names = node.get::<&[Name]>("libraries").iter();
        Software {
            node,
            gevent,
            release,
            patch: node.get("patch"),
            reinit: node.get("reinit"),
            resolver: node.find("resolver").unwrap_or(own),
            libraries: names.filter_map(|name| Some((library::named(&name.text)?, name.at))).collect(),
        }
    }

    /// Whether this release is at least that one.
    fn is_since(&self, release: &str) -> bool {
        self.release.is_since(release)
    }

    /// A release that none of the doubts here would depend on.
    fn check_release(&self, findings: &mut Findings) {
        if !self.node.given("gevent") || !self.release.is_like_newest() || self.release.is_since(NEWEST) {
            return;
        }
        let asks = ["uses", "resolver"].iter().any(|key| self.node.given(key));
        if asks || self.patch == "before-fork" {
            return;
        }
        let what = format!(
            "`gevent = \"{}\"` changes nothing here: its hubs do what gevent 26.9's do, and nothing else in [software] depends on it",
            self.gevent
        );
        let help = "remove it, or say what depends on it: `uses` and `resolver` beside it";
        findings.doubt(Doubt::NoEffect, self.node.key_at("gevent"), what).label("no effect").help(help);
    }

    fn imports(&self, name: &str) -> bool {
        self.libraries.iter().any(|(library, _)| library.name == name)
    }

    fn check_order(&self, scenario: &Scenario, findings: &mut Findings) {
        let at = self.node.at("patch");
        match self.patch {
            "after-imports" => {
                let what = "what was imported or opened before gevent patches keeps the unpatched sockets and locks";
                let help = "write `patch = \"first\"`: call monkey.patch_all() before anything else is imported, \
                            in the process that serves";
                findings.doubt(Doubt::PatchOrder, at, what).label("too late").help(help);
            }
            "before-fork" if !self.reinit && !self.is_since("1.0") => {
                let what = "the child of a patched process has its parent's event loop, and a daemon none of its descriptors: \
                            sockets in it do not work with gevent";
                let help = "fork or daemonize first and patch then (`patch = \"first\"`), or call gevent.reinit() in the child \
                            (`reinit = true`)";
                findings.doubt(Doubt::PatchOrder, at, what).label("before the fork").help(help);
            }
            "none" if scenario.uses(waits_patched) => {
                let what = "nothing is patched, so every call and sleep of a request stops the hub";
                let help = "call monkey.patch_all() first of all (`patch = \"first\"`), or write `blocking = true` in the steps";
                findings.doubt(Doubt::Unpatched, at, what).label("no patching").help(help);
            }
            _ => {}
        }
    }

    fn check_parts(&self, findings: &mut Findings) {
        for name in self.node.get::<&[Name]>("uses") {
            let Some(part) = PARTS.iter().find(|part| part.name == name.text) else { continue };
            let (patched, label) = match part.since {
                Some(release) if self.is_since(release) => (self.patch != "none", "not patched".to_owned()),
                Some(release) => (false, format!("patched since {release}")),
                None => (false, "never patched".to_owned()),
            };
            if patched {
                continue;
            }
            let what = format!("gevent {} does not patch `{}`: {}", self.gevent, part.name, part.harm);
            let help = format!("use {}", part.instead);
            findings.doubt(Doubt::Unpatched, name.at, what).label(label).help(help);
        }
    }

    fn check_resolver(&self, findings: &mut Findings) {
        let given = self.node.given("resolver");
        let at = if given { self.node.at("resolver") } else { self.node.at("patch") };
        let old = !self.is_since("1.0");
        let forks = self.patch == "before-fork";
        let (what, label, help) = match self.resolver {
            "libevent-dns" if !old => (
                format!("gevent {} has no libevent-dns: it went with 1.0", self.gevent),
                "gone",
                "write `resolver = \"thread\"`, the default, or \"ares\"",
            ),
            "libevent-dns" if forks => (
                "libevent-dns has one socket and cannot open it again: after a fork or a daemon's start no name resolves".to_owned(),
                "does not survive it",
                "use gevent 1.0, whose resolvers do (`resolver = \"thread\"` or \"ares\"), fork before gevent is imported, or \
                 monkey.patch_all(dns=False)",
            ),
            "thread" | "ares" | "dnspython" if old => (
                format!("gevent 0.13 has no resolver `{}`", self.resolver),
                "not in 0.13",
                "write `gevent = \"1.0\"` or later, or remove `resolver`",
            ),
            "block" if self.patch != "none" => (
                "the blocking resolver stops the hub for every name that is looked up".to_owned(),
                "stops the hub",
                "write `resolver = \"thread\"`, which looks up ten names at a time beside the hub, or \"ares\"",
            ),
            _ => return,
        };
        findings.doubt(Doubt::Resolver, at, what).label(label).help(help);
    }

    fn check_libraries(&self, scenario: &Scenario, findings: &mut Findings) {
        let of_peers = || scenario.peers.iter().filter_map(|peer| peer.library);
        for (library, at) in self.libraries.iter().copied().chain(of_peers()) {
            if library.waits == Waits::OwnLoop {
                let name = library.name;
                let what =
                    format!("`{name}` has an event loop of its own: who waits in it never gives way to gevent's hub");
                let help = format!(
                    "use a library over the standard library's sockets, which gevent patches, instead of one over `{name}` ({})",
                    library.source
                );
                findings.doubt(Doubt::SecondLoop, at, what).label("a second loop").help(help);
            }
        }
        for (library, at) in &self.libraries {
            let Some(instead) = self.blocks(library) else { continue };
            if !of_peers().any(|(other, _)| other == *library) {
                let name = library.name;
                let what =
                    format!("`{name}` waits in C, which stops the hub, and no peer is said to be called through it");
                let help = format!(
                    "write `library = \"{name}\"` in its [peer.NAME] and `blocking = true` in the calls, or use {instead} ({})",
                    library.source
                );
                findings.doubt(Doubt::BlockingLibrary, *at, what).label("waits in C").help(help);
            }
        }
        for request in &scenario.requests {
            request.each_step(&mut |step| {
                if let Act::Call { peer, patching, .. } = &step.act {
                    let library = scenario.peers.iter().find(|one| one.name.text == *peer).and_then(|one| one.library);
                    if let Some((library, _)) = library {
                        self.check_call(step.at, peer, *patching, library, findings);
                    }
                }
            });
        }
    }

    /// What to use instead of a library that waits in C.
    fn blocks(&self, library: &Library) -> Option<String> {
        match library.waits {
            Waits::InC { instead } => Some(format!("`{instead}`")),
            Waits::Hooked { by } if !self.imports(by) => {
                Some(format!("`{by}` beside it, in `libraries` of [software]"))
            }
            Waits::Patched | Waits::Hooked { .. } | Waits::Hook | Waits::OwnLoop => None,
        }
    }

    fn check_call(&self, at: At, peer: &str, patching: Patching, library: &Library, findings: &mut Findings) {
        let name = library.name;
        match (self.blocks(library), patching) {
            (Some(instead), Patching::Patched) => {
                let what = format!("`{peer}` is called through `{name}`, which waits in C: this call stops the hub");
                let help = format!("write `blocking = true` in the call, or use {instead} ({})", library.source);
                findings.doubt(Doubt::BlockingLibrary, at, what).label("said to give way").help(help);
            }
            (None, Patching::Blocking) if library.waits == Waits::Patched && self.patch != "none" => {
                let what = format!("`{peer}` is called through `{name}`, which gives way once it is patched");
                let help =
                    format!("remove `blocking = true`, or write `patch = \"none\"` in [software] ({})", library.source);
                findings.doubt(Doubt::BlockingLibrary, at, what).label("said to block").help(help);
            }
            _ => {}
        }
    }
}

/// Whether a step waits, and whether gevent's version of the wait is meant.
fn waits(act: &Act) -> Option<Patching> {
    match act {
        Act::Call { patching, .. } | Act::Sleep(patching, _) => Some(*patching),
        _ => None,
    }
}

fn waits_patched(act: &Act) -> bool {
    waits(act) == Some(Patching::Patched)
}
