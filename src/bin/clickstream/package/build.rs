//! Builds the handler, for this machine or for one with an older glibc.
//!
//! For an older glibc, cargo-zigbuild makes cargo use the linker and the C compiler of zig, which knows the symbols of every
//! version. Pinned versions of both are installed from PyPI into a folder below `target`, and nothing outside the source tree.

use super::HANDLER;
use super::executable::Glibc;
use crate::command::Failure;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const TARGET: &str = "x86_64-unknown-linux-gnu";

/// In the source tree. Builds for another glibc share nothing with those for this machine.
const FOLDER: &str = "target/zigbuild";

/// Packages of PyPI.
const TOOLS: [&str; 2] = ["cargo-zigbuild==0.24.0", "ziglang==0.17.1"];

/// How well the handler is optimised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    Dev,
    Release,
}

impl Profile {
    /// The profile with which this program was built.
    pub fn of_this_program() -> io::Result<Self> {
        let program = std::env::current_exe()?;
        let is_release = program.parent().is_some_and(|folder| folder.ends_with("release"));
        Ok(if is_release { Profile::Release } else { Profile::Dev })
    }

    /// The folder below `target` in which cargo puts the handler.
    fn folder(self) -> &'static str {
        match self {
            Profile::Dev => "debug",
            Profile::Release => "release",
        }
    }

    fn arguments(self) -> &'static [&'static str] {
        match self {
            Profile::Dev => &[],
            Profile::Release => &["--release"],
        }
    }
}

/// The handler for this machine: the one next to this program, or that of another profile. In the source tree, cargo builds it
/// first.
pub fn for_this_machine(profile: Profile) -> Result<PathBuf, Failure> {
    let is_this_profile = profile == Profile::of_this_program()?;
    let handler = match is_this_profile {
        true => std::env::current_exe()?.with_file_name(HANDLER),
        false => Path::new("target").join(profile.folder()).join(HANDLER),
    };
    if Path::new("Cargo.toml").exists() && (std::env::var_os("CARGO").is_some() || !is_this_profile) {
        let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        build.arg("build").args(["--bin", HANDLER]).args(profile.arguments());
        run(build, &format!("cannot build `{HANDLER}`"))?;
    }
    if handler.exists() {
        return Ok(handler);
    }
    Err(format!(
        "cannot find the handler `{}`; build it with `cargo build --bins`, or name one with `--handler`",
        handler.display()
    )
    .into())
}

/// Builds the handler for machines with the glibc `floor` or a newer one, without the dependencies of this tool. Works in the
/// source tree only. The first build compiles everything.
pub fn for_glibc(floor: Glibc, profile: Profile) -> Result<PathBuf, Failure> {
    if !Path::new("Cargo.toml").exists() {
        return Err(
            "cannot build for another glibc outside of the source tree; change to it, or name a `--handler`".into()
        );
    }
    let tools = tools()?;
    let mut build = Command::new(tools.join("cargo-zigbuild"));
    build
        .args(["zigbuild", "--locked", "--package", "clickstream", "--bin", HANDLER, "--no-default-features"])
        .args(["--target-dir", FOLDER])
        .args(["--target", &format!("{TARGET}.{floor}")])
        .args(profile.arguments());
    // Zig itself, because its Python wrapper would start Python for each C file.
    build.env("CARGO_ZIGBUILD_ZIG_PATH", zig(&tools)?);
    run(build, &format!("cannot build `{HANDLER}` for glibc {floor}"))?;
    Ok(Path::new(FOLDER).join(TARGET).join(profile.folder()).join(HANDLER))
}

/// The executable of zig, inside its Python package.
fn zig(tools: &Path) -> Result<PathBuf, Failure> {
    let script = "import ziglang, pathlib; print(pathlib.Path(ziglang.__file__).with_name('zig'), end='')";
    let output = Command::new(tools.join("python")).args(["-c", script]).output()?;
    let zig = PathBuf::from(String::from_utf8(output.stdout)?);
    if zig.is_file() { Ok(zig) } else { Err(format!("cannot find zig in `{}`", tools.display()).into()) }
}

/// The programs folder of a Python environment with the tools, which is created on first use.
fn tools() -> Result<PathBuf, Failure> {
    let environment = std::path::absolute(FOLDER)?.join("venv");
    let programs = environment.join("bin");
    let receipt = environment.join("installed");
    let wanted = TOOLS.join("\n");
    if fs::read_to_string(&receipt).is_ok_and(|installed| installed == wanted) {
        return Ok(programs);
    }
    eprintln!("installing {} from PyPI into {}", TOOLS.join(" and "), environment.display());
    let mut create = Command::new("python3");
    create.args(["-m", "venv"]).arg(&environment);
    run(create, "cannot create a Python environment, which needs Python 3 with `venv`")?;
    let mut install = Command::new(programs.join("python"));
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(TOOLS);
    run(install, "cannot install cargo-zigbuild and zig from PyPI")?;
    // Written last, so that an installation that was interrupted is repeated.
    fs::write(receipt, wanted)?;
    Ok(programs)
}

/// Runs `command` to its end. Its output goes to standard error, because a script may read standard output.
fn run(mut command: Command, failed: &str) -> Result<(), Failure> {
    command.stdin(Stdio::null()).stdout(io::stderr());
    for (name, _) in std::env::vars_os().filter(|(name, _)| describes_this_package(&name.to_string_lossy())) {
        command.env_remove(name);
    }
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{failed}: `{}` ended with {status}", command.get_program().display()).into()),
        Err(error) => Err(format!("{failed}: cannot start `{}`: {error}", command.get_program().display()).into()),
    }
}

/// What `cargo run` and `cargo test` set for the program that they start. The build scripts of some crates read these variables:
/// when they have other values than in a build from the command line, cargo compiles these crates again, and every crate that
/// depends on them.
fn describes_this_package(variable: &str) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"].iter().any(|start| variable.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_within_cargo_run_is_the_one_of_the_command_line() {
        for variable in ["CARGO_PKG_NAME", "CARGO_PKG_VERSION_PRE", "CARGO_MANIFEST_DIR", "CARGO_MANIFEST_LINKS"] {
            assert!(describes_this_package(variable), "{variable}");
        }
        for variable in ["CARGO", "CARGO_HOME", "CARGO_TARGET_DIR", "CARGO_NET_OFFLINE", "CARGO_BUILD_JOBS", "PATH"] {
            assert!(!describes_this_package(variable), "{variable}");
        }
    }
}
