//! Parameters to and from files of torch, by the reference's names.

use std::path::Path;

use connectome_io::format::safetensors::Tensors;
use connectome_io::format::{pt, safetensors};
use connectome_io::{Array, ArrayData};
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor, no_grad};

use crate::Error;

/// The variables of a store under a path, such as `model`, with the rest of their names; all with an empty path.
fn variables(store: &VarStore, under: &str) -> Vec<(String, Tensor)> {
    let rest = |name: &str| match under {
        "" => Some(name.to_owned()),
        _ => name.strip_prefix(under)?.strip_prefix('.').map(str::to_owned),
    };
    let mut found: Vec<_> =
        store.variables().into_iter().filter_map(|(name, tensor)| Some((rest(&name)?, tensor))).collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

/// Copies a `state_dict` (`.pt`, `.pth` as `torch.save` writes it, or `.safetensors`) into the variables of a store whose names begin
/// with `under` and a dot; an empty `under` means all. The file must have exactly these names and shapes; numbers are converted to the
/// store's kind. Nothing is changed unless everything fits.
///
/// Files of the reference hold one network each, so that `under` is the path that the network was built with.
///
/// # Errors
/// [`Error::File`] for files that cannot be read; [`Error::Data`] where names or shapes differ, which lists them.
pub fn load_state_dict(store: &VarStore, under: &str, path: impl AsRef<Path>) -> Result<(), Error> {
    let path = path.as_ref();
    let is_safetensors = path.extension().is_some_and(|ending| ending == "safetensors");
    let mut file = if is_safetensors { safetensors::read_tensors(path)? } else { pt::read_tensors(path)? };
    let variables = variables(store, under);
    let (mut problems, mut pairs) = (Vec::new(), Vec::new());
    for (name, variable) in variables {
        match file.arrays.remove(&name) {
            None => problems.push(format!("{name} is missing")),
            Some(array) if array.shape().iter().map(|&n| n as i64).ne(variable.size()) => {
                problems.push(format!("{name} is {:?}, here {:?}", array.shape(), variable.size()));
            }
            Some(array) => pairs.push((variable, to_tensor(&array)?)),
        }
    }
    problems.extend(file.arrays.keys().map(|name| format!("{name} has no place here")));
    if !problems.is_empty() {
        let (n, shown) = (problems.len(), problems[..problems.len().min(8)].join("; "));
        let rest = if n > 8 { format!("; and {} more", n - 8) } else { String::new() };
        return Err(Error::Data {
            what: path.display().to_string(),
            problem: format!("{shown}{rest}; was it saved from a network of the same graph and settings?"),
        });
    }
    no_grad(|| pairs.iter_mut().try_for_each(|(variable, value)| variable.f_copy_(value).map(|_| ())))?;
    Ok(())
}

/// Writes the variables of a store under a path as a `state_dict` that `torch.load(weights_only=True)` takes, or as safetensors where
/// the file's name ends so. The file appears whole or not at all.
///
/// # Errors
/// [`Error::File`] where it cannot be written; [`Error::Data`] where there is nothing under that path.
pub fn save_state_dict(store: &VarStore, under: &str, path: impl AsRef<Path>) -> Result<(), Error> {
    let path = path.as_ref();
    let variables = variables(store, under);
    if variables.is_empty() {
        let all = store.variables();
        let tops: std::collections::BTreeSet<&str> = all.keys().filter_map(|name| name.split('.').next()).collect();
        let problem = format!("there are no variables under {under:?}; the store has {tops:?}");
        return Err(Error::Data { what: path.display().to_string(), problem });
    }
    let mut file = Tensors::default();
    for (name, variable) in variables {
        file.arrays.insert(name, to_array(&variable)?);
    }
    if path.extension().is_some_and(|ending| ending == "safetensors") {
        safetensors::write_tensors(path, &file)?;
    } else {
        pt::write_tensors(path, &file)?;
    }
    Ok(())
}

/// An array as a tensor on the CPU: singles stay singles, all else becomes double.
fn to_tensor(array: &Array) -> Result<Tensor, Error> {
    let shape: Vec<i64> = array.shape().iter().map(|&n| n as i64).collect();
    let flat = match array.as_slice::<f32>() {
        Some(numbers) => Tensor::f_from_slice(numbers)?,
        None => Tensor::f_from_slice(&array.to_f64()?)?,
    };
    Ok(flat.f_reshape(shape)?)
}

fn to_array(tensor: &Tensor) -> Result<Array, Error> {
    let shape = tensor.size().iter().map(|&n| n as usize).collect();
    let flat = tensor.f_detach()?.f_to_device(Device::Cpu)?.f_contiguous()?.f_reshape([-1])?;
    let data = match flat.kind() {
        Kind::Double => ArrayData::F64(Vec::try_from(&flat)?),
        _ => ArrayData::F32(Vec::try_from(&flat.f_to_kind(Kind::Float)?)?),
    };
    Ok(Array::new(shape, data)?)
}
