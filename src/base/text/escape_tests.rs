//! Tests of the output for foreign text.

use super::*;
use crate::base::text::hidden::is_hidden;
use proptest::prelude::*;

fn check(input: &str, expect: &str) {
    assert_eq!(show(input, &Show::default()), expect, "{input:?}");
}

#[test]
fn what_hides_or_steers_becomes_visible() {
    check("plain", "plain");
    check("\u{1b}[31mred\u{1b}[0m", "^[[31mred^[[0m");
    check("\u{1b}]52;c;aGk=\u{7}", "^[]52;c;aGk=^G");
    check("a\u{9b}2J", "a⟨U+009B⟩2J");
    check("bell\u{7}\u{8}\u{7f}", "bell^G^H^?");
    check("if (admin\u{202e} ⦃) {", "if (admin⟨U+202E⟩ ⦃) {");
    check("pay\u{200b}pal", "pay⟨U+200B⟩pal");
    check("\u{feff}bom", "⟨U+FEFF⟩bom");
    check("a\u{2028}b\nc\r", "a⟨U+2028⟩b^Jc^M");
    check("x\u{E0041}\u{E0042}", "x⟨U+E0041⟩⟨U+E0042⟩");
    check("v\u{FE01}\u{E0101}", "v⟨U+FE01⟩⟨U+E0101⟩");
    check("\u{3164}\u{FFA0}\u{115F}\u{2800}", "⟨U+3164⟩⟨U+FFA0⟩⟨U+115F⟩⟨U+2800⟩");
    check("rm\u{a0}-rf", "rm⟨U+00A0⟩-rf");
    check("lost\u{fffd}", "lost⟨U+FFFD⟩");
    check("soft\u{ad}hyphen\u{34f}", "soft⟨U+00AD⟩hyphen⟨U+034F⟩");
}

#[test]
fn real_scripts_stay_readable() {
    check("naïve e\u{301} 日本語 한국어 עברית हिन्दी", "naïve e\u{301} 日本語 한국어 עברית हिन्दी");
    check("✅ 👍🏽 🇩🇪", "✅ 👍🏽 🇩🇪");
}

#[test]
fn marks_need_a_base_and_stop_piling_up() {
    check("\u{301}x", "⟨U+0301⟩x");
    check("\u{200b}\u{301}", "⟨U+200B⟩⟨U+0301⟩");
    let zalgo = format!("a{}", "\u{301}".repeat(50));
    check(&zalgo, "a\u{301}\u{301}\u{301}\u{301}⟨U+0301 ×46⟩");
}

#[test]
fn repeats_are_counted_instead_of_written() {
    check(&"\0".repeat(3), "^@^@^@");
    check(&"\0".repeat(900), "⟨^@ ×900⟩");
    check(&"\u{200b}".repeat(37), "⟨U+200B ×37⟩");
}

#[test]
fn tabs_reach_the_next_stop() {
    check("\ta\tb", "    a   b");
    check("日\tx", "日  x");
    let shown = show("\tx", &Show { start_column: 3, ..Show::default() });
    assert_eq!(shown, " x");
    let marked = show("\ta b ", &Show { mark_blanks: true, ..Show::default() });
    assert_eq!(marked, "→   a·b·");
}

#[test]
fn prose_drops_only_what_shapes_an_emoji() {
    let prose = |text: &'static str| show(text, &Show::prose()).into_owned();
    assert_eq!(prose("⚠\u{fe0f} careful"), "⚠ careful");
    assert_eq!(prose("👨\u{200d}👩"), "👨👩");
    assert_eq!(prose("a\u{200d}b\u{fe0f}"), "a⟨U+200D⟩b⟨U+FE0F⟩");
    assert_eq!(prose("10\u{a0}km\u{2028}"), "10 km⟨U+2028⟩");
    assert_eq!(prose("x\u{202e}y"), "x⟨U+202E⟩y");
}

#[test]
fn bytes_that_are_not_utf8_show_their_value() {
    assert_eq!(show_bytes(b"caf\xe9 \xed\xa0\x80", &Show::default()), "caf⟨xE9⟩ ⟨xED⟩⟨xA0⟩⟨x80⟩");
}

