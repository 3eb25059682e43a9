//! `python` of a world: which build of CPython runs it.

use engine::model::Costs;
use engine::model::asyncio::Python;

use crate::reader::node::Node;
use crate::tables::preset::worker::Carrier;
use crate::words::diagnostic::Findings;

/// A build of CPython.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Build {
    pub(crate) version: Python,
    /// Whether it is free-threaded.
    pub(crate) free: bool,
}

/// The free-threaded ones, as people write them.
const FREE: [(&str, Python); 3] = [("3.13t", Python::V3_13), ("3.14t", Python::V3_14), ("3.15t", Python::V3_15)];

/// Words for all, oldest first.
pub(crate) fn names() -> Vec<&'static str> {
    let usual = Python::ALL.into_iter().map(Python::label);
    usual.chain(FREE.iter().map(|(name, _)| *name)).collect()
}

impl Build {
    /// What the presets were measured with.
    pub(crate) const USUAL: Build = Build { version: Python::V3_11, free: false };

    /// Reads `python` of a world.
    pub(crate) fn read(node: &Node) -> Build {
        let Some(name) = node.find::<&str>("python") else { return Build::USUAL };
        let free =
            FREE.iter().find(|(free, _)| *free == name).map(|(_, version)| Build { version: *version, free: true });
        let usual = || Python::named(name).map(|version| Build { version, free: false });
        free.or_else(usual).unwrap_or(Build::USUAL)
    }

    /// Whether it is another one than the presets', with nothing but its rules to tell the two apart.
    pub(crate) fn is_like_usual(self) -> bool {
        self != Build::USUAL && !self.free
    }

    /// Per cent of the CPU time that the same Python needs: CPython's `Doc/howto/free-threading-python.rst`, pyperformance, of 3.13
    /// ("about 40%") and of 3.14 and 3.15 ("8% on x86-64 Linux").
    pub(crate) fn percent(self) -> u32 {
        match (self.free, self.version >= Python::V3_14) {
            (false, _) => 100,
            (true, false) => 140,
            (true, true) => 108,
        }
    }

    /// What a server's own work costs on it. What is no Python stays: system calls without the GIL, the kernel's part of polls and of
    /// starts, and under a hub or on a loop the clock.
    pub(crate) fn costs(self, costs: Costs, carrier: Carrier) -> Costs {
        if self.percent() == 100 {
            return costs;
        }
        let slower = costs.scaled(u64::from(self.percent()));
        let (poll, wake, clock, create, start) = (costs.poll, costs.wake, costs.clock, costs.create, costs.start);
        let all = Costs { poll, wake, clock, create, start, ..slower };
        match carrier {
            // A loop accepts, reads and writes in Python.
            Carrier::Loop => all,
            Carrier::Sync | Carrier::Threads | Carrier::Pool | Carrier::Hub => {
                Costs { accept: costs.accept, respond: costs.respond, ..all }
            }
        }
    }
}

/// Whether a world has a GIL: its build says so, unless the file does.
pub(crate) fn gil(node: &Node, usual: bool, findings: &mut Findings) -> bool {
    let said = node.find::<bool>("gil");
    let build = Build::read(node);
    if said == Some(false) && node.given("python") && node.sound(&["python", "gil"]) && !build.free {
        let what = format!("CPython {} has a GIL", build.version);
        let help =
            format!("write a free-threaded build, such as `python = \"{}\"`, or remove one of the two", FREE[1].0);
        findings.error(node.key_at("gil"), what).label("not this build").help(help);
    }
    said.unwrap_or(usual && !build.free)
}
