//! The checks find defects: each one in `mutants.txt` is put into a copy of the files, and the check that is named there
//! finds it.

use super::bicep::Compiler;
use super::checks;
use super::specimen::{PARAMETER_SETS, Snapshot, Specimen, committed_snapshot};
use crate::support::limit::Watchdog;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Mutex;

const FEWEST: usize = 30;

/// Compilers that run at once. Each needs a core and some 200 MB.
const COMPILERS: usize = 2;

/// What the checks read.
const COPIED: [&str; 9] = [
    "infra",
    "functions",
    "host.json",
    "local.settings.example.json",
    "azure.yaml",
    "README.md",
    "src/config/mod.rs",
    "src/settings/mod.rs",
    ".github/workflows",
];

#[derive(Debug, Default, Clone)]
struct Mutant {
    name: String,
    file: String,
    replace: String,
    by: String,
    caught: String,
    set: String,
}

impl Mutant {
    fn all() -> Vec<Self> {
        let text = include_str!("mutants.txt");
        let blocks = text.split("\n\n").filter(|block| !block.starts_with('#'));
        blocks.filter(|block| !block.trim().is_empty()).map(Self::read).collect()
    }

    fn read(block: &str) -> Self {
        let mut mutant = Mutant { set: "default".into(), ..Mutant::default() };
        for line in block.lines().filter(|line| !line.is_empty()) {
            let Some(member) = line.strip_prefix("  ") else {
                mutant.name = line.to_owned();
                continue;
            };
            let (key, value) = member.split_at_checked(9).unwrap_or((member, ""));
            let value = value.replace("\\n", "\n");
            match key.trim() {
                "in" => mutant.file = value,
                "replace" => mutant.replace = value,
                "by" => mutant.by = value,
                "caught" => mutant.caught = value,
                "set" => mutant.set = value,
                other => panic!("mutants.txt: `{other}` in {block}"),
            }
        }
        mutant
    }

    fn needs_the_compiler(&self) -> bool {
        self.file.ends_with(".bicep") || self.file.ends_with(".bicepparam")
    }

    /// A copy of the files with the defect in it.
    fn plant(&self, root: &Path) -> Result<(), String> {
        for path in COPIED {
            copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join(path), &root.join(path));
        }
        let path = root.join(&self.file);
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", self.name));
        let found = text.matches(&self.replace).count();
        if found != 1 {
            return Err(format!("its text occurs {found} times in {}", self.file));
        }
        std::fs::write(path, text.replacen(&self.replace, &self.by, 1)).expect("written");
        Ok(())
    }

    /// The checks that find it.
    fn found_by(&self, compiler: Option<&mut Compiler>) -> Result<BTreeSet<&'static str>, String> {
        let root = tempfile::tempdir().expect("a folder");
        self.plant(root.path())?;
        let mut specimen = Specimen { root: root.path().to_owned(), ..Specimen::committed() };
        let mut found = BTreeSet::new();
        if let Some(compiler) = compiler {
            found.extend(self.found_by_compiling(compiler, &mut specimen));
        }
        found.extend(checks().into_iter().filter(|(_, check)| !check(&specimen).is_empty()).map(|(name, _)| name));
        Ok(found)
    }
}

impl Mutant {
    /// What the compiler finds. The new expansion replaces the one in the specimen. A call to the compiler takes a second,
    /// so this makes only those that can find the defect.
    fn found_by_compiling(&self, compiler: &mut Compiler, specimen: &mut Specimen) -> Vec<&'static str> {
        let in_root = |path: &str| specimen.root.join(path);
        if self.caught == "compile" {
            let mut files = [in_root(&self.file), in_root("infra/main.bicep")].into_iter();
            return files.find(|file| !compiler.diagnostics(file).is_empty()).map(|_| "compile").into_iter().collect();
        }
        let is_users = self.file.ends_with("main.bicepparam");
        let parameters = if is_users { self.file.clone() } else { format!("infra/snapshots/{}.bicepparam", self.set) };
        let Some(expanded) = compiler.expand(&in_root(&parameters)) else { return vec!["compile"] };
        let at = PARAMETER_SETS.iter().position(|name| *name == self.set).expect("a parameter set");
        specimen.snapshots[at] = Snapshot::new(&self.set, &expanded);
        let is_committed = expanded == committed_snapshot(&self.set);
        let name = if is_users { "parameters-give-the-default-deployment" } else { "snapshots-are-current" };
        (!is_committed).then_some(name).into_iter().collect()
    }
}

fn copy(from: &Path, to: &Path) {
    if !from.is_dir() {
        std::fs::create_dir_all(to.parent().expect("a folder")).expect("made");
        std::fs::copy(from, to).expect("copied");
        return;
    }
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        copy(&entry.path(), &to.join(entry.file_name()));
    }
}

#[test]
fn every_seeded_defect_is_found_by_the_check_that_is_named() {
    let _limit = Watchdog::of_this_test();
    let (compiled, plain): (Vec<_>, Vec<_>) = Mutant::all().into_iter().partition(Mutant::needs_the_compiler);
    assert!(compiled.len() + plain.len() >= FEWEST);
    let names: BTreeSet<&String> = compiled.iter().chain(&plain).map(|mutant| &mutant.name).collect();
    assert_eq!(names.len(), compiled.len() + plain.len(), "each defect has its own name");
    let outcomes = Mutex::new(Vec::new());
    let try_one = |mutant: &Mutant, compiler: Option<&mut Compiler>| {
        let found = mutant.found_by(compiler);
        outcomes.lock().expect("no check panics").push((mutant.clone(), found));
    };
    plain.iter().for_each(|mutant| try_one(mutant, None));
    let waiting = Mutex::new(compiled);
    std::thread::scope(|scope| {
        for _ in 0..COMPILERS {
            scope.spawn(|| {
                let Some(mut compiler) = Compiler::start() else { return };
                while let Some(mutant) = { waiting.lock().expect("no check panics").pop() } {
                    try_one(&mutant, Some(&mut compiler));
                }
            });
        }
    });
    let outcomes = outcomes.into_inner().expect("no check panics");
    let mut missed = Vec::new();
    for (mutant, found) in &outcomes {
        println!("{:<55} {}", mutant.name, mutant.caught);
        match found {
            Ok(found) if found.contains(mutant.caught.as_str()) => {}
            Ok(found) => missed.push(format!("`{}` is found by {found:?}, not by {}", mutant.name, mutant.caught)),
            Err(reason) => missed.push(format!("`{}` does not apply: {reason}", mutant.name)),
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
    assert!(outcomes.len() >= plain.len().max(1), "{} defects were tried", outcomes.len());
}

/// A check that no defect exercises may as well not be there.
#[test]
fn every_check_has_a_defect_of_its_own() {
    let _limit = Watchdog::of_this_test();
    let caught: BTreeSet<String> = Mutant::all().into_iter().map(|mutant| mutant.caught).collect();
    let names = checks().into_iter().map(|(name, _)| name);
    let idle: Vec<&str> = names.filter(|name| !caught.contains(*name)).collect();
    assert!(idle.is_empty(), "no seeded defect for {idle:?}");
}
