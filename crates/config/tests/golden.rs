//! Bad files and what is said of them: `bad/NAME.toml` with `bad/NAME.expected`, and signature files in `bad_signatures`.
//!
//! `OFFPORT_BLESS=1` writes the expectations anew; read the difference before committing it.

#![allow(clippy::unwrap_used, reason = "a test may fail in any way")]

use std::path::Path;
use std::time::Duration;
use std::{env, fs};

use offport_config::{Checked, CheckedSignatures, Config, Level, SignatureFile, check_signatures};
use offport_wire::Timestamp;

/// 2026-01-01: later than what the files call expired, earlier than what they do not.
const NOW: Duration = Duration::from_secs(1_767_225_600);

fn said(text: &str) -> String {
    let Checked { config, problems } = Config::check(text, Timestamp::ZERO + NOW);
    let errors = problems.iter().any(|problem| problem.level == Level::Error);
    assert_eq!(config.is_none(), errors, "a file with errors is not used, one without is");
    problems.iter().map(|problem| format!("{problem}\n")).collect()
}

fn said_of_signatures(text: &str) -> String {
    let file = SignatureFile { path: "file.toml".into(), text: text.to_owned() };
    let CheckedSignatures { draft, problems, .. } = check_signatures(&[file]);
    assert!(draft.is_none(), "a file with errors is not used");
    problems.iter().map(|problem| format!("{problem}\n")).collect()
}

#[test]
fn bad_files_say_what_is_expected() {
    are_as_expected("tests/bad", said);
}

#[test]
fn bad_signature_files_say_what_is_expected() {
    are_as_expected("tests/bad_signatures", said_of_signatures);
}

fn are_as_expected(folder: &str, said: fn(&str) -> String) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let bless = env::var_os("OFFPORT_BLESS").is_some();
    let mut files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    assert!(files.len() >= 8, "the folder of bad files is nearly empty");
    let mut wrong = Vec::new();
    for path in files {
        let got = said(&fs::read_to_string(&path).unwrap());
        assert!(!got.is_empty(), "{}: nothing is wrong with it", path.display());
        let expected = path.with_extension("expected");
        if bless {
            fs::write(&expected, &got).unwrap();
        } else if fs::read_to_string(&expected).unwrap_or_default() != got {
            wrong.push(format!("{}:\n{got}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "not as expected (OFFPORT_BLESS=1 to accept):\n{}", wrong.join("\n"));
}
