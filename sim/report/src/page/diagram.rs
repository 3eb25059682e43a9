//! A world as a drawing: who sends, what stands in front, the servers with their processes, and what those call.
//!
//! It flows from top to bottom and is as wide as a plot, so that worlds stand beside each other on a desk and below
//! each other on a phone.

use std::fmt::Write;

use engine::Model;
use engine::model::WorkerKind;
use engine::time::Span;

use super::look::{escape, hue};
use super::svg::WIDTH;
use super::words;
use crate::figures::type_setting::Face;

/// White space between things beside each other.
const GAP: f64 = 10.0;
/// Size of names.
const NAME: f64 = 12.0;
/// Size of everything else.
const LABEL: f64 = 11.0;
/// Baseline to baseline.
const LEADING: f64 = 14.5;
/// White space inside a box.
const PADDING: f64 = 8.0;
/// Length of an arrow.
const ARROW: f64 = 24.0;
/// Boxes in a row, at most.
const BOXES: usize = 2;
/// Servers that are drawn.
const SERVERS_MAX: usize = 4;
/// Processes of a server that are drawn.
const PROCESSES_MAX: usize = 16;
/// From dot to dot: the widest at which all threads of a process have room.
const PITCHES: [f64; 4] = [4.5, 3.8, 3.2, 2.7];
/// Height of a process.
const PROCESS: f64 = 30.0;

/// A drawing that grows downwards.
#[derive(Default)]
struct Sheet {
    out: String,
    y: f64,
}

/// Draws a world.
pub(crate) fn draw(world: usize, model: &Model) -> String {
    let mut sheet = Sheet::default();
    let resident = model.workers.iter().any(|worker| worker.resident);
    let clients: Vec<(String, Vec<String>)> =
        model.clients.iter().map(|client| (client.name.clone(), words::client(client, resident))).collect();
    sheet.boxes("clients", &clients);
    if !resident {
        sheet.arrow(&away(model.clients.iter().map(|client| client.network)));
        front(&mut sheet, model);
    } else {
        sheet.arrow("inside the processes");
    }
    servers(&mut sheet, model);
    if !model.peers.is_empty() {
        let length = model.run.length;
        sheet.arrow("calls");
        let peers: Vec<(String, Vec<String>)> =
            model.peers.iter().map(|peer| (peer.name.clone(), words::peer(peer, length))).collect();
        sheet.boxes("peer", &peers);
    }
    let (height, id) = (sheet.y + 1.0, format!("world-{world}"));
    format!(
        "<svg class=\"diagram {}\" viewBox=\"0 0 {WIDTH} {height:.1}\" role=\"img\" \
         aria-labelledby=\"{id}-t {id}-d\">\n\
         <title id=\"{id}-t\">{}</title>\n<desc id=\"{id}-d\">{}</desc>\n{}</svg>\n",
        hue(world),
        escape(&format!("What {} is made of", model.name)),
        escape(&spoken(model, &clients)),
        sheet.out
    )
}

/// The drawing in words.
fn spoken(model: &Model, clients: &[(String, Vec<String>)]) -> String {
    let told = |(name, lines): &(String, Vec<String>)| format!("{name} ({})", lines.join("; "));
    let clients: Vec<String> = clients.iter().map(told).collect();
    let peers = model.peers.iter().map(|peer| (peer.name.clone(), words::peer(peer, model.run.length)));
    let peers: Vec<String> = peers.map(|peer| told(&peer)).collect();
    let calls = if peers.is_empty() { String::new() } else { format!(" They call {}.", peers.join(", ")) };
    format!("Clients: {}. Servers: {}.{calls}", clients.join(", "), words::fleet(model))
}

/// How far away all of them are, if equally.
fn away(networks: impl Iterator<Item = Span>) -> String {
    let mut all: Vec<Span> = networks.collect();
    all.sort_unstable();
    match (all.first(), all.last()) {
        (Some(near), Some(far)) if near == far && *near == Span::ZERO => String::new(),
        (Some(near), Some(far)) if near == far => format!("{near} one way"),
        (Some(near), Some(far)) => format!("{near} to {far} one way"),
        _ => String::new(),
    }
}

/// Proxy and balancer.
fn front(sheet: &mut Sheet, model: &Model) {
    let several = model.listeners.len() > 1;
    let policy =
        format!("balances over {} servers, {}", model.listeners.len(), words::balancing(model.balancer.policy));
    match (&model.proxy, several) {
        (None, false) => {}
        (None, true) => {
            sheet.boxes("front", &[("balancer".to_owned(), vec![policy])]);
            sheet.arrow("");
        }
        (Some(proxy), several) => {
            let mut lines = words::proxy(proxy);
            lines.extend(several.then_some(policy));
            sheet.boxes("front", &[("proxy".to_owned(), lines)]);
            sheet.arrow(&away([proxy.network].into_iter()));
        }
    }
}

