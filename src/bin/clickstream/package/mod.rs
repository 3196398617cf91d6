//! `clickstream package`: stages the app folder, which `func start` runs and which is deployed.
//!
//! The host looks for functions one level below `host.json`, so nothing else may be there. A handler that cannot start on Flex
//! Consumption is refused here, with the reason. There it would only end.

mod build;
mod executable;

use crate::command::{Failure, Verdict, cannot};
use build::Profile;
use executable::Glibc;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// The configuration of the app, as it is in the repository.
const FILES: [(&str, &str); 5] = [
    ("host.json", include_str!("../../../../host.json")),
    ("ingest/function.json", include_str!("../../../../functions/ingest/function.json")),
    ("sessionize/function.json", include_str!("../../../../functions/sessionize/function.json")),
    ("rebuild/function.json", include_str!("../../../../functions/rebuild/function.json")),
    ("health/function.json", include_str!("../../../../functions/health/function.json")),
];

/// The name of the handler in `host.json`.
const HANDLER: &str = "handler";

const EXECUTABLE: u32 = 0o755;
const READABLE: u32 = 0o644;

#[derive(clap::Args)]
pub struct Arguments {
    /// Folder to stage into; files with the same names are replaced
    #[arg(long)]
    out: PathBuf,
    /// Also write a zip to deploy
    #[arg(long)]
    zip: Option<PathBuf>,
    /// The handler to stage [default: the one next to this program; in the source tree, cargo builds it]
    #[arg(long)]
    handler: Option<PathBuf>,
    /// The oldest glibc that the handler has to run with, such as 2.28. Builds the handler for it; refuses a `--handler` that
    /// needs a newer one
    #[arg(long)]
    glibc: Option<Glibc>,
    /// Build the handler with optimisation [default: as this program was built]
    #[arg(long, conflicts_with = "handler")]
    release: bool,
}

pub fn run(arguments: Arguments) -> Result<Verdict, Failure> {
    let profile = if arguments.release { Profile::Release } else { Profile::of_this_program()? };
    let handler = match (arguments.handler, arguments.glibc) {
        (Some(handler), _) => handler,
        (None, Some(floor)) => build::for_glibc(floor, profile)?,
        (None, None) => build::for_this_machine(profile)?,
    };
    let needs = executable::checked(&handler, arguments.glibc)?;
    stage(&arguments.out, &handler).map_err(cannot("stage the app into", &arguments.out))?;
    println!("staged `{}`; its handler is for {needs}", arguments.out.display());
    if let Some(zip) = arguments.zip {
        write_zip(&zip, &handler)?;
        println!("wrote `{}`, {} bytes", zip.display(), fs::metadata(&zip)?.len());
    }
    Ok(Verdict::Holds)
}

/// The handler that belongs to this program: the one next to it. In the source tree, cargo builds it first.
pub fn built_handler() -> Result<PathBuf, Failure> {
    build::for_this_machine(Profile::of_this_program()?)
}

/// Writes the app folder to `out`. Several processes may do so at once: no file is ever there in part.
pub fn stage(out: &Path, handler: &Path) -> io::Result<()> {
    let incoming = out.join(format!(".incoming-{}", std::process::id()));
    for (path, text) in FILES {
        let path = out.join(path);
        if fs::read(&path).is_ok_and(|staged| staged == text.as_bytes()) {
            continue;
        }
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&incoming, text)?;
        fs::rename(&incoming, path)?;
    }
    let staged = out.join(HANDLER);
    if is_copy(&staged, handler)? {
        return Ok(());
    }
    // A file that is running cannot be written to, but it can be replaced.
    fs::copy(handler, &incoming)?;
    fs::set_permissions(&incoming, fs::Permissions::from_mode(EXECUTABLE))?;
    File::open(&incoming)?.set_modified(fs::metadata(handler)?.modified()?)?;
    fs::rename(incoming, staged)
}

/// Whether `staged` has the size and the time of `handler`, which it gets when it is copied. A restart should not wait for
/// a copy of tens of megabytes that is there already.
fn is_copy(staged: &Path, handler: &Path) -> io::Result<bool> {
    let stamp = |path: &Path| fs::metadata(path).and_then(|metadata| Ok((metadata.len(), metadata.modified()?)));
    match stamp(staged) {
        Ok(staged) => Ok(staged == stamp(handler)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// The host gets the execute bit from the zip, and finds the handler by its exact name.
fn write_zip(path: &Path, handler: &Path) -> Result<(), Failure> {
    let mut zip = ZipWriter::new(File::create(path).map_err(cannot("create", path))?);
    for (name, text) in FILES {
        zip.start_file(name, SimpleFileOptions::default().unix_permissions(READABLE))?;
        zip.write_all(text.as_bytes())?;
    }
    zip.start_file(HANDLER, SimpleFileOptions::default().unix_permissions(EXECUTABLE))?;
    io::copy(&mut File::open(handler)?, &mut zip)?;
    zip.finish()?.sync_all()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handler_is_copied_once_and_again_after_it_has_changed() {
        let folder = tempfile::tempdir().unwrap();
        let (out, handler) = (folder.path().join("out"), folder.path().join("built"));
        let staged = || fs::read_to_string(out.join(HANDLER)).unwrap();
        fs::write(&handler, "one").unwrap();
        stage(&out, &handler).unwrap();
        assert_eq!(staged(), "one");
        let inode = || std::os::unix::fs::MetadataExt::ino(&fs::metadata(out.join(HANDLER)).unwrap());
        let first = inode();
        stage(&out, &handler).unwrap();
        assert_eq!(inode(), first);
        // An older build of the same size is a change too.
        fs::write(&handler, "two").unwrap();
        File::open(&handler).unwrap().set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
        stage(&out, &handler).unwrap();
        assert_eq!(staged(), "two");
        assert_eq!(fs::metadata(out.join(HANDLER)).unwrap().permissions().mode() & 0o777, EXECUTABLE);
    }
}
