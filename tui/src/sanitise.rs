//! Makes text from the network harmless to a terminal.
//!
//! Titles and names are written by strangers. Raw, they could carry escape sequences (which can retitle
//! windows, answer queries as if typed, or hide rows), text that runs backwards, or invisible characters
//! that make two names look alike. The connection passes every line that it reads through [`json`], so no
//! other part of the program ever holds raw text.

use serde_json::Value;

/// Longest text kept, in characters. Longer ones end in `…`.
pub const MAX_CHARS: usize = 4096;
/// Most combining marks kept in a row: more is not writing but a smear over the neighbouring rows.
const MAX_MARKS: usize = 4;
/// What stands where a harmful character was.
const MARK: char = '\u{FFFD}';

/// What becomes of one character.
enum Verdict {
    Keep,
    /// White space that would break a row.
    Space,
    /// Invisible, and used in ordinary writing.
    Drop,
    /// Harmful: a reader should see that something was there.
    Mark,
}

/// `raw` without control, direction-changing and invisible characters, at most [`MAX_CHARS`] long.
pub fn text(raw: &str) -> String {
    let mut clean = String::with_capacity(raw.len().min(4 * MAX_CHARS));
    let mut marks = 0;
    let mut chars = 0;
    for c in raw.chars() {
        let kept = match judge(c) {
            Verdict::Keep => c,
            Verdict::Space => ' ',
            Verdict::Drop => continue,
            Verdict::Mark => MARK,
        };
        marks = if is_combining(kept) { marks + 1 } else { 0 };
        if marks > MAX_MARKS {
            continue;
        }
        if chars == MAX_CHARS {
            clean.push('…');
            break;
        }
        chars += 1;
        clean.push(kept);
    }
    clean
}

/// Passes every string inside `value`, at any depth, through [`text`].
///
/// The depth is bounded by `serde_json`, which refuses to read more than 128 levels.
pub fn json(value: &mut Value) {
    match value {
        Value::String(s) => *s = text(s),
        Value::Array(items) => items.iter_mut().for_each(json),
        Value::Object(fields) => fields.values_mut().for_each(json),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn judge(c: char) -> Verdict {
    match c {
        '\n' | '\r' | '\t' => Verdict::Space,
        _ if c.is_control() => Verdict::Mark,
        // Line and paragraph separators.
        '\u{2028}' | '\u{2029}' => Verdict::Space,
        // Joiners and variation selectors shape letters and emoji; soft hyphens are hints.
        '\u{200C}' | '\u{200D}' | '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}' | '\u{00AD}' => {
            Verdict::Drop
        }
        // Direction marks, embeddings, overrides and isolates (Unicode TR9).
        '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => {
            Verdict::Mark
        }
        // Zero-width and blank letters, invisible operators, deprecated format characters, tags.
        '\u{034F}'
        | '\u{115F}'
        | '\u{1160}'
        | '\u{17B4}'
        | '\u{17B5}'
        | '\u{180B}'..='\u{180F}'
        | '\u{200B}'
        | '\u{2060}'..='\u{2065}'
        | '\u{206A}'..='\u{206F}'
        | '\u{2800}'
        | '\u{3164}'
        | '\u{FEFF}'
        | '\u{FFA0}'
        | '\u{FFF0}'..='\u{FFFB}'
        | '\u{1D173}'..='\u{1D17A}'
        | '\u{E0000}'..='\u{E00FF}'
        | '\u{E01F0}'..='\u{E0FFF}' => Verdict::Mark,
        // Private use: what a font shows there is anybody's guess.
        '\u{E000}'..='\u{F8FF}' | '\u{F0000}'..='\u{10FFFF}' => Verdict::Mark,
        _ => Verdict::Keep,
    }
}

/// Marks that add no column of their own.
fn is_combining(c: char) -> bool {
    let mut buffer = [0; 4];
    crate::text::width(c.encode_utf8(&mut buffer)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json as value;

    #[test]
    fn terminal_escapes_lose_their_escape() {
        assert_eq!(text("a\u{1b}[2Jb"), "a\u{FFFD}[2Jb");
        assert_eq!(text("\u{1b}]0;title\u{7}"), "\u{FFFD}]0;title\u{FFFD}");
        assert_eq!(text("\u{9b}31m"), "\u{FFFD}31m", "C1 controls start sequences too");
        assert_eq!(text("del\u{7f}"), "del\u{FFFD}");
        assert_eq!(text("nul\0"), "nul\u{FFFD}");
    }

    #[test]
    fn lines_stay_one_line() {
        assert_eq!(text("a\nb\tc\r\nd\u{2028}e\u{85}f"), "a b c  d e\u{FFFD}f");
    }

    #[test]
    fn direction_and_invisible_characters_are_seen() {
        for c in
            ['\u{202E}', '\u{2066}', '\u{200F}', '\u{061C}', '\u{200B}', '\u{FEFF}', '\u{2060}', '\u{3164}']
        {
            assert_eq!(text(&format!("al{c}ice")), "al\u{FFFD}ice", "{:04X}", c as u32);
        }
        assert_eq!(text("\u{E0041}\u{E007F}"), "\u{FFFD}\u{FFFD}", "tags");
    }

    #[test]
    fn writing_survives() {
        for s in ["Zoë O'Neill", "日本語の大会", "हिन्दी", "ไทย", "Ω ≥ 97 %", "🦀", "e\u{301}"]
        {
            assert_eq!(text(s), s);
        }
        assert_eq!(text("❤\u{FE0F}"), "❤");
    }

    #[test]
    fn smears_and_length_are_bounded() {
        let smear = format!("x{}y", "\u{0335}".repeat(500));
        assert_eq!(text(&smear).chars().count(), 2 + MAX_MARKS);
        let long = text(&"ab".repeat(MAX_CHARS));
        assert_eq!(long.chars().count(), MAX_CHARS + 1);
        assert!(long.ends_with('…'));
    }

    #[test]
    fn no_character_at_all_comes_through_as_control_or_invisible() {
        for c in (0..=0x10FFFF_u32).filter_map(char::from_u32) {
            let clean = text(&c.to_string());
            assert!(!clean.chars().any(|c| c.is_control()), "{:04X}", c as u32);
            assert!(clean.chars().count() <= 1);
            let hidden = ['\u{061C}', '\u{200B}', '\u{200C}', '\u{200D}', '\u{200E}', '\u{200F}', '\u{FEFF}'];
            let turned = ['\u{202A}'..='\u{202E}', '\u{2060}'..='\u{206F}'];
            assert!(!clean.contains(hidden), "{:04X}", c as u32);
            assert!(!clean.chars().any(|c| turned.iter().any(|r| r.contains(&c))), "{:04X}", c as u32);
        }
    }

    #[test]
    fn every_string_of_a_reply_is_cleaned() {
        let mut v = value!({"a": ["\u{1b}", {"b": "\u{202e}x"}], "n": 1});
        json(&mut v);
        assert_eq!(v, value!({"a": ["\u{FFFD}", {"b": "\u{FFFD}x"}], "n": 1}));
    }
}
