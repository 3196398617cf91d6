//! What an executable needs from the machine on which it runs: an architecture, and a version of glibc. Reads both from the
//! file, and does not know how the file was built.
//!
//! The loader compares versions by name. An executable starts only if the C library defines every `GLIBC_x.y` that the executable
//! lists, whether or not it calls the functions with that version.

use object::elf::{EM_AARCH64, EM_X86_64, FileHeader64, VER_FLG_WEAK};
use object::endian::Endianness;
use object::read::SymbolIndex;
use object::read::elf::{FileHeader, Sym, VersionTable};
use std::fmt;
use std::path::Path;
use std::str::FromStr;

#[derive(Debug, thiserror::Error)]
pub enum ExecutableError {
    #[error("cannot read `{path}`")]
    Read { path: String, source: std::io::Error },
    #[error("cannot use `{path}` as the handler: it is not an executable for 64-bit Linux (ELF)")]
    Format { path: String, source: object::read::Error },
    #[error(
        "cannot use `{path}` as the handler: it is built for {machine}, and Flex Consumption runs x86-64 only; build it with \
         `clickstream package --glibc 2.28`"
    )]
    Machine { path: String, machine: Machine },
    #[error(
        "cannot use `{path}` as the handler: it needs glibc {needed}, for `{symbol}`, and has to run with glibc {floor}; build \
         it with `clickstream package --glibc {floor}`"
    )]
    Glibc { path: String, needed: Glibc, symbol: String, floor: Glibc },
}

/// A version of the GNU C library, such as 2.28.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Glibc {
    major: u16,
    minor: u16,
    /// Some old symbols have a third part: `GLIBC_2.2.5`.
    patch: u16,
}

impl FromStr for Glibc {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("`{text}` is not a version of glibc; write it like 2.28");
        let parts: Vec<u16> = text.split('.').map(str::parse).collect::<Result<_, _>>().map_err(|_| wrong())?;
        match parts[..] {
            [major, minor] => Ok(Glibc { major, minor, patch: 0 }),
            [major, minor, patch] => Ok(Glibc { major, minor, patch }),
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for Glibc {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Glibc { major, minor, patch } = self;
        write!(formatter, "{major}.{minor}")?;
        if *patch > 0 { write!(formatter, ".{patch}") } else { Ok(()) }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Machine {
    X86_64,
    Aarch64,
    /// Its number in the ELF standard.
    Other(u16),
}

impl fmt::Display for Machine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Machine::X86_64 => formatter.write_str("x86-64"),
            Machine::Aarch64 => formatter.write_str("aarch64"),
            Machine::Other(number) => write!(formatter, "machine number {number}"),
        }
    }
}

/// The newest version of glibc that is needed, and one symbol that needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newest {
    pub glibc: Glibc,
    pub symbol: String,
}

/// What an executable needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needs {
    pub machine: Machine,
    /// `None` for an executable that is linked statically.
    pub newest: Option<Newest>,
}

impl fmt::Display for Needs {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.newest {
            Some(newest) => write!(formatter, "{}, needs glibc {}", self.machine, newest.glibc),
            None => write!(formatter, "{}, needs no glibc", self.machine),
        }
    }
}

/// What the executable at `path` needs. It is refused if it cannot run on Flex Consumption, or not with the glibc `floor`.
pub fn checked(path: &Path, floor: Option<Glibc>) -> Result<Needs, ExecutableError> {
    let name = path.display().to_string();
    let bytes = std::fs::read(path).map_err(|source| ExecutableError::Read { path: name.clone(), source })?;
    let needs = needs(&bytes).map_err(|source| ExecutableError::Format { path: name.clone(), source })?;
    if needs.machine != Machine::X86_64 {
        return Err(ExecutableError::Machine { path: name, machine: needs.machine });
    }
    match (&needs.newest, floor) {
        (Some(Newest { glibc, symbol }), Some(floor)) if *glibc > floor => {
            Err(ExecutableError::Glibc { path: name, needed: *glibc, symbol: symbol.clone(), floor })
        }
        _ => Ok(needs),
    }
}

fn needs(bytes: &[u8]) -> object::read::Result<Needs> {
    let header = FileHeader64::<Endianness>::parse(bytes)?;
    let endian = header.endian()?;
    let machine = match header.e_machine(endian) {
        EM_X86_64 => Machine::X86_64,
        EM_AARCH64 => Machine::Aarch64,
        other => Machine::Other(other),
    };
    Ok(Needs { machine, newest: newest_glibc(header, endian, bytes)? })
}

