//! The real Bicep compiler, as one process that answers over JSON-RPC. This takes a fraction of the time of a command for
//! each file.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Once;

const REQUIRED: &str = "REQUIRE_BICEP";

pub struct Compiler {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    calls: u64,
}

impl Compiler {
    /// Starts it with the variables that `main.bicepparam` needs. `None`, after one printed line, if there is no compiler
    /// and none is required.
    pub fn start() -> Option<Self> {
        Self::start_with(&[("AZURE_ENV_NAME", "example"), ("AZURE_LOCATION", "westeurope")])
    }

    /// The same with these environment variables.
    pub fn start_with(variables: &[(&str, &str)]) -> Option<Self> {
        let Some(program) = find() else {
            static SAID: Once = Once::new();
            assert!(
                std::env::var_os(REQUIRED).is_none(),
                "cannot find the Bicep compiler, which is required; set BICEP"
            );
            // Written past the test harness, which hides what passing tests print.
            SAID.call_once(|| {
                let line = "not run: tests that need the Bicep compiler; set BICEP, or run `az bicep install`";
                let _ = writeln!(std::io::stderr(), "{line}");
            });
            return None;
        };
        let mut child = Command::new(&program)
            .args(["jsonrpc", "--stdio"])
            .env_clear()
            .envs(std::env::vars().filter(|(name, _)| ["PATH", "HOME", "XDG_CACHE_HOME", "TMPDIR"].contains(&&**name)))
            .envs(variables.iter().copied())
            .envs([("DOTNET_SYSTEM_GLOBALIZATION_INVARIANT", "1"), ("BICEP_TRACING_ENABLED", "false")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start `{}`: {error}", program.display()));
        let input = child.stdin.take().expect("it is piped");
        let output = BufReader::new(child.stdout.take().expect("it is piped"));
        Some(Compiler { child, input, output, calls: 0 })
    }

    /// Every diagnostic, of any level, of the file and the files that it uses.
    pub fn diagnostics(&mut self, path: &Path) -> Vec<String> {
        let is_parameters = path.extension().is_some_and(|ending| ending == "bicepparam");
        let method = if is_parameters { "bicep/compileParams" } else { "bicep/compile" };
        let answer = match self.call(method, json!({ "path": path, "parameterOverrides": {} })) {
            Ok(answer) => answer,
            Err(error) => return vec![error],
        };
        let diagnostics = answer["diagnostics"].as_array().cloned().unwrap_or_default();
        let failed = answer["success"] != true && diagnostics.is_empty();
        let line = |found: &Value| {
            let (file, line) = (found["source"].as_str().unwrap_or_default(), &found["range"]["start"]["line"]);
            let file = file.rsplit('/').next().unwrap_or_default();
            format!("{file}:{line} {} {}", found["code"], found["message"])
        };
        diagnostics.iter().map(line).chain(failed.then(|| format!("{} did not compile", path.display()))).collect()
    }

    /// What the deployment with these parameters consists of; `None` when it does not compile.
    pub fn expand(&mut self, parameters: &Path) -> Option<Value> {
        let metadata = json!({
            "tenantId": "00000000-0000-0000-0000-000000000002",
            "subscriptionId": "00000000-0000-0000-0000-000000000001",
            "location": "westeurope",
        });
        let answer = self.call("bicep/getSnapshot", json!({ "path": parameters, "metadata": metadata })).ok()?;
        serde_json::from_str(answer["snapshot"].as_str()?).ok()
    }

    pub fn formatted(&mut self, path: &Path) -> String {
        let answer = self.call("bicep/format", json!({ "path": path })).expect("it formats");
        answer["contents"].as_str().unwrap_or_default().to_owned()
    }

    fn call(&mut self, method: &str, parameters: Value) -> Result<Value, String> {
        self.calls += 1;
        let request = json!({ "jsonrpc": "2.0", "id": self.calls, "method": method, "params": parameters }).to_string();
        write!(self.input, "Content-Length: {}\r\n\r\n{request}", request.len()).expect("it reads");
        self.input.flush().expect("it reads");
        let mut length = 0;
        loop {
            let mut line = String::new();
            assert!(self.output.read_line(&mut line).expect("it answers") > 0, "the compiler ended at {method}");
            match line.trim().split_once(':') {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.trim().parse().expect("a length");
                }
                Some(_) => {}
                None => break,
            }
        }
        let mut body = vec![0; length];
        self.output.read_exact(&mut body).expect("a whole answer");
        let answer: Value = serde_json::from_slice(&body).expect("an answer is JSON");
        answer.get("error").map_or_else(|| Ok(answer["result"].clone()), |error| Err(error.to_string()))
    }
}

impl Drop for Compiler {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `$BICEP`, then `bicep` on the path, then where `az bicep install` puts it.
fn find() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("BICEP") {
        let named = PathBuf::from(named);
        assert!(named.exists(), "cannot find `{}`, which BICEP names", named.display());
        return Some(named);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut candidates: Vec<PathBuf> = std::env::split_paths(&path).map(|folder| folder.join("bicep")).collect();
    candidates.extend(std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".azure/bin/bicep")));
    candidates.into_iter().find(|candidate| candidate.is_file())
}
