//! Signature files as they come: those that are shipped and documented, folders, policies that name what they bring, reloads.

#![allow(clippy::unwrap_used, reason = "a test may fail in any way")]

use std::fs;
use std::path::Path;

use offport_config::{CheckedSignatures, Files, SignatureFile, check_signatures, read_signatures};
use offport_fingerprint::{Proof, Protocol};
use offport_wire::Timestamp;
use proptest::prelude::*;

const ACME: &str = "[[signature]]\nname = \"acme\"\ntransport = \"tcp\"\nmatch = [{ text = \"ACME\" }]\n";

fn project(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

fn said(checked: &CheckedSignatures) -> String {
    checked.problems.iter().map(|problem| format!("{problem}\n")).collect()
}

fn check(text: &str) -> CheckedSignatures {
    check_signatures(&[SignatureFile { path: "a.toml".into(), text: text.into() }])
}

#[test]
fn the_shipped_example_passes_its_tests() {
    let checked = check_signatures(&read_signatures(&project("config/signatures.d")).unwrap());
    assert_eq!(said(&checked), "");
    let draft = checked.draft.unwrap();
    let proofs: Vec<_> = draft.signatures().iter().map(|one| (one.name(), one.strength())).collect();
    assert_eq!(
        proofs,
        [
            ("acme-telemetry", Proof::Structure),
            ("acme-console", Proof::Banner),
            ("acme-beat", Proof::Heuristic)
        ]
    );
}

#[test]
fn the_documented_examples_are_what_they_are_said_to_be() {
    let page = fs::read_to_string(project("docs/signatures.md")).unwrap();
    let blocks: Vec<&str> =
        page.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    let [config, examples @ ..] = blocks.as_slice() else { panic!("no example") };
    let drafts: Vec<_> = examples.iter().map(|text| check(text)).collect();
    assert_eq!(drafts.iter().map(said).collect::<String>(), "");
    let strengths: Vec<_> =
        drafts.iter().map(|one| one.draft.as_ref().unwrap().signatures()[0].strength()).collect();
    assert_eq!(strengths, [Proof::Heuristic, Proof::Banner]);
    assert!(examples.iter().all(|text| text.matches("[[signature.test]]").count() == 2));

    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("signatures.d")).unwrap();
    fs::write(folder.path().join("signatures.d/acme.toml"), examples.concat()).unwrap();
    let path = folder.path().join("offport.toml");
    fs::write(&path, config).unwrap();
    let files = Files::read(&path, Timestamp::ZERO).unwrap();
    assert_eq!((files.errors(), &*files.problems), (0, &[][..]));
    let (config, signatures) = files.usable.unwrap();
    assert_eq!(config.policy.ports[0].expects, [Protocol::from_name("acme-telemetry").unwrap()]);
    assert_eq!(signatures.len(), 2);
    assert_eq!(config.fingerprint.signatures, Some(folder.path().join("signatures.d")));
}

#[test]
fn every_key_is_documented() {
    let page = fs::read_to_string(project("docs/signatures.md")).unwrap();
    let said = said(&check(
        "[[signature]]\nx = 1\nmatch = [{ x = 1 }]\nlength = { x = 1 }\nlength_field = { x = 1 }\ntest = [{ x = 1 }]\n",
    ));
    let lists: Vec<&str> =
        said.lines().filter_map(|line| line.split_once("known here: ").map(|(_, keys)| keys)).collect();
    assert_eq!(lists.len(), 5, "{said}");
    for key in lists.iter().flat_map(|keys| keys.split(", ")).filter(|&key| key != "test") {
        assert!(page.contains(&format!("`{key}`")) || page.contains(&format!(".{key}`")), "{key}");
    }
    let places = Protocol::MAX_OWN;
    for text in [format!("and {places} new names"), format!("The {places} places")] {
        assert!(page.contains(&text), "{text}");
    }
}

#[test]
fn a_policy_may_name_what_signatures_bring_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("offport.toml");
    let port =
        |name: &str| format!("[[policy.port]]\nport = 9000\ntransport = \"tcp\"\nexpects = [\"{name}\"]\n");
    let read = |text: String| {
        fs::write(&path, text).unwrap();
        let files = Files::read(&path, Timestamp::ZERO).unwrap();
        files.problems.iter().map(|problem| format!("{problem}\n")).collect::<String>()
    };
    let section = "[fingerprint]\nsignatures = \"own\"\n";
    fs::create_dir(folder.path().join("own")).unwrap();
    fs::write(folder.path().join("own/acme.toml"), ACME).unwrap();
    assert_eq!(read(section.to_owned() + &port("acme")), "");
    assert!(read(section.to_owned() + &port("acmee")).contains(
        "6:12: error: policy.port[1].expects[1]: \"acmee\" is not a protocol; did you mean \"acme\"?"
    ));
    assert!(
        read(port("acme")).contains("\"acme\" is not a protocol"),
        "the name is known to the process, not to the file"
    );
    // What is wrong with the signatures is said once, and not again of the policy.
    fs::write(folder.path().join("own/acme.toml"), ACME.replace("ACME", "A") + "strength = \"banner\"\n")
        .unwrap();
    let lines = read(section.to_owned() + &port("acme"));
    assert!(
        lines.lines().count() == 1 && lines.contains("own/acme.toml:5:12: error: signature[1].strength"),
        "{lines}"
    );
}