#[test]
fn long_lines_say_how_much_is_left_out() {
    let show_few = Show { source_bytes_max: 5, ..Show::default() };
    assert_eq!(show("abcdefgh", &show_few), "abcde⟨+3 bytes⟩");
    assert_eq!(show("abcdéf", &show_few), "abcd⟨+3 bytes⟩");
}

/// Random text with many difficult characters.
fn nasty() -> impl Strategy<Value = Vec<u8>> {
    let atom = prop_oneof![
        3 => any::<char>().prop_map(|c| c.to_string().into_bytes()),
        3 => any::<u8>().prop_map(|b| vec![b]),
        2 => proptest::sample::select(vec![
            "\u{1b}[", "\t", " ", "\u{301}", "\u{200d}", "👩", "\u{fe0f}", "\u{202e}", "e", "ก", "각", "\u{1160}",
        ]).prop_map(|s| s.as_bytes().to_vec()),
    ];
    proptest::collection::vec(atom, 0..40).prop_map(|parts| parts.concat())
}

#[test]
fn pieces_are_cut_where_spans_change() {
    let check = |text: &'static str, cuts: &[usize], expect: &[&str]| {
        let got = cut_at(pieces(text.as_bytes(), &Show::default()), cuts);
        assert_eq!(got.iter().map(|p| p.text.as_ref()).collect::<Vec<_>>(), expect, "{text:?} {cuts:?}");
    };
    check("let a = 1;", &[0, 3, 4, 10], &["let", " ", "a = 1;"]);
    check("é\u{301}x\u{202e}y", &[1, 2, 4, 5, 6, 8], &["é\u{301}", "x", "⟨U+202E⟩", "y"]);
    check("ab", &[], &["ab"]);
    check("", &[0, 1], &[]);
}

proptest! {
    #[test]
    fn cutting_loses_nothing(bytes in nasty(), cuts in proptest::collection::btree_set(0usize..50, 0..8)) {
        let whole = pieces(&bytes, &Show::default());
        let cuts: Vec<usize> = cuts.into_iter().collect();
        let cut = cut_at(whole.clone(), &cuts);
        let text = |pieces: &[Piece<'_>]| pieces.iter().map(|p| p.text.as_ref()).collect::<String>();
        prop_assert_eq!(text(&whole), text(&cut));
        prop_assert!(cut.windows(2).all(|w| w[0].source.end == w[1].source.start));
    }

    #[test]
    fn no_control_byte_and_no_hidden_character_ever_comes_out(
        bytes in nasty(), prose in any::<bool>(), mark_blanks in any::<bool>(), cap in 0usize..60,
    ) {
        let reading = if prose { Reading::Prose } else { Reading::Exact };
        let options = Show { reading, mark_blanks, source_bytes_max: cap, ..Show::default() };
        let shown = show_bytes(&bytes, &options);
        prop_assert!(shown.chars().all(|c| !is_hidden(c)), "{:?}", shown);
        for piece in pieces(&bytes, &options) {
            let first = piece.text.chars().next().and_then(char::width);
            prop_assert!(first != Some(0), "{:?}", piece);
        }
    }

    #[test]
    fn pieces_cover_the_source_in_order(bytes in nasty()) {
        let mut at = 0;
        for piece in pieces(&bytes, &Show::default()) {
            prop_assert_eq!(piece.source.start, at);
            at = piece.source.end;
            if piece.kind == PieceKind::Plain {
                prop_assert_eq!(piece.text.as_bytes(), &bytes[piece.source]);
            }
        }
        prop_assert_eq!(at, bytes.len());
    }

    #[test]
    fn exact_reading_tells_different_texts_apart(a in "[a\u{200b}\u{202e}\u{a0}é ]{0,6}", b in "[a\u{200b}\u{202e}\u{a0}é ]{0,6}") {
        prop_assert_eq!(a == b, show(&a, &Show::default()) == show(&b, &Show::default()));
    }
}
