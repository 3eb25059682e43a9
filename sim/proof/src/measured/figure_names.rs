//! Names beside the dots of a scatter plot: each as near as can be, none on anything else.
//!
//! The most important name chooses first. A place is free if the name there covers no dot, no name and no leader, if its own
//! leader crosses no name, and if it stays inside the panel; its own side of the diagonal is better. Without a place near enough
//! the name is left out.

use report::figures::canvas::CanvasPoint;

/// From a dot to the nearest name.
const NEAREST: f64 = 8.0;
/// From a dot to the furthest name.
const FURTHEST: f64 = 70.0;
/// Places tried across and down.
const COLUMNS: u32 = 40;
/// Places tried above and below, half a line apart.
const ROWS: i32 = 16;

#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Block {
    pub left: f64,
    pub top: f64,
    pub right: f64,
    pub bottom: f64,
}

impl Block {
    /// A square around a point that reaches this far.
    pub fn around((x, y): CanvasPoint, reach: f64) -> Block {
        Block { left: x - reach, top: y - reach, right: x + reach, bottom: y + reach }
    }

    fn nearest(&self, (x, y): CanvasPoint) -> CanvasPoint {
        (x.clamp(self.left, self.right), y.clamp(self.top, self.bottom))
    }

    fn meets(&self, other: &Block) -> bool {
        self.left < other.right && other.left < self.right && self.top < other.bottom && other.top < self.bottom
    }

    fn holds(&self, other: &Block) -> bool {
        self.left <= other.left && other.right <= self.right && self.top <= other.top && other.bottom <= self.bottom
    }

    /// Whether a straight line goes through it; looked at every other pixel.
    fn is_crossed(&self, from: CanvasPoint, to: CanvasPoint) -> bool {
        let steps = (distance(from, to) / 2.0).ceil().max(1.0);
        (0..=steps as u32).any(|step| {
            let share = f64::from(step) / steps;
            let (x, y) = (from.0 + (to.0 - from.0) * share, from.1 + (to.1 - from.1) * share);
            self.left < x && x < self.right && self.top < y && y < self.bottom
        })
    }
}

/// A name in its place.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct NamePlace {
    /// Where it stands.
    pub block: Block,
    /// The line from its dot, if it does not stand beside it.
    pub leader: Option<(CanvasPoint, CanvasPoint)>,
}

/// A panel that is being filled with names.
#[derive(Clone, Debug)]
pub struct NamePanel {
    panel: Block,
    dots: Vec<Block>,
    names: Vec<Block>,
    leaders: Vec<(CanvasPoint, CanvasPoint)>,
}

impl NamePanel {
    /// An empty panel with these dots.
    pub fn new(panel: Block, dots: Vec<Block>) -> NamePanel {
        NamePanel { panel, dots, names: Vec::new(), leaders: Vec::new() }
    }

    /// The nearest free place for a name of this width and height beside a dot, and takes it.
    pub fn place(&mut self, dot: CanvasPoint, (width, height): (f64, f64)) -> Option<NamePlace> {
        let mut places: Vec<NamePlace> = Vec::new();
        for column in 0..=COLUMNS {
            let share = f64::from(column) / f64::from(COLUMNS);
            let left = dot.0 - width - 4.0 * NEAREST + (width + 8.0 * NEAREST) * share;
            for row in -ROWS..=ROWS {
                let middle = dot.1 + height / 2.0 * f64::from(row);
                let (top, bottom) = (middle - height / 2.0, middle + height / 2.0);
                places.push(place(dot, Block { left, top, right: left + width, bottom }));
            }
        }
        let way = |place: &NamePlace| distance(dot, place.block.nearest(dot));
        places.retain(|place| (NEAREST * 0.8..FURTHEST).contains(&way(place)));
        // A name right beside its dot cannot be taken for another's, so it may lie across the diagonal if it must.
        let belongs = |place: &NamePlace| self.keeps_to_its_side(dot, &place.block);
        places.retain(|place| belongs(place) || place.leader.is_none());
        places.sort_by(|a, b| belongs(b).cmp(&belongs(a)).then(way(a).total_cmp(&way(b))));
        let found = places.into_iter().find(|place| self.is_free(place))?;
        self.names.push(found.block);
        self.leaders.extend(found.leader);
        Some(found)
    }

    fn is_free(&self, place: &NamePlace) -> bool {
        let block = &place.block;
        let covers = self.dots.iter().chain(&self.names).any(|taken| taken.meets(block))
            || self.leaders.iter().any(|&(from, to)| block.is_crossed(from, to));
        let crosses = place.leader.is_some_and(|(from, to)| self.names.iter().any(|name| name.is_crossed(from, to)));
        self.panel.holds(block) && !covers && !crosses
    }

    /// Whether all of a name is on the dot's side of the diagonal from bottom left to top right.
    fn keeps_to_its_side(&self, dot: CanvasPoint, block: &Block) -> bool {
        let over = |(x, y): CanvasPoint| (self.panel.bottom - y) - (x - self.panel.left);
        if over(dot) > 0.0 { over((block.right, block.bottom)) > 0.0 } else { over((block.left, block.top)) < 0.0 }
    }
}

fn place(dot: CanvasPoint, block: Block) -> NamePlace {
    let near = block.nearest(dot);
    NamePlace { block, leader: (distance(dot, near) > 1.5 * NEAREST).then_some((dot, near)) }
}

fn distance(from: CanvasPoint, to: CanvasPoint) -> f64 {
    let (x, y) = (to.0 - from.0, to.1 - from.1);
    (x * x + y * y).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PANEL: Block = Block { left: 0.0, top: 0.0, right: 300.0, bottom: 300.0 };

    #[test]
    fn names_stand_on_their_own_side_and_never_on_each_other() {
        let dots: Vec<CanvasPoint> = (0..6).map(|at| (150.0 + 4.0 * f64::from(at), 180.0)).collect();
        let mut names = NamePanel::new(PANEL, dots.iter().map(|&dot| Block::around(dot, 4.0)).collect());
        let places: Vec<NamePlace> = dots.iter().filter_map(|&dot| names.place(dot, (90.0, 14.0))).collect();
        assert!(places.len() >= 3, "{places:?}");
        for (index, place) in places.iter().enumerate() {
            assert!(PANEL.holds(&place.block) && place.block.left > 300.0 - place.block.top, "{place:?}");
            assert!(!places[index + 1..].iter().any(|other| other.block.meets(&place.block)), "{places:?}");
        }
        assert!(places[0].leader.is_none(), "{:?}", places[0]);
    }

    #[test]
    fn a_name_wider_than_the_panel_is_left_out() {
        assert_eq!(NamePanel::new(PANEL, Vec::new()).place((150.0, 200.0), (301.0, 14.0)), None);
    }
}
