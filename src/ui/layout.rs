//! The positions of the panes. Pure arithmetic over the size of the terminal; nothing here draws.

use crate::ui::look::{Edge, Edges};
use ratatui::layout::{Rect, Size};

/// Passes a row for each pane, in the order of their numbers, to another macro: the pane, the command that focuses it,
/// its label and its description.
macro_rules! panes {
    ($rows:ident) => {
        $rows! {
            Plan "focus-plan" "plan" "Focus the Plan pane";
            Inbox "focus-inbox" "inbox" "Focus the Inbox pane";
            Diff "focus-diff" "diff" "Focus the Diff pane";
            Tests "focus-tests" "tests" "Focus the Tests pane";
            Why "focus-why" "why" "Focus the Why pane";
            Output "focus-output" "output" "Focus the Output pane";
            Talk "focus-talk" "talk" "Focus the Talk pane: the conversation with the agent";
        }
    };
}
pub(super) use panes;

macro_rules! pane_ids {
    ($($name:ident $command:literal $label:literal $description:literal;)+) => {
        /// The panes, in the order of their numbers.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum PaneId {
            $($name,)+
        }

        impl PaneId {
            pub const ALL: &[Self] = &[$(Self::$name),+];

            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)+ }
            }
        }
    };
}
panes!(pane_ids);

impl PaneId {
    /// The number on its key and in its title.
    #[must_use]
    pub fn number(self) -> usize {
        self as usize + 1
    }
}

/// Sizes from which a shape fits, in columns and rows.
pub mod breakpoints {
    pub const THREE_COLUMNS_MIN: u16 = 160;
    pub const TWO_COLUMNS_MIN: u16 = 100;
    pub const BOXES_COLUMNS_MIN: u16 = 60;
    /// Columns stacked two or three panes high need rows as well.
    pub const STACKED_ROWS_MIN: u16 = 24;
    pub const USABLE_COLUMNS_MIN: u16 = 40;
    pub const USABLE_ROWS_MIN: u16 = 10;
}
use breakpoints::{
    BOXES_COLUMNS_MIN, STACKED_ROWS_MIN, THREE_COLUMNS_MIN, TWO_COLUMNS_MIN, USABLE_COLUMNS_MIN, USABLE_ROWS_MIN,
};

/// The kind of arrangement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Too small for anything but a line that says so.
    TooSmall,
    /// Numbered lines, no boxes, one pane.
    Lines,
    /// One pane and the inbox line.
    One,
    Two,
    Three,
}

/// One pane on the screen: its box, how the box meets its neighbors, and the room inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PaneBox {
    pub pane: PaneId,
    pub outer: Rect,
    pub inner: Rect,
    pub edges: Edges,
}

/// The inputs of the layout.
#[derive(Debug, Clone, Copy)]
pub struct LayoutInput {
    pub size: Size,
    pub focus: PaneId,
    /// The pane that the large place shows: Diff or Talk.
    pub large: PaneId,
    /// The pane that the two-column shape shows: Tests or Output.
    pub lower: PaneId,
    pub zoom: bool,
    pub linear: bool,
    /// Rows the composer wants; 0 when it is closed.
    pub composer_rows: u16,
}

/// The arrangement of the whole screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    pub shape: Shape,
    pub header: Rect,
    pub places: Vec<PaneBox>,
    /// The line of the oldest waiting action, where the inbox has no pane of its own.
    pub inbox_line: Option<Rect>,
    pub composer: Rect,
    pub hints: Rect,
}

impl Layout {
    /// The pane under a point.
    #[must_use]
    pub fn pane_at(&self, x: u16, y: u16) -> Option<PaneId> {
        self.places.iter().find(|place| place.outer.contains((x, y).into())).map(|place| place.pane)
    }

    #[must_use]
    pub fn place(&self, pane: PaneId) -> Option<&PaneBox> {
        self.places.iter().find(|place| place.pane == pane)
    }

    /// Room inside a pane, 0×0 when it is not on the screen.
    #[must_use]
    pub fn inner(&self, pane: PaneId) -> Rect {
        self.place(pane).map_or(Rect::ZERO, |place| place.inner)
    }

    #[must_use]
    pub fn shows(&self, pane: PaneId) -> bool {
        self.place(pane).is_some()
    }
}

/// Arranges the screen.
#[must_use]
pub fn arrange(input: LayoutInput) -> Layout {
    let Size { width, height } = input.size;
    let shape = shape(input);
    let row = |y: u16| Rect::new(0, y.min(height), width, u16::from(y < height));
    let mut layout = Layout {
        shape,
        header: row(0),
        places: Vec::new(),
        inbox_line: None,
        composer: Rect::ZERO,
        hints: row(height.saturating_sub(1)),
    };
    if shape == Shape::TooSmall {
        return layout;
    }
    let roomy = height >= STACKED_ROWS_MIN && matches!(shape, Shape::Two | Shape::Three);
    let composer_rows = input.composer_rows.max(u16::from(roomy)).min(height / 3);
    let mut bottom = height - 1;
    if composer_rows > 0 {
        bottom -= composer_rows;
        layout.composer = Rect::new(0, bottom, width, composer_rows);
    }
    let needs_line = !matches!(shape, Shape::Two | Shape::Three) || input.zoom;
    if needs_line {
        bottom -= 1;
        layout.inbox_line = Some(row(bottom));
    }
    let body = Rect::new(0, 1, width, bottom.saturating_sub(1));
    match shape {
        Shape::TooSmall => {}
        Shape::Lines => layout.places.push(PaneBox {
            pane: input.focus,
            outer: body,
            inner: Rect { y: body.y + 1, height: body.height.saturating_sub(1), ..body },
            edges: Edges { top: Edge::Open, bottom: Edge::Open },
        }),
        Shape::One => column(&mut layout.places, body, &[(input.focus, 1)]),
        Shape::Two if input.zoom => column(&mut layout.places, body, &[(input.focus, 1)]),
        Shape::Three if input.zoom => column(&mut layout.places, body, &[(input.focus, 1)]),
        Shape::Two => {
            let left = (width * 2 / 5).clamp(38, 52);
            column(
                &mut layout.places,
                Rect { width: left, ..body },
                &[(PaneId::Plan, 4), (PaneId::Inbox, 2), (PaneId::Why, 5)],
            );
            let right = Rect { x: left, width: width - left, ..body };
            column(&mut layout.places, right, &[(input.large, 3), (input.lower, 2)]);
        }
        Shape::Three => {
            let side = (width / 4).clamp(38, 56);
            column(&mut layout.places, Rect { width: side, ..body }, &[(PaneId::Plan, 2), (PaneId::Inbox, 1)]);
            let middle = Rect { x: side, width: width - 2 * side, ..body };
            column(&mut layout.places, middle, &[(input.large, 2), (PaneId::Tests, 1)]);
            let right = Rect { x: width - side, width: side, ..body };
            column(&mut layout.places, right, &[(PaneId::Why, 1), (PaneId::Output, 1)]);
        }
    }
    layout
}

