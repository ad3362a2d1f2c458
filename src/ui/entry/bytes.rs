//! Characters that come as one key for each of their bytes.

/// Some terminals send each byte of a pasted character as a key. The number of those keys before the cursor, and the
/// character, if they end one of three or four bytes: nobody types that.
pub fn composed(before: &str) -> Option<(usize, char)> {
    let mut last: Vec<u8> = before.chars().rev().take(4).map_while(|c| u8::try_from(u32::from(c)).ok()).collect();
    last.reverse();
    [3, 4].into_iter().find_map(|count| {
        let bytes = last.get(last.len().checked_sub(count)?..)?;
        let mut chars = std::str::from_utf8(bytes).ok()?.chars();
        let c = chars.next().filter(|c| chars.next().is_none() && !c.is_control())?;
        Some((count, c))
    })
}

#[cfg(test)]
mod tests {
    use super::super::Entry;
    use crate::ui::terminal::Key;

    /// Claude Code 2.1.187: Korean that is pasted as one key per byte.
    #[test]
    fn the_bytes_of_a_character_are_that_character() {
        for text in ["안녕", "漢🦘字", "ab안c"] {
            let mut entry = Entry::lines();
            text.bytes().for_each(|byte| entry.key(Key::plain(char::from(byte))));
            assert_eq!(entry.text(), text);
        }
        let mut typed = Entry::lines();
        "ìé ê«a £9".chars().for_each(|c| typed.key(Key::plain(c)));
        assert_eq!(typed.text(), "ìé ê«a £9");
    }
}
