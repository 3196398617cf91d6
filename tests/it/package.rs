//! The package to deploy: the zip has what the Functions host looks for, and its handler works when started as the host
//! starts it.
//!
//! The handler is built for glibc 2.28 in the tests' own profile, unoptimised. It links the same libraries as an optimised
//! one, whose build would take as long as all other tests together.

use crate::handler_contract::answers_every_recorded_request;
use crate::support::limit::Watchdog;
use crate::support::process::{Handler, clickstream};
use std::collections::BTreeMap;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;

/// The oldest glibc that is promised: Debian 10, RHEL 8. Functions' images are newer.
const FLOOR: &str = "2.28";

fn package(arguments: &[&str]) -> Output {
    let mut package = clickstream();
    package.args(["package"]).args(arguments).current_dir(env!("CARGO_MANIFEST_DIR"));
    package.output().expect("it starts")
}

/// Names of the zip with their Unix mode and content.
fn unzipped(zip: &Path) -> BTreeMap<String, (u32, Vec<u8>)> {
    let mut zip = zip::ZipArchive::new(std::fs::File::open(zip).expect("a zip")).expect("a zip");
    let mut entries = BTreeMap::new();
    for index in 0..zip.len() {
        let mut entry = zip.by_index(index).expect("an entry");
        let mut content = Vec::new();
        entry.read_to_end(&mut content).expect("whole");
        entries.insert(entry.name().to_owned(), (entry.unix_mode().expect("made on Unix"), content));
    }
    entries
}

/// The newest `GLIBC_` version that occurs anywhere in the file. Does not parse the ELF format, so that it also finds what
/// our own ELF reader would miss.
fn newest_version_text(executable: &[u8]) -> (u32, u32) {
    let mut newest = (0, 0);
    for (at, _) in executable.windows(8).enumerate().filter(|(_, window)| window == b"GLIBC_2.") {
        let digits: String =
            executable[at + 8..].iter().map(|&byte| char::from(byte)).take_while(char::is_ascii_digit).collect();
        newest = newest.max((2, digits.parse().unwrap_or(0)));
    }
    newest
}

#[tokio::test(crate = "crate::support::limit")]
async fn the_zip_has_what_the_host_looks_for_and_a_handler_that_an_older_glibc_can_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let (out, zip) = (folder.path().join("app"), folder.path().join("app.zip"));
    let output = package(&["--glibc", FLOOR, "--out", &out.to_string_lossy(), "--zip", &zip.to_string_lossy()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("x86-64, needs glibc 2."), "{said}");

    let entries = unzipped(&zip);
    let mut expected: Vec<String> = vec!["handler".into(), "host.json".into()];
    expected.extend(clickstream::functions::NAMES.iter().map(|name| format!("{name}/function.json")));
    expected.sort();
    assert_eq!(entries.keys().cloned().collect::<Vec<_>>(), expected);
    for (name, (mode, content)) in &entries {
        assert_eq!(mode & 0o111 != 0, name == "handler", "{name} has mode {mode:o}");
        let staged = out.join(name);
        assert_eq!(*content, std::fs::read(&staged).expect("staged"), "{name}");
        assert_eq!(std::fs::metadata(&staged).expect("staged").permissions().mode() & 0o777, mode & 0o777, "{name}");
    }
    let (_, handler) = &entries["handler"];
    let newest = newest_version_text(handler);
    assert!(newest > (2, 0) && newest <= (2, 28), "{newest:?}");

    // Unpacked as a host does it.
    let unpacked = folder.path().join("unpacked");
    zip::ZipArchive::new(std::fs::File::open(&zip).expect("a zip"))
        .expect("a zip")
        .extract(&unpacked)
        .expect("unpacked");
    let handler = unpacked.join("handler");
    answers_every_recorded_request(|settings| Handler::start_program(&handler, settings)).await;
}

#[test]
fn a_handler_for_a_newer_glibc_is_refused_and_nothing_is_staged() {
    let _limit = Watchdog::of_this_test();
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("app");
    let handler = env!("CARGO_BIN_EXE_handler");
    let output = package(&["--handler", handler, "--glibc", "2.3", "--out", &out.to_string_lossy()]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("needs glibc 2.") && said.contains("for `"), "{said}");
    assert!(!out.exists(), "nothing is left that somebody could deploy");
}

#[test]
fn without_a_floor_it_says_what_the_handler_needs() {
    let _limit = Watchdog::of_this_test();
    let folder = tempfile::tempdir().expect("a folder");
    let output = package(&["--handler", env!("CARGO_BIN_EXE_handler"), "--out", &folder.path().to_string_lossy()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("x86-64, needs glibc 2."), "{said}");
}
