//! Whatever a file holds, it is read to the end, and what is said of it points into it.

use offport_config::{Checked, Config, DEFAULT_FILE};
use offport_policy::Policy;
use offport_wire::Timestamp;
use proptest::prelude::*;

fn holds(text: &str) -> Result<(), TestCaseError> {
    let Checked { config, problems } = Config::check(text, Timestamp::ZERO);
    let lines = text.matches('\n').count() + 1;
    for problem in &problems {
        prop_assert!((1..=lines).contains(&problem.line), "{problem}");
        prop_assert!(problem.column >= 1, "{problem}");
        prop_assert!(!problem.message.is_empty() && !problem.remedy.is_empty(), "{problem}");
    }
    prop_assert!(config.is_some() || !problems.is_empty(), "refused without a word");
    if let Some(config) = config {
        prop_assert!(Policy::new(&config.policy).is_ok());
    }
    Ok(())
}

/// The default file with its examples in force.
fn full() -> String {
    let line =
        |line: &'static str| line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or(line);
    DEFAULT_FILE.lines().map(line).collect::<Vec<_>>().join("\n")
}

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

    #[test]
    fn any_text(text in "\\PC*") {
        holds(&text)?;
    }

    #[test]
    fn the_default_file_with_another_value(index in any::<prop::sample::Index>(), value in value()) {
        let mut lines: Vec<String> = full().lines().map(str::to_owned).collect();
        let keys: Vec<usize> = (0..lines.len()).filter(|&line| lines[line].contains(" = ")).collect();
        let line = keys[index.index(keys.len())];
        let key = lines[line].split(" = ").next().unwrap_or_default().to_owned();
        lines[line] = format!("{key} = {value}");
        holds(&lines.join("\n"))?;
    }

    #[test]
    fn the_default_file_with_bytes_changed(changes in prop::collection::vec((any::<prop::sample::Index>(), "[ -~\n]{0,3}"), 1..5)) {
        let mut text: Vec<char> = full().chars().collect();
        for (index, insert) in changes {
            let at = index.index(text.len());
            text.splice(at..(at + 1).min(text.len()), insert.chars());
        }
        holds(&text.into_iter().collect::<String>())?;
    }
}
