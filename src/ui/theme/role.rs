//! Everything that is drawn has a role; a theme gives each role a style.

macro_rules! roles {
    ($($name:ident = $text:literal,)*) => {
        /// The role of a piece of the screen, as themes name it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(usize)]
        pub enum Role { $($name,)* }

        impl Role {
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];
            pub const COUNT: usize = Self::ALL.len();

            /// The name in a theme file.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

roles! {
    Text = "text",
    TextSoft = "text.soft",
    TextFaint = "text.faint",
    TextStrong = "text.strong",
    Border = "border",
    BorderFocus = "border.focus",
    Title = "title",
    TitleFocus = "title.focus",
    Header = "header",
    HeaderStrong = "header.strong",
    Key = "key",
    Hint = "hint",
    Accent = "accent",
    Cursor = "cursor",
    CursorAway = "cursor.away",
    Selection = "selection",
    Match = "match",
    Waits = "waits",
    Held = "held",
    Ok = "ok",
    Fail = "fail",
    Warn = "warn",
    Running = "running",
    Unknown = "unknown",
    Alarm = "alarm",
    Unsupervised = "unsupervised",
    Human = "human",
    RiskLow = "risk.low",
    RiskMedium = "risk.medium",
    RiskHigh = "risk.high",
    DiffAdd = "diff.add",
    DiffAddStrong = "diff.add.strong",
    DiffAddSign = "diff.add.sign",
    DiffDel = "diff.del",
    DiffDelStrong = "diff.del.strong",
    DiffDelSign = "diff.del.sign",
    DiffNumber = "diff.number",
    DiffFold = "diff.fold",
    DiffOff = "diff.off",
    Overlay = "overlay",
    OverlayBorder = "overlay.border",
    OverlayAlarm = "overlay.alarm",
    Input = "input",
    InputGhost = "input.ghost",
    SyntaxKeyword = "syntax.keyword",
    SyntaxFunction = "syntax.function",
    SyntaxType = "syntax.type",
    SyntaxString = "syntax.string",
    SyntaxNumber = "syntax.number",
    SyntaxConstant = "syntax.constant",
    SyntaxComment = "syntax.comment",
    SyntaxVariable = "syntax.variable",
    SyntaxProperty = "syntax.property",
    SyntaxOperator = "syntax.operator",
    SyntaxPunctuation = "syntax.punctuation",
    SyntaxAttribute = "syntax.attribute",
    SyntaxTag = "syntax.tag",
    SyntaxLabel = "syntax.label",
    SyntaxModule = "syntax.module",
    SyntaxHeading = "syntax.heading",
    SyntaxLink = "syntax.link",
    SyntaxError = "syntax.error",
}
