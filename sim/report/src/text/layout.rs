//! Lays out rows as a plain table: labels to the left, numbers to the right, no boxes and few blanks.

use super::Style;
use super::rows::{TableLine, TextRow};
use crate::words::number::Written;

/// Blanks between two columns.
const GAP: usize = 3;
/// Blanks that one step of indentation takes.
const STEP: usize = 2;
/// What stands where a world has no value.
const NOTHING: &str = "–";

/// One table with a column per world if that fits the width, else a block per world.
pub(crate) fn table(worlds: &[&str], lines: &[TableLine], style: Style) -> String {
    let all: Vec<usize> = (0..worlds.len()).collect();
    let widths = Widths::of(worlds, lines, &all);
    if worlds.len() < 2 || widths.total() <= style.width {
        return widths.lay_out(worlds, lines, style);
    }
    let block = |&world: &usize| {
        let own = of_world(lines, world);
        format!("{}\n", Widths::of(worlds, &own, &[world]).lay_out(worlds, &own, style))
    };
    all.iter().map(block).collect::<String>().trim_end_matches('\n').to_owned() + "\n"
}

/// The lines in which a world has a value, and their headings.
fn of_world(lines: &[TableLine], world: usize) -> Vec<TableLine> {
    let has = |line: &TableLine| matches!(line, TableLine::Row(row) if row.cells[world].is_some());
    let under = |at: usize, depth: usize| {
        let end = |line: &&TableLine| !matches!(line, TableLine::Heading(other, _) if *other <= depth);
        lines[at + 1..].iter().take_while(end).any(has)
    };
    let keep = |&(at, line): &(usize, &TableLine)| match line {
        TableLine::Row(_) => has(line),
        TableLine::Heading(depth, _) => under(at, *depth),
    };
    lines.iter().enumerate().filter(keep).map(|(_, line)| line.clone()).collect()
}

/// How wide the columns are.
struct Widths {
    label: usize,
    columns: Vec<TextColumn>,
}

/// One world's column: the number to the right, then its margin to the left.
struct TextColumn {
    world: usize,
    /// Places of the widest margin and the blank before it.
    margin: usize,
    /// Places in all: at least those of its head.
    whole: usize,
}

impl Widths {
    fn of(worlds: &[&str], lines: &[TableLine], shown: &[usize]) -> Widths {
        let rows = || lines.iter().filter_map(|line| if let TableLine::Row(row) = line { Some(row) } else { None });
        let column = |&world: &usize| {
            let cells = || rows().filter_map(|row| row.cells[world].as_ref());
            let value = cells().map(|cell| width(&cell.value)).max().unwrap_or(1);
            let margin =
                cells().filter_map(|cell| cell.margin.as_ref()).map(|margin| width(margin) + 1).max().unwrap_or(0);
            TextColumn { world, margin, whole: width(worlds[world]).max(value + margin) }
        };
        let label = rows().map(|row| width(&row.label) + STEP * row.indent).max().unwrap_or(0);
        Widths { label, columns: shown.iter().map(column).collect() }
    }

    fn total(&self) -> usize {
        self.label + self.columns.iter().map(|column| GAP + column.whole).sum::<usize>()
    }

    fn lay_out(&self, worlds: &[&str], lines: &[TableLine], style: Style) -> String {
        let mut text = blanks(self.label);
        for column in &self.columns {
            let name = worlds[column.world];
            // Over the numbers where it fits, else as far to the left as it needs.
            let right = (column.whole - width(name)).min(column.margin);
            text += &blanks(GAP + column.whole - width(name) - right);
            text += name;
            text += &blanks(right);
        }
        let mut text = text.trim_end().to_owned() + "\n";
        for (index, line) in lines.iter().enumerate() {
            match line {
                TableLine::Heading(depth, words) => {
                    if *depth == 0 && index > 0 {
                        text.push('\n');
                    }
                    text += &format!("{}{words}\n", blanks(STEP * depth));
                }
                TableLine::Row(row) => text += &self.row(row, style),
            }
        }
        text
    }

    fn row(&self, row: &TextRow, style: Style) -> String {
        let label = format!("{}{}", blanks(STEP * row.indent), row.label);
        let mut text = label.clone() + &blanks(self.label - width(&label));
        let mut pending = 0;
        for column in &self.columns {
            let nothing = Written { value: NOTHING.to_owned(), margin: None };
            let cell = row.cells[column.world].as_ref().unwrap_or(&nothing);
            let left = column.whole - column.margin - width(&cell.value);
            text += &blanks(pending + GAP + left);
            let best = row.best == Some(column.world);
            text += &if style.bold && best { format!("\x1b[1m{}\x1b[0m", cell.value) } else { cell.value.clone() };
            pending = column.margin;
            if let Some(margin) = &cell.margin {
                text += &format!(" {margin}");
                pending -= width(margin) + 1;
            }
        }
        text + "\n"
    }
}

/// Places on a terminal, for the characters that we write.
fn width(text: &str) -> usize {
    text.chars().count()
}

fn blanks(count: usize) -> String {
    " ".repeat(count)
}
