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

    /// Per cent of the CPU time that a server's own work needs, where it was measured: `tests/measured/versions.py`, the least of fourteen
    /// rounds on a machine with other work, beside the same with CPython 3.11.7. On a loop uvicorn 0.33 with h11 over kept connections:
    /// 162, 159, 144, 115, 121 and 120 us from 3.8.18 to 3.13.0; elsewhere gunicorn 23's sync worker: 135, 125, 129, 116, 93 and 95 us.
    /// Of later versions nothing was measured.
    fn measured_percent(self, on_loop: bool) -> Option<u32> {
        let [of_loop, elsewhere] = match self.version {
            Python::V3_8 => [141, 116],
            Python::V3_9 => [138, 108],
            Python::V3_10 => [125, 111],
            Python::V3_11 => [100, 100],
            Python::V3_12 => [105, 80],
            Python::V3_13 => [104, 82],
            Python::V3_14 | Python::V3_15 => return None,
        };
        Some(if on_loop { of_loop } else { elsewhere })
    }

    /// Per cent of the CPU time that a server's own Python needs.
    pub(crate) fn own_percent(self, on_loop: bool) -> u32 {
        if self.free { self.percent() } else { self.measured_percent(on_loop).unwrap_or(100) }
    }

    /// What is taken for granted of its costs, where it is not the build that the presets were measured with.
    pub(crate) fn assumed(self, on_loop: bool) -> Option<String> {
        let usual = Build::USUAL.version;
        if self == Build::USUAL {
            return None;
        }
        let own = match self.own_percent(on_loop) {
            100 => format!(
                "the server's own work costs what it does in CPython {usual}: {} was not measured",
                self.version
            ),
            more if more > 100 => {
                format!(
                    "the server's own work costs {} % more in CPython {} than in {usual}, with which its preset was measured",
                    more - 100,
                    self.version
                )
            }
            less => {
                format!(
                    "the server's own work costs {} % less in CPython {} than in {usual}, with which its preset was measured",
                    100 - less,
                    self.version
                )
            }
        };
        let steps =
            if self.free { "; so does what the steps burn" } else { "; what the steps burn is what the file says" };
        Some(own + steps)
    }

    /// What a server's own work costs on it. What is no Python stays: system calls without the GIL, the kernel's part of polls and of
    /// starts, and under a hub or on a loop the clock.
    pub(crate) fn costs(self, costs: Costs, carrier: Carrier) -> Costs {
        let percent = self.own_percent(carrier == Carrier::Loop);
        if percent == 100 {
            return costs;
        }
        let slower = costs.scaled(u64::from(percent));
        let (poll, wake, clock, create, start) = (costs.poll, costs.wake, costs.clock, costs.create, costs.start);
        let all = Costs { poll, wake, clock, create, start, ..slower };
        match carrier {
            // What was measured is the whole of a request.
            _ if !self.free => all,
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