/// The servers beside each other, with what is true of each below.
fn servers(sheet: &mut Sheet, model: &Model) {
    let shown = model.listeners.len().clamp(1, SERVERS_MAX);
    let width = (WIDTH - GAP * (shown - 1) as f64) / shown as f64;
    let of_server = |server: usize| -> Vec<WorkerKind> {
        let own = model.processes.iter().filter(move |process| process.listener as usize == server);
        own.map(|process| model.workers[process.worker as usize].kind).collect()
    };
    let most = (0..shown).map(|server| of_server(server).len()).max().unwrap_or(0).clamp(1, PROCESSES_MAX);
    let columns = most.min(if shown == 1 {
        8
    } else if shown == 2 {
        4
    } else {
        2
    });
    let rows = most.div_ceil(columns);
    let height = LEADING + 6.0 + rows as f64 * (PROCESS + 4.0) + PADDING;
    for server in 0..shown {
        let left = (width + GAP) * server as f64;
        let cores = model.listeners.get(server).map_or(0, |listener| model.hosts[listener.host as usize].cores);
        sheet.frame("server", left, width, height);
        let head = if shown > 2 {
            words::several(u64::from(cores), "core")
        } else {
            format!("server, {}", words::several(u64::from(cores), "core"))
        };
        let y = sheet.y;
        sheet.text("name", left + PADDING, y + 16.0, &Face::Bold.cut(&head, NAME, width - 2.0 * PADDING));
        let room = (width - 2.0 * PADDING + 4.0) / columns as f64;
        for (at, kind) in of_server(server).into_iter().take(PROCESSES_MAX).enumerate() {
            let x = left + PADDING + room * (at % columns) as f64;
            let top = y + LEADING + 8.0 + (PROCESS + 4.0) * (at / columns) as f64;
            sheet.process(x, top, room - 4.0, kind);
        }
    }
    sheet.y += height + 4.0;
    let mut lines = vec![words::fleet(model)];
    if model.listeners.len() > shown {
        lines.push(format!("({shown} of the servers are drawn)"));
    }
    let software: Vec<&str> = model.workers.iter().map(|worker| worker.name.as_str()).collect();
    let queue = model.listeners.iter().map(|listener| listener.backlog).max().unwrap_or(0);
    let resident = model.workers.iter().any(|worker| worker.resident);
    let queue = if resident {
        String::new()
    } else {
        format!("; accept queue {}", words::several(u64::from(queue), "connection"))
    };
    lines.push(format!("{}{queue}", software.join(", ")));
    let own: Vec<String> = model.syncs.iter().filter_map(words::sync).collect();
    if !own.is_empty() {
        lines.push(format!("each process has {}", own.join(", ")));
    }
    for line in lines {
        for part in Face::Regular.wrap(&line, LABEL, WIDTH, 3) {
            sheet.y += LEADING;
            let y = sheet.y;
            sheet.text("small", 0.0, y, &part);
        }
    }
    sheet.y += 6.0;
}

impl Sheet {
    fn frame(&mut self, class: &str, left: f64, width: f64, height: f64) {
        let y = self.y;
        let _ = writeln!(
            self.out,
            "<rect class=\"box {class}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"4\"/>",
            left + 0.5,
            y + 0.5,
            width - 1.0,
            height
        );
    }

    fn text(&mut self, class: &str, x: f64, y: f64, text: &str) {
        let _ = writeln!(self.out, "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{}</text>", escape(text));
    }

    /// An arrow down with a word beside it.
    fn arrow(&mut self, label: &str) {
        let (x, from, to) = (WIDTH / 2.0, self.y + 3.0, self.y + ARROW - 3.0);
        let _ = writeln!(self.out, "<path class=\"arrow\" d=\"M{x} {from:.1}V{to:.1}m-4-5l4 5l4-5\"/>");
        if !label.is_empty() {
            self.text("small", x + 10.0, (from + to) / 2.0 + 4.0, label);
        }
        self.y += ARROW;
    }

