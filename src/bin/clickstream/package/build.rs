//! Building the handler: for this machine, or for one with an older glibc.
//!
//! For an older glibc the linker and the C compiler are zig's, which knows the symbols of every version; cargo-zigbuild
//! tells cargo so. Both come from PyPI, pinned, into a folder below `target`; nothing is installed outside the tree.

use super::super::Failure;
use super::HANDLER;
use super::executable::Glibc;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Of the source tree; what is built for another glibc shares nothing with what is built for this machine.
const FOLDER: &str = "target/zigbuild";

/// As PyPI names them.
const TOOLS: [&str; 2] = ["cargo-zigbuild==0.24.0", "ziglang==0.17.1"];

/// How well the handler is optimised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    Dev,
    Release,
}

impl Profile {
    /// The one with which this program was built.
    pub fn of_this_program() -> io::Result<Self> {
        let program = std::env::current_exe()?;
        let is_release = program.parent().is_some_and(|folder| folder.ends_with("release"));
        Ok(if is_release { Profile::Release } else { Profile::Dev })
    }

    /// Where cargo puts it.
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

/// The handler for this machine: the one beside this program, or of another profile. Built first where this runs from a
/// source tree.
pub fn for_this_machine(profile: Profile) -> Result<PathBuf, Failure> {
    let is_beside = profile == Profile::of_this_program()?;
    let handler = match is_beside {
        true => std::env::current_exe()?.with_file_name(HANDLER),
        false => Path::new("target").join(profile.folder()).join(HANDLER),
    };
    if Path::new("Cargo.toml").exists() && (std::env::var_os("CARGO").is_some() || !is_beside) {
        let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        build.arg("build").args(["--bin", HANDLER]).args(profile.arguments());
        run(build, &format!("cannot build `{HANDLER}`"))?;
    }
    if handler.exists() {
        return Ok(handler);
    }
    Err(format!("cannot find `{}`; build it with `cargo build --bins`", handler.display()).into())
}

/// Builds the handler for machines whose glibc is `floor` or newer, without what only this tool needs. Runs in the source
/// tree; takes as long as a build from nothing the first time.
pub fn for_glibc(floor: Glibc, profile: Profile) -> Result<PathBuf, Failure> {
    if !Path::new("Cargo.toml").exists() {
        return Err("cannot build for another glibc outside the source tree; go there, or name a `--handler`".into());
    }
    let tools = tools()?;
    let mut build = Command::new(tools.join("cargo-zigbuild"));
    build
        .args(["zigbuild", "--locked", "--target-dir", FOLDER])
        .args(["--package", "clickstream", "--bin", HANDLER, "--no-default-features"])
        .args(["--target", &format!("{TARGET}.{floor}")])
        .args(profile.arguments());
    // Zig itself, and not by way of Python: it is started once for each C file.
    build.env("CARGO_ZIGBUILD_ZIG_PATH", zig(&tools)?);
    run(build, &format!("cannot build `{HANDLER}` for glibc {floor}"))?;
    Ok(Path::new(FOLDER).join(TARGET).join(profile.folder()).join(HANDLER))
}

/// Where the package has put it.
fn zig(tools: &Path) -> Result<PathBuf, Failure> {
    let script = "import ziglang, pathlib; print(pathlib.Path(ziglang.__file__).with_name('zig'), end='')";
    let output = Command::new(tools.join("python")).args(["-c", script]).output()?;
    let zig = PathBuf::from(String::from_utf8(output.stdout)?);
    if zig.is_file() { Ok(zig) } else { Err(format!("cannot find zig in `{}`", tools.display()).into()) }
}

/// The folder of programs of a Python environment that has the tools; made on first use.
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
    run(create, "cannot make a Python environment; Python 3 with `venv` is needed")?;
    let mut install = Command::new(programs.join("python"));
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(TOOLS);
    run(install, "cannot install cargo-zigbuild and zig from PyPI")?;
    // Last: an installation that was cut short has none.
    fs::write(receipt, wanted)?;
    Ok(programs)
}

/// Runs to the end. What it says goes to standard error, since standard output may be for a script.
fn run(mut command: Command, failed: &str) -> Result<(), Failure> {
    command.stdin(Stdio::null()).stdout(io::stderr());
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{failed}: `{}` ended with {status}", command.get_program().display()).into()),
        Err(error) => Err(format!("{failed}: cannot start `{}`: {error}", command.get_program().display()).into()),
    }
}
