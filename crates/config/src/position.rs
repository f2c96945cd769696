//! Byte offsets to lines and columns.

/// Line and column (in characters), both from 1, of a byte offset. An offset past the end is the end; one inside a
/// character is that character.
pub(crate) fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    let before = &text[..offset];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_from_one_and_in_characters() {
        let text = "a\nbä c\n";
        assert_eq!(line_and_column(text, 0), (1, 1));
        assert_eq!(line_and_column(text, 2), (2, 1));
        assert_eq!(line_and_column(text, text.find('c').unwrap()), (2, 4));
        assert_eq!(line_and_column(text, 4), (2, 2), "inside a character");
        assert_eq!(line_and_column(text, 999), (3, 1));
    }
}