fn shape(input: LayoutInput) -> Shape {
    let Size { width, height } = input.size;
    if width < USABLE_COLUMNS_MIN || height < USABLE_ROWS_MIN {
        Shape::TooSmall
    } else if input.linear || width < BOXES_COLUMNS_MIN {
        Shape::Lines
    } else if width < TWO_COLUMNS_MIN || height < STACKED_ROWS_MIN {
        Shape::One
    } else if width < THREE_COLUMNS_MIN {
        Shape::Two
    } else {
        Shape::Three
    }
}

/// Stacks panes in a column by weight; each but the last leaves its bottom line to the next one's title.
fn column(places: &mut Vec<PaneBox>, area: Rect, panes: &[(PaneId, u16)]) {
    let total: u16 = panes.iter().map(|(_, weight)| weight).sum();
    let mut y = area.y;
    let mut used = 0;
    for (at, (pane, weight)) in panes.iter().enumerate() {
        used += weight;
        let last = at + 1 == panes.len();
        let end = if last {
            area.bottom()
        } else {
            area.y
                + u16::try_from(u32::from(area.height) * u32::from(used) / u32::from(total.max(1)))
                    .unwrap_or(area.height)
        };
        let outer = Rect::new(area.x, y, area.width, end.saturating_sub(y));
        let edges = Edges {
            top: if at == 0 { Edge::Corner } else { Edge::Tee },
            bottom: if last { Edge::Corner } else { Edge::Open },
        };
        let frame_rows = if last { 2 } else { 1 };
        let inner =
            Rect::new(outer.x + 1, outer.y + 1, outer.width.saturating_sub(2), outer.height.saturating_sub(frame_rows));
        places.push(PaneBox { pane: *pane, outer, inner, edges });
        y = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(width: u16, height: u16) -> LayoutInput {
        let size = Size::new(width, height);
        LayoutInput {
            size,
            focus: PaneId::Diff,
            large: PaneId::Diff,
            lower: PaneId::Tests,
            zoom: false,
            linear: false,
            composer_rows: 0,
        }
    }

    fn panes(input: LayoutInput) -> Vec<PaneId> {
        arrange(input).places.iter().map(|place| place.pane).collect()
    }

    #[test]
    fn the_shape_follows_the_width() {
        let check = |width, height, shape| assert_eq!(arrange(input(width, height)).shape, shape, "{width}x{height}");
        check(200, 60, Shape::Three);
        check(160, 40, Shape::Three);
        check(159, 40, Shape::Two);
        check(100, 40, Shape::Two);
        check(99, 40, Shape::One);
        check(80, 24, Shape::One);
        check(120, 20, Shape::One);
        check(59, 24, Shape::Lines);
        check(40, 10, Shape::Lines);
        check(39, 10, Shape::TooSmall);
        check(40, 9, Shape::TooSmall);
        check(0, 0, Shape::TooSmall);
    }

    #[test]
    fn zoom_leaves_one_pane_and_the_inbox_line() {
        let zoomed = LayoutInput { zoom: true, ..input(200, 60) };
        assert_eq!(panes(zoomed), [PaneId::Diff]);
        assert!(arrange(zoomed).inbox_line.is_some());
        assert_eq!(panes(input(200, 60)).len(), 6);
    }

    /// Whatever the size, nothing overlaps and nothing leaves the screen.
    #[test]
    fn every_size_is_covered_once() {
        for width in (0..=600).step_by(7).chain([40, 59, 60, 99, 100, 159, 160]) {
            for height in (0..=200).step_by(5).chain([10, 23, 24]) {
                for composer_rows in [0, 1, 6, 500] {
                    for zoom in [false, true] {
                        let layout = arrange(LayoutInput { zoom, composer_rows, ..input(width, height) });
                        let screen = Rect::new(0, 0, width, height);
                        let mut all: Vec<Rect> = layout.places.iter().map(|place| place.outer).collect();
                        all.extend([layout.composer, layout.hints]);
                        all.extend(layout.inbox_line);
                        all.retain(|area| !area.is_empty());
                        for (at, area) in all.iter().enumerate() {
                            assert_eq!(area.intersection(screen), *area, "{width}x{height} {area:?}");
                            let others = all.iter().skip(at + 1);
                            assert!(
                                others.into_iter().all(|other| !area.intersects(*other)),
                                "{width}x{height}: {all:?}"
                            );
                        }
                    }
                }
            }
        }
    }
}
