//! Settings and parameters of a file.

use crate::case::Case;
use crate::report::{Report, Tolerance};
use crate::tensors::{numbers, tensor};
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor, no_grad};

/// As the file's README has it: relative to each number and absolute.
pub(crate) const FORWARD: Tolerance = Tolerance { relative: 1e-10, absolute: 1e-10 };
/// The same for gradients.
pub(crate) const GRADIENTS: Tolerance = Tolerance { relative: 1e-9, absolute: 1e-9 };

/// An empty store in double precision.
pub(crate) fn store() -> VarStore {
    let mut store = VarStore::new(Device::Cpu);
    store.set_kind(Kind::Double);
    store
}

/// A whole number of the metadata.
pub(crate) fn whole(case: &Case, key: &str) -> Result<i64, String> {
    case.setting(key)?.parse().map_err(|_| format!("{key} is no whole number"))
}

/// A list of whole numbers of the metadata.
pub(crate) fn list(case: &Case, key: &str) -> Result<Vec<i64>, String> {
    serde_json::from_value(case.json(key)?).map_err(|e| format!("{key}: {e}"))
}

/// A pair of whole numbers of the metadata.
pub(crate) fn pair(case: &Case, key: &str) -> Result<[i64; 2], String> {
    <[i64; 2]>::try_from(list(case, key)?).map_err(|list| format!("{key} is {list:?}, not a pair"))
}

/// A truth value of the metadata.
pub(crate) fn truth(case: &Case, key: &str) -> Result<bool, String> {
    match case.setting(key)? {
        "true" => Ok(true),
        "false" => Ok(false),
        other => Err(format!("{key} is {other:?}, not true or false")),
    }
}

/// Copies the arrays `{prefix}{name}` into the variables of those names; each must have its counterpart.
pub(crate) fn fill(case: &Case, store: &VarStore, prefix: &str) -> crate::Outcome {
    let variables = store.variables();
    let mut mine: Vec<&str> = variables.keys().map(String::as_str).collect();
    mine.sort_unstable();
    let theirs: Vec<&str> = case.keys(prefix).iter().map(|key| &key[prefix.len()..]).collect();
    if mine != theirs {
        return Err(format!("parameters are {mine:?}, those of the file {theirs:?}"));
    }
    for (name, mut variable) in variables {
        let value = tensor(case, &format!("{prefix}{name}"), Kind::Double)?;
        if value.size() != variable.size() {
            return Err(format!("{name} is {:?}, in the file {:?}", variable.size(), value.size()));
        }
        no_grad(|| variable.copy_(&value));
    }
    Ok(())
}

/// Compares the gradients of all variables with the arrays `grad/{name}`. Those that the file has none for must be zero.
pub(crate) fn compare_gradients(
    case: &Case,
    report: &mut Report,
    what: &str,
    store: &VarStore,
    without: &[String],
) -> crate::Outcome {
    for (name, variable) in store.variables() {
        let gradient = gradient(&variable)?;
        if without.contains(&name) {
            report.expect(gradient.iter().all(|&g| g == 0.0), || format!("{what}: {name} has a gradient"));
        } else {
            let key = format!("grad/{name}");
            report.close(&format!("{what} {key}"), &gradient, case.floats(&key)?, GRADIENTS);
        }
    }
    Ok(())
}

/// The gradient of a leaf; zeros where there is none.
pub(crate) fn gradient(leaf: &Tensor) -> Result<Vec<f64>, String> {
    let gradient = leaf.grad();
    if gradient.defined() { numbers(&gradient) } else { Ok(vec![0.0; leaf.numel()]) }
}

/// An array as a tensor that wants a gradient.
pub(crate) fn leaf(case: &Case, key: &str) -> Result<Tensor, String> {
    Ok(tensor(case, key, Kind::Double)?.set_requires_grad(true))
}
