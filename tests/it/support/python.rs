//! Python environments with programs that we did not write: readers of Delta tables (`deltalake`, DuckDB, Polars) and a scanner.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The interpreter with the readers of `tests/readers/requirements.txt`: `deltalake` for Python, DuckDB and Polars.
pub fn python() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| environment("readers", "tests/readers/requirements.txt"))
}

/// The interpreter of an environment below `target/` with these packages. Only one caller at a time may use a name.
pub fn environment(name: &str, requirements: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let environment = root.join("target").join(name);
    let python = environment.join("bin/python");
    let requirements = root.join(requirements);
    let installed = environment.join("installed.txt");
    let wanted = std::fs::read_to_string(&requirements).expect("the requirements are there");
    if std::fs::read_to_string(&installed).ok().as_deref() != Some(&wanted) {
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment));
        run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "-r"]).arg(&requirements));
        std::fs::write(installed, wanted).expect("written");
    }
    python
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("cannot run {command:?}: {error}; python3 is needed"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
