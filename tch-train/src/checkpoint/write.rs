//! Writing, so that a file is either complete or not there.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde_json::json;
use sha2::{Digest, Sha256};
use tch::{Device, Tensor};
use tch_function::slices::{as_bytes, is_plain};

use super::{Checkpoint, FORMAT, KINDS, MODEL, OPTIMIZER, Training, VERSION};
use crate::Error;
use crate::slices::copy_to;

/// What is done to the disk, one by one, so that tests can let each fail.
pub(super) trait Disk {
    fn create(&mut self, path: &Path) -> io::Result<File> {
        File::create(path)
    }
    fn write(&mut self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        file.write_all(bytes)
    }
    fn sync(&mut self, file: &File) -> io::Result<()> {
        file.sync_all()
    }
    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }
    fn sync_folder(&mut self, folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()
    }
    fn remove(&mut self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }
}

/// The file system.
pub(super) struct FileSystem;

impl Disk for FileSystem {}

/// Ending of files that are not complete.
pub(super) const PARTIAL: &str = "partial";

/// Writes a checkpoint: to another name in the same folder, to the disk, then under its name, and the name to the disk.
pub(super) fn write(disk: &mut impl Disk, path: &Path, checkpoint: &Checkpoint) -> Result<(), Error> {
    let tensors = plain_tensors(checkpoint)?;
    let mut header = header(checkpoint, &tensors)?;
    let mut hash = Sha256::new();
    hash.update(&header);
    tensors.iter().for_each(|(_, tensor)| hash.update(as_bytes(tensor)));
    let place = hash_place(&header).ok_or_else(|| damaged(path, "its header has no place for a hash"))?;
    header[place..place + 64].copy_from_slice(hex(&hash.finalize()).as_bytes());

    let mut partial = path.as_os_str().to_owned();
    partial.push(format!(".{PARTIAL}"));
    let partial = PathBuf::from(partial);
    let written = write_partial(disk, &partial, &header, &tensors)
        .and_then(|()| disk.rename(&partial, path).map_err(Error::file("rename to", path)));
    if written.is_err() {
        // the reason is what counts; a file that stays is removed by the next save
        let _ = disk.remove(&partial);
    }
    written?;
    let folder = path.parent().unwrap_or(Path::new("."));
    disk.sync_folder(folder).map_err(Error::file("write", folder))
}

fn write_partial(
    disk: &mut impl Disk,
    partial: &Path,
    header: &[u8],
    tensors: &[(String, Tensor)],
) -> Result<(), Error> {
    let failed = || Error::file("write", partial);
    let mut file = disk.create(partial).map_err(failed())?;
    disk.write(&mut file, header).map_err(failed())?;
    for (_, tensor) in tensors {
        disk.write(&mut file, as_bytes(tensor)).map_err(failed())?;
    }
    disk.sync(&file).map_err(failed())
}

/// All tensors, contiguous on the CPU; those with large elements first, so that each lies at a multiple of its element's size.
fn plain_tensors(checkpoint: &Checkpoint) -> Result<Vec<(String, Tensor)>, Error> {
    let _guard = tch::no_grad_guard();
    let model = checkpoint.model.iter().map(|(name, t)| (format!("{MODEL}{name}"), t));
    let state = checkpoint.optimizer.iter().flat_map(|state| &state.tensors);
    let mut tensors = Vec::new();
    for (name, tensor) in model.chain(state.map(|(name, t)| (format!("{OPTIMIZER}{name}"), t))) {
        let plain = if is_plain(tensor) { tensor.shallow_clone() } else { copy_to(tensor, Device::Cpu)? };
        tensors.push((name, plain));
    }
    tensors.sort_by_key(|(_, tensor)| std::cmp::Reverse(tensor.kind().elt_size_in_bytes()));
    Ok(tensors)
}

/// Length and JSON, with zeros for the hash.
fn header(checkpoint: &Checkpoint, tensors: &[(String, Tensor)]) -> Result<Vec<u8>, Error> {
    let mut entries = BTreeMap::new();
    let (mut end, mut kinds) = (0, Vec::new());
    for (name, tensor) in tensors {
        let start = end;
        end += as_bytes(tensor).len();
        let Some((_, dtype)) = KINDS.iter().find(|(kind, _)| *kind == tensor.kind()) else {
            let what = format!("{name} is of kind {:?}, which cannot be saved", tensor.kind());
            return Err(Error::Setting { option: "checkpoint", what });
        };
        if !kinds.contains(&dtype.to_string()) {
            kinds.push(dtype.to_string());
        }
        entries.insert(name.clone(), json!({"dtype": dtype, "shape": tensor.size(), "data_offsets": [start, end]}));
    }
    let Checkpoint { step, identity, seed, score, cursor, schedules, clip, notes, optimizer, .. } = checkpoint;
    let training = Training {
        seed: *seed,
        score: *score,
        cursor: *cursor,
        schedules: schedules.clone(),
        clip: clip.clone(),
        optimizer: optimizer.as_ref().map(|state| state.groups.clone()),
    };
    let mut metadata = json!({
        "format": FORMAT,
        "version": VERSION,
        "kind": identity.kind,
        "config": identity.config.to_string(),
        "dtype": kinds.join(" "),
        "step": step.to_string(),
        "training": json!(training).to_string(),
        "notes": notes.to_string(),
        "sha256": "0".repeat(64),
    });
    if let Some(built_on) = &identity.built_on {
        metadata["built_on"] = json!(built_on);
    }
    entries.insert("__metadata__".into(), metadata);
    let mut text = json!(entries).to_string();
    text += &" ".repeat(text.len().next_multiple_of(8) - text.len());
    let mut header = (text.len() as u64).to_le_bytes().to_vec();
    header.extend_from_slice(text.as_bytes());
    Ok(header)
}

/// Where the 64 digits of the hash are. Quotes in names and values are escaped, so that only the key itself matches.
pub(super) fn hash_place(header: &[u8]) -> Option<usize> {
    const KEY: &[u8] = br#""sha256":""#;
    let at = header.windows(KEY.len()).position(|window| window == KEY)? + KEY.len();
    (header.get(at + 64) == Some(&b'"')).then_some(at)
}

pub(super) fn hex(hash: &[u8]) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn damaged(path: &Path, what: impl Into<String>) -> Error {
    Error::Damaged { path: path.into(), what: what.into() }
}
