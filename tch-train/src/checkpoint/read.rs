//! Reading, with every byte checked.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use safetensors::tensor::Metadata;
use safetensors::{Dtype, SafeTensors};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tch::{Kind, Tensor};

use super::write::{damaged, hash_place, hex};
use super::{Checkpoint, FORMAT, Identity, KINDS, MODEL, OPTIMIZER, Training, VERSION};
use crate::{Error, OptimizerState};

/// Largest header that is read: that of the safetensors format.
const LARGEST_HEADER: u64 = 100_000_000;

impl Checkpoint {
    /// Reads a checkpoint. Tensors are on the CPU.
    ///
    /// # Errors
    /// [`Error::File`] where it cannot be read; [`Error::Damaged`] where it is cut off, changed, or no checkpoint of this version.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let data = fs::read(path).map_err(Error::file("read", path))?;
        let file = SafeTensors::deserialize(&data).map_err(|e| damaged(path, format!("no complete file: {e}")))?;
        let (length, metadata) =
            SafeTensors::read_metadata(&data).map_err(|e| damaged(path, format!("no complete file: {e}")))?;
        let mut checkpoint = from_metadata(path, &metadata)?;
        check_hash(path, &data, 8 + length)?;
        for (name, view) in file.iter() {
            let shape: Vec<i64> = view.shape().iter().map(|&n| n as i64).collect();
            let tensor = Tensor::f_from_data_size(view.data(), &shape, kind(path, name, view.dtype())?)?;
            if let Some(name) = name.strip_prefix(MODEL) {
                checkpoint.model.insert(name.into(), tensor);
            } else if let (Some(name), Some(state)) = (name.strip_prefix(OPTIMIZER), &mut checkpoint.optimizer) {
                state.tensors.insert(name.into(), tensor);
            } else {
                return Err(damaged(path, format!("tensor {name} belongs to nothing")));
            }
        }
        Ok(checkpoint)
    }
}

/// Reads all but the tensors, and checks the length of the file; not its hash.
pub(super) fn peek(path: &Path) -> Result<Checkpoint, Error> {
    let failed = || Error::file("read", path);
    let mut file = File::open(path).map_err(failed())?;
    let length = file.metadata().map_err(failed())?.len();
    let mut start = [0; 8];
    file.read_exact(&mut start).map_err(failed())?;
    let n = u64::from_le_bytes(start);
    if n > LARGEST_HEADER || n > length {
        return Err(damaged(path, format!("a header of {n} bytes in a file of {length}")));
    }
    let mut header = Vec::new();
    file.take(n).read_to_end(&mut header).map_err(failed())?;
    let metadata: Metadata = serde_json::from_slice(&header).map_err(|e| damaged(path, e.to_string()))?;
    if 8 + n + metadata.data_len() as u64 != length {
        return Err(damaged(path, format!("{length} bytes, its header says {}", 8 + n + metadata.data_len() as u64)));
    }
    from_metadata(path, &metadata)
}

fn from_metadata(path: &Path, metadata: &Metadata) -> Result<Checkpoint, Error> {
    let map = metadata.metadata().clone().unwrap_or_default();
    let field = |name: &str| {
        map.get(name).map(String::as_str).ok_or_else(|| damaged(path, format!("no checkpoint: it has no {name}")))
    };
    let (format, version) = (field("format")?, field("version")?);
    if format != FORMAT || version != VERSION {
        return Err(damaged(path, format!("{format} of version {version}; this reads {FORMAT} of version {VERSION}")));
    }
    let json = |name: &'static str| -> Result<Value, Error> {
        serde_json::from_str(field(name)?).map_err(|e| damaged(path, format!("{name}: {e}")))
    };
    let training: Training =
        serde_json::from_value(json("training")?).map_err(|e| damaged(path, format!("training: {e}")))?;
    Ok(Checkpoint {
        step: field("step")?.parse().map_err(|e| damaged(path, format!("step: {e}")))?,
        identity: Identity {
            kind: field("kind")?.into(),
            config: json("config")?,
            built_on: map.get("built_on").cloned(),
        },
        seed: training.seed,
        score: training.score,
        cursor: training.cursor,
        schedules: training.schedules,
        clip: training.clip,
        notes: json("notes")?,
        model: Default::default(),
        optimizer: training.optimizer.map(|groups| OptimizerState { groups, tensors: Default::default() }),
    })
}

fn check_hash(path: &Path, data: &[u8], header: usize) -> Result<(), Error> {
    let place = hash_place(&data[..header]).ok_or_else(|| damaged(path, "no checkpoint: it has no hash"))?;
    let mut hash = Sha256::new();
    hash.update(&data[..place]);
    hash.update([b'0'; 64]);
    hash.update(&data[place + 64..]);
    if hex(&hash.finalize()).as_bytes() != &data[place..place + 64] {
        return Err(damaged(path, "its bytes are not those that were written: their SHA-256 differs"));
    }
    Ok(())
}

fn kind(path: &Path, name: &str, dtype: Dtype) -> Result<Kind, Error> {
    match KINDS.iter().find(|(_, known)| *known == dtype) {
        Some((kind, _)) => Ok(*kind),
        None => Err(damaged(path, format!("tensor {name} is of kind {dtype}"))),
    }
}