fn newest_glibc(
    header: &FileHeader64<Endianness>,
    endian: Endianness,
    bytes: &[u8],
) -> object::read::Result<Option<Newest>> {
    let sections = header.sections(endian, bytes)?;
    let Some((mut needed, strings_at)) = sections.gnu_verneed(endian, bytes)? else { return Ok(None) };
    let strings = sections.strings(endian, bytes, strings_at)?;
    let mut newest: Option<(Glibc, &[u8])> = None;
    while let Some((_, mut versions)) = needed.next()? {
        while let Some(version) = versions.next()? {
            let name = version.name(endian, strings)?;
            let is_weak = version.vna_flags.get(endian) & VER_FLG_WEAK != 0;
            if let Some(glibc) = glibc_of(name).filter(|_| !is_weak)
                && newest.is_none_or(|(known, _)| glibc > known)
            {
                newest = Some((glibc, name));
            }
        }
    }
    let Some((glibc, name)) = newest else { return Ok(None) };
    let symbol = symbol_of_version(header, endian, bytes, name)?.unwrap_or_else(|| text(name));
    Ok(Some(Newest { glibc, symbol }))
}

/// A symbol that has `version`, for the message to a person.
fn symbol_of_version(
    header: &FileHeader64<Endianness>,
    endian: Endianness,
    bytes: &[u8],
    version: &[u8],
) -> object::read::Result<Option<String>> {
    let sections = header.sections(endian, bytes)?;
    let versions: VersionTable<_> = sections.versions(endian, bytes)?.unwrap_or_default();
    let symbols = sections.symbols(endian, bytes, object::elf::SHT_DYNSYM)?;
    for (index, symbol) in symbols.iter().enumerate() {
        let of_symbol = versions.version(versions.version_index(endian, SymbolIndex(index)))?;
        if of_symbol.is_some_and(|of_symbol| of_symbol.name() == version) {
            return Ok(Some(text(symbol.name(endian, symbols.strings())?)));
        }
    }
    Ok(None)
}

/// `2.28` for `GLIBC_2.28`. `None` for `GLIBC_PRIVATE` and for the versions of other libraries.
fn glibc_of(version: &[u8]) -> Option<Glibc> {
    text(version.strip_prefix(b"GLIBC_")?).parse().ok()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    /// The test itself is an executable for this machine.
    fn this_program() -> (PathBuf, Vec<u8>) {
        let path = std::env::current_exe().expect("it runs");
        let bytes = std::fs::read(&path).expect("it can be read");
        (path, bytes)
    }

    #[test]
    fn versions_are_numbers_and_not_text() {
        let parsed = |text: &str| text.parse::<Glibc>().expect("a version");
        assert!(parsed("2.9") < parsed("2.28"));
        assert!(parsed("2.2.5") < parsed("2.3"));
        assert_eq!(parsed("2.28").to_string(), "2.28");
        assert_eq!(parsed("2.2.5").to_string(), "2.2.5");
        for wrong in ["", "2", "2.x", "2.28.1.1", "-2.28", "latest"] {
            assert!(wrong.parse::<Glibc>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn it_reads_what_this_program_needs() {
        let (path, _) = this_program();
        let needs = checked(&path, None).expect("an executable");
        let newest = needs.newest.expect("a program that the compiler linked for this machine");
        assert!(newest.glibc > "2.2.5".parse().expect("a version"), "{newest:?}");
        assert!(!newest.symbol.is_empty() && !newest.symbol.starts_with("GLIBC_"), "{newest:?}");
        assert!(checked(&path, Some(newest.glibc)).is_ok(), "the newest version that it needs is enough");
    }

    #[test]
    fn an_older_floor_is_refused_with_the_symbol_and_its_version() {
        let (path, _) = this_program();
        let newest = checked(&path, None).expect("an executable").newest.expect("linked dynamically");
        let floor = "2.3".parse().expect("a version");
        let refusal = checked(&path, Some(floor)).expect_err("too new").to_string();
        for part in [format!("glibc {}", newest.glibc), format!("`{}`", newest.symbol), "--glibc 2.3".to_owned()] {
            assert!(refusal.contains(&part), "{part} is not in {refusal}");
        }
    }

    #[test]
    fn another_architecture_is_refused_by_name() {
        let (_, mut bytes) = this_program();
        // `e_machine` is at this offset in every ELF header.
        bytes[18..20].copy_from_slice(&EM_AARCH64.to_le_bytes());
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), bytes).expect("written");
        let refusal = checked(file.path(), None).expect_err("another machine").to_string();
        assert!(refusal.contains("aarch64") && refusal.contains("x86-64 only"), "{refusal}");
    }

    #[test]
    fn a_file_that_is_not_an_executable_is_refused() {
        let (_, bytes) = this_program();
        for wrong in [&b""[..], b"#!/bin/sh\n", &bytes[..63], &bytes[..1 << 12]] {
            let file = tempfile::NamedTempFile::new().expect("a file");
            std::fs::write(file.path(), wrong).expect("written");
            let refusal = checked(file.path(), None).expect_err("no executable").to_string();
            assert!(refusal.contains("is not an executable for 64-bit Linux"), "{refusal}");
        }
    }
}
