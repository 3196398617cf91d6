//! `infra/scripts/deploy.sh`, with programs that stand in for `az` and `cargo`.

use crate::support::limit::Watchdog;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A folder with the programs, to put on the path.
struct Programs {
    folder: tempfile::TempDir,
}

impl Programs {
    /// `pushes` is the shell code for `az ... config-zip`.
    fn new(pushes: &str) -> Self {
        let programs = Programs { folder: tempfile::tempdir().expect("a folder") };
        let az = format!(
            r#"echo "$*" >>"$CALLS"
            case "$*" in
              "provider show --namespace Microsoft.App "*) echo NotRegistered ;;
              "provider show "*) echo Registered ;;
              "functionapp list-flexconsumption-locations "*) printf 'northeurope\nwesteurope\n' ;;
              *AZURE_FUNCTION_NAME*azurE_FUNCTION_NAME*) echo func-1 ;;
              *AZURE_RESOURCE_GROUP*azurE_RESOURCE_GROUP*) echo rg-1 ;;
              *BUDGET_START_DATE*budgeT_START_DATE*) echo 2026-03-01 ;;
              *" create "*) echo "budget $BUDGET_START_DATE" >>"$CALLS" ;;
              *config-zip*) {pushes} ;;
            esac"#
        );
        programs.write("az", &az);
        programs.write("cargo", r#"echo "cargo $*" >>"$CALLS""#);
        programs
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.folder.path().join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).expect("written");
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("it may run");
    }

    fn calls_file(&self) -> PathBuf {
        self.folder.path().join("calls")
    }

    fn deploy(&self, arguments: &[&str], location: &str) -> (Output, String) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("infra/scripts/deploy.sh");
        let path = std::env::var("PATH").expect("a path");
        let output = Command::new(script)
            .args(arguments)
            .env("PATH", format!("{}:{path}", self.folder.path().display()))
            .envs([("AZURE_ENV_NAME", "dev"), ("AZURE_LOCATION", location), ("DEPLOY_PAUSE_SECONDS", "0")])
            .env("CALLS", self.calls_file())
            .output()
            .expect("it starts");
        (output, std::fs::read_to_string(self.calls_file()).unwrap_or_default())
    }
}

fn count(calls: &str, word: &str) -> usize {
    calls.lines().filter(|line| line.contains(word)).count()
}

#[test]
fn it_registers_provisions_and_pushes_until_the_roles_have_arrived() {
    let _limit = Watchdog::of_this_test();
    let refuses_twice = r#"[ "$(grep -c config-zip "$CALLS")" -gt 2 ] || { echo "ERROR: Operation returned status 403 Forbidden" >&2; exit 1; }"#;
    let (output, calls) = Programs::new(refuses_twice).deploy(&[], "westeurope");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(count(&calls, "provider register --namespace Microsoft.App --wait"), 1, "{calls}");
    assert_eq!(count(&calls, "provider register"), 1, "{calls}");
    assert_eq!(count(&calls, "config-zip --resource-group rg-1 --name func-1 --src dist/app.zip"), 3, "{calls}");
    assert_eq!(count(&calls, "budget 2026-03-01"), 1, "{calls}");
    let at = |word: &str| calls.find(word).unwrap_or_else(|| panic!("no {word} in {calls}"));
    assert!(at("cargo run --release --bin clickstream -- package") < at("deployment sub create"));
    assert!(at("deployment sub create") < at("config-zip"));
}

#[test]
fn an_error_that_does_not_end_by_itself_fails_at_once() {
    let _limit = Watchdog::of_this_test();
    let (output, calls) = Programs::new(r#"echo "ERROR: the zip is 1403 bytes and not a zip" >&2; exit 1"#)
        .deploy(&["--code-only"], "westeurope");
    assert!(!output.status.success());
    assert_eq!(count(&calls, "config-zip"), 1, "{calls}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("not a zip"), "{output:?}");
}

#[test]
fn it_gives_up_in_the_end() {
    let _limit = Watchdog::of_this_test();
    let (output, calls) =
        Programs::new(r#"echo "503 Service Unavailable" >&2; exit 1"#).deploy(&["--code-only"], "westeurope");
    assert!(!output.status.success());
    assert_eq!(count(&calls, "config-zip"), 10, "{calls}");
}

#[test]
fn a_region_without_flex_is_refused_before_anything_is_made() {
    let _limit = Watchdog::of_this_test();
    let (output, calls) = Programs::new("true").deploy(&[], "atlantis");
    assert!(!output.status.success());
    assert_eq!(count(&calls, "deployment sub create"), 0, "{calls}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("`atlantis`"), "{output:?}");
}

#[test]
fn what_if_changes_nothing() {
    let _limit = Watchdog::of_this_test();
    let (output, calls) = Programs::new("true").deploy(&["--what-if"], "westeurope");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(count(&calls, "deployment sub what-if"), 1, "{calls}");
    assert_eq!(count(&calls, "sub create") + count(&calls, "config-zip") + count(&calls, "cargo"), 0, "{calls}");
}