#[test]
fn a_folder_is_read_in_the_order_of_names() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("b.toml", "B"), ("a.toml", "A"), (".c.toml", "C"), ("d.txt", "D"), ("e.toml~", "E")]
    {
        fs::write(folder.path().join(name), text).unwrap();
    }
    fs::create_dir(folder.path().join("f.toml")).unwrap();
    let texts: Vec<_> = read_signatures(folder.path()).unwrap().into_iter().map(|file| file.text).collect();
    assert_eq!(texts, ["A", "B"]);

    fs::write(folder.path().join("g.toml"), [0xff]).unwrap();
    let error = read_signatures(folder.path()).unwrap_err();
    assert_eq!(error.to_string(), format!("{}: cannot be read", folder.path().join("g.toml").display()));
    assert!(read_signatures(&folder.path().join("none")).is_err());
}

#[test]
fn two_files_may_not_ask_for_the_same() {
    let file = |path: &str, text: String| SignatureFile { path: path.into(), text };
    let emca = format!("\n{}", ACME.replace("acme", "emca"));
    let checked = check_signatures(&[file("a.toml", ACME.into()), file("b.toml", emca)]);
    assert!(checked.draft.is_none());
    assert_eq!(
        said(&checked),
        "b.toml:2:1: error: signature[1]: asks for the same as an earlier one; remove one of the two: the other is at a.toml:1\n"
    );
}

#[test]
fn a_test_of_one_file_hears_the_others() {
    let file = |path: &str, text: &str| SignatureFile { path: path.into(), text: text.into() };
    let other = "[[signature]]\nname = \"emca\"\ntransport = \"tcp\"\nmatch = [{ text = \"OTHER\" }]\n\
                 [[signature.test]]\nclient = \"ACME\"\nexpect = \"acme\"\n";
    assert_eq!(said(&check_signatures(&[file("a.toml", ACME), file("b.toml", other)])), "");
    assert!(check_signatures(&[file("b.toml", other)]).draft.is_none());
}

#[test]
fn a_reload_takes_all_or_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("offport.toml");
    let write = |signatures: &str, policy: &str| {
        fs::write(folder.path().join("own/acme.toml"), signatures).unwrap();
        fs::write(&path, format!("[fingerprint]\nsignatures = \"own\"\n{policy}")).unwrap();
        Files::read_again(&path, Timestamp::ZERO).unwrap()
    };
    fs::create_dir(folder.path().join("own")).unwrap();
    let allow = "[[policy.allow]]\nreason = \"ours\"\nprotocol = \"acme\"\n";
    let (config, signatures) = write(ACME, allow).usable.unwrap();
    assert_eq!((config.policy.allow.len(), signatures.len()), (1, 1));

    let refused = write(&ACME.replace("transport", "transpott").replace("acme", "acme2"), allow);
    assert!(refused.usable.is_none());
    assert_eq!(refused.errors(), 2, "{:?}", refused.problems);
    assert_eq!(Protocol::from_name("acme2"), None, "what is refused takes no place");

    let refused = write(&ACME.replace("acme", "emca"), allow);
    assert!(refused.usable.is_none());
    assert!(refused.problems[0].to_string().contains("acme"), "the policy names it: {:?}", refused.problems);
    assert!(write(ACME, "[policy]\nhome_networks = [\"10/8\"]\n").usable.is_none());
    assert!(write(ACME, "").usable.is_some());

    fs::remove_dir_all(folder.path().join("own")).unwrap();
    assert!(Files::read_again(&path, Timestamp::ZERO).is_err());
}

proptest! {
    /// The example with one of its values or lines changed: never a panic, and a draft only without errors.
    #[test]
    fn any_change_of_the_example_is_taken_or_named(line in any::<prop::sample::Index>(), cut in any::<prop::sample::Index>(), with in "[a-z0-9\"'{}=\\[\\]., \\\\-]{0,6}") {
        let text = fs::read_to_string(project("config/signatures.d/example.toml")).unwrap();
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let at = line.index(lines.len());
        let place = cut.index(lines[at].len() + 1);
        if lines[at].is_char_boundary(place) {
            lines[at].insert_str(place, &with);
        }
        let checked = check(&lines.join("\n"));
        prop_assert_eq!(checked.draft.is_none(), !checked.problems.is_empty());
    }
}
