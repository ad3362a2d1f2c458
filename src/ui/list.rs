//! A window over rows that need not exist all at once: which rows are visible, which one has the cursor.

/// Position in a list of rows; the rows themselves live with the pane.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct List {
    /// First visible row.
    pub top: usize,
    pub cursor: usize,
    /// Columns scrolled to the right.
    pub left: usize,
    /// Keeps the last row visible as rows are added, until the user moves away from it.
    pub follows: bool,
    /// Rows left free below the last one when following scrolls, so that the next rows cost no scrolling: where rows
    /// cannot be moved by the terminal, each scroll is the whole pane again.
    pub slack: usize,
}

/// Rows kept visible around the cursor.
const MARGIN_ROWS: usize = 2;

impl List {
    #[must_use]
    pub fn following() -> Self {
        Self { follows: true, ..Self::default() }
    }

    /// Moves the cursor by `lines`, negative towards the start.
    pub fn go(&mut self, lines: i64, len: usize, height: usize) {
        let last = len.saturating_sub(1);
        let distance = usize::try_from(lines.unsigned_abs()).unwrap_or(usize::MAX);
        self.cursor = if lines < 0 {
            self.cursor.saturating_sub(distance)
        } else {
            self.cursor.saturating_add(distance).min(last)
        };
        self.follows = self.follows_after(lines, len);
        self.settle(len, height);
    }

    /// Moves the window without the cursor leaving it: what a wheel does.
    pub fn wheel(&mut self, lines: i64, len: usize, height: usize) {
        let distance = usize::try_from(lines.unsigned_abs()).unwrap_or(usize::MAX);
        let top_max = len.saturating_sub(height);
        self.top =
            if lines < 0 { self.top.saturating_sub(distance) } else { self.top.saturating_add(distance).min(top_max) };
        let bottom = self.top.saturating_add(height.saturating_sub(1));
        self.cursor = self.cursor.clamp(self.top, bottom.max(self.top)).min(len.saturating_sub(1));
        self.follows = self.follows_after(lines, len) || (lines > 0 && self.top == top_max && self.follows);
    }

    fn follows_after(&self, lines: i64, len: usize) -> bool {
        lines > 0 && self.cursor.saturating_add(1) >= len
    }

    /// Puts the cursor on a row and shows it.
    pub fn jump(&mut self, row: usize, len: usize, height: usize) {
        self.cursor = row.min(len.saturating_sub(1));
        self.follows = false;
        self.settle(len, height);
    }

    /// Puts the cursor on the first of these rows, and shows as many of them as fit.
    pub fn jump_to(&mut self, rows: std::ops::Range<usize>, len: usize, height: usize) {
        self.jump(rows.start, len, height);
        self.top = self.top.max(rows.end.min(len).saturating_sub(height));
        self.settle(len, height);
    }

    /// Brings the window back over the rows after their number or the room changed.
    pub fn settle(&mut self, len: usize, height: usize) {
        if self.follows {
            self.cursor = len.saturating_sub(1);
            let lowest = len.saturating_sub(height);
            if self.top < lowest {
                self.top = lowest.saturating_add(self.slack.min(height / 2));
            }
            self.top = self.top.min(lowest.saturating_add(self.slack.min(height / 2)));
            return;
        }
        self.cursor = self.cursor.min(len.saturating_sub(1));
        let margin = MARGIN_ROWS.min(height.saturating_sub(1) / 2);
        let highest = self.cursor.saturating_sub(margin);
        let lowest = self.cursor.saturating_add(margin + 1).saturating_sub(height);
        self.top = self.top.min(highest).max(lowest).min(len.saturating_sub(height));
    }

    /// The visible rows.
    #[must_use]
    pub fn window(&self, len: usize, height: usize) -> std::ops::Range<usize> {
        let top = self.top.min(len);
        top..top.saturating_add(height).min(len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_log_is_followed_until_one_looks_back() {
        let mut list = List::following();
        list.settle(100, 10);
        assert_eq!((list.top, list.cursor), (90, 99));
        list.go(-5, 100, 10);
        list.settle(150, 10);
        assert_eq!(list.cursor, 94);
        list.go(1000, 150, 10);
        list.settle(160, 10);
        assert_eq!((list.top, list.cursor), (150, 159));
    }

    #[test]
    fn with_slack_a_log_scrolls_seldom() {
        let mut list = List { slack: 3, ..List::following() };
        let tops: Vec<_> = (8..=20)
            .map(|len| {
                list.settle(len, 10);
                list.top
            })
            .collect();
        assert_eq!(tops, [0, 0, 0, 4, 4, 4, 4, 8, 8, 8, 8, 12, 12]);
    }

    proptest! {
        #[test]
        fn the_cursor_is_always_visible(moves in proptest::collection::vec((-20..20_i64, 0..50_usize, 0..12_usize, any::<bool>()), 0..40)) {
            let mut list = List::default();
            for (lines, len, height, wheel) in moves {
                if wheel { list.wheel(lines, len, height) } else { list.go(lines, len, height) }
                list.settle(len, height);
                let window = list.window(len, height);
                prop_assert!(window.end <= len);
                prop_assert!(len == 0 || height == 0 || window.contains(&list.cursor), "{list:?} {window:?}");
            }
        }
    }
}
