//! Whatever a file holds, it is read to the end, and what is said of it points into it.

use offport_config::fuzz;
use proptest::prelude::*;

/// Values of every type, some of them in range somewhere.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<i64>().prop_map(|number| number.to_string()),
        Just("18446744073709551616".to_owned()),
        Just("-0x1".to_owned()),
        Just("nan".to_owned()),
        Just("true".to_owned()),
        Just("[]".to_owned()),
        Just("[[[]]]".to_owned()),
        Just("{ a = 1 }".to_owned()),
        Just("[{ port = 80 }, { port = 80, transport = \"tcp\", expects = [] }]".to_owned()),
        Just("2026-12-31".to_owned()),
        Just("9999-12-31".to_owned()),
        Just("10:00:00".to_owned()),
        "\"[a-z0-9./:µ -]{0,12}\"",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// What the fuzz target does.
    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        fuzz::any(&bytes);
    }

    #[test]
    fn any_text(text in "\\PC*") {
        fuzz::check(&text);
    }

    #[test]
    fn the_default_file_with_another_value(index in any::<prop::sample::Index>(), value in value()) {
        let mut lines: Vec<String> = fuzz::full().lines().map(str::to_owned).collect();
        let keys: Vec<usize> = (0..lines.len()).filter(|&line| lines[line].contains(" = ")).collect();
        let line = keys[index.index(keys.len())];
        let key = lines[line].split(" = ").next().unwrap_or_default().to_owned();
        lines[line] = format!("{key} = {value}");
        fuzz::check(&lines.join("\n"));
    }

    #[test]
    fn the_default_file_with_bytes_changed(changes in prop::collection::vec((any::<prop::sample::Index>(), "[ -~\n]{0,3}"), 1..5)) {
        let mut text: Vec<char> = fuzz::full().chars().collect();
        for (index, insert) in changes {
            let at = index.index(text.len());
            text.splice(at..(at + 1).min(text.len()), insert.chars());
        }
        fuzz::check(&text.into_iter().collect::<String>());
    }
}