    /// Boxes with a name and lines each, two in a row.
    fn boxes(&mut self, class: &str, boxes: &[(String, Vec<String>)]) {
        for row in boxes.chunks(BOXES) {
            let width = (WIDTH - GAP * (row.len() - 1) as f64) / row.len() as f64;
            let room = width - 2.0 * PADDING;
            let wrapped = |lines: &Vec<String>| -> Vec<String> {
                lines.iter().flat_map(|line| Face::Regular.wrap(line, LABEL, room, 2)).collect()
            };
            let texts: Vec<Vec<String>> = row.iter().map(|(_, lines)| wrapped(lines)).collect();
            let most = texts.iter().map(Vec::len).max().unwrap_or(0);
            let height = LEADING * (most + 1) as f64 + PADDING * 1.5;
            for (at, ((name, _), lines)) in row.iter().zip(&texts).enumerate() {
                let left = (width + GAP) * at as f64;
                self.frame(class, left, width, height);
                let first = self.y + PADDING + 10.0;
                self.text("name", left + PADDING, first, &Face::Bold.cut(name, NAME, room));
                for (row, line) in lines.iter().enumerate() {
                    self.text("small", left + PADDING, first + LEADING * (row + 1) as f64, line);
                }
            }
            self.y += height + 1.0 + GAP;
        }
        self.y -= GAP;
    }

    /// A process: a dot for each of its threads, or the ring of a hub.
    fn process(&mut self, x: f64, top: f64, width: f64, kind: WorkerKind) {
        let _ = writeln!(
            self.out,
            "<rect class=\"process\" x=\"{x:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{PROCESS}\" rx=\"3\"/>"
        );
        let (middle, centre) = (x + width / 2.0, top + PROCESS / 2.0);
        match kind {
            // A ring that goes round clockwise.
            WorkerKind::Hub { .. } | WorkerKind::Loop(_) => {
                let r = (width / 2.0 - 3.0).clamp(3.0, 8.0);
                let (half, up, tip) = (r * 0.5, r * 0.866, r * 0.55);
                let (x, y) = (middle + half, centre - up);
                let (flat, back, down) = (tip * 1.02, tip * 0.43, tip * 0.93);
                let head = format!("m-{flat:.1}-.3l{flat:.1} .3l-{back:.1} {down:.1}");
                let ring = format!("M{x:.1} {y:.1}a{r:.1} {r:.1} 0 1 1-{:.1} 0{head}", 2.0 * half);
                let _ = writeln!(self.out, "<path class=\"hub\" d=\"{ring}\"/>");
            }
            WorkerKind::Threads { threads } | WorkerKind::Pool { threads, .. } => {
                let (pitch, path) = dots(threads, (middle, centre), (width - 4.0, PROCESS - 4.0));
                let thick = pitch * 0.58;
                let _ = writeln!(self.out, "<path class=\"threads\" stroke-width=\"{thick:.1}\" d=\"{path}\"/>");
            }
        }
    }
}

/// So many dots around a middle, in rows that fill the room evenly; as many as have room. How far apart they are
/// comes first.
fn dots(count: u32, (x, y): (f64, f64), (width, height): (f64, f64)) -> (f64, String) {
    let fits = |pitch: f64| ((width / pitch) as u32).max(1) * ((height / pitch) as u32).max(1);
    let pitch = PITCHES.into_iter().find(|&pitch| fits(pitch) >= count).unwrap_or(PITCHES[PITCHES.len() - 1]);
    let (most, rows_max) = (((width / pitch) as u32).max(1), ((height / pitch) as u32).max(1));
    let shown = count.min(most * rows_max);
    // A block three times as wide as high, if there is room for one.
    let wanted = (f64::from(shown) * 3.0).sqrt().ceil() as u32;
    let columns = wanted.clamp(shown.div_ceil(rows_max).max(1), most);
    let rows = shown.div_ceil(columns).max(1);
    let columns = shown.div_ceil(rows).max(1);
    let mut path = String::new();
    for dot in 0..shown {
        let dx = f64::from(dot % columns) - f64::from(columns - 1) / 2.0;
        let dy = f64::from(dot / columns) - f64::from(rows - 1) / 2.0;
        let _ = write!(path, "M{:.1} {:.1}h0", x + dx * pitch, y + dy * pitch);
    }
    (pitch, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_thread_has_a_dot_while_there_is_room() {
        for (count, room, drawn) in
            [(1, (30.0, 26.0), 1), (40, (32.0, 26.0), 40), (100, (340.0, 26.0), 100), (9_999, (30.0, 26.0), 99)]
        {
            let (_, path) = dots(count, (0.0, 0.0), room);
            assert_eq!(path.matches('M').count(), drawn, "{count} in {room:?}");
        }
    }
}
