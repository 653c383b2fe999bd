//! Networks in files.
//!
//! A network is one safetensors file:
//!
//! | tensor | shape | |
//! | --- | --- | --- |
//! | `weights`, `signs` | `[post, pre]`, or `[entries]` | doubles, and integers -1, 0, 1 |
//! | `row_ptr`, `columns` | `[neurons + 1]`, `[entries]` | of a sparse network, in row order |
//! | `types` | `[neurons]` | from 0 |
//! | `gains`, `shifts` | `[types]` | |
//! | `state` | `[neurons]` | the starting state |
//!
//! The metadata entry `flybrain` is JSON: `format`, `version`, `activation`, `dt`, `labels` of types, and `origin`, name and digest of the
//! connectome.

use std::path::Path;

use connectome_io::format::{pt, safetensors};
use connectome_io::{Array, ArrayData, Labels, Limits};
use lyapunov::{Activation, Wiring};
use serde::{Deserialize, Serialize};
use tch_sparse::SparsityPattern;

use super::{Origin, RateSystem};
use crate::Error;

const KEY: &str = "flybrain";
const FORMAT: &str = "rate network";
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Description {
    format: String,
    version: u32,
    activation: String,
    dt: f64,
    labels: Vec<String>,
    origin: Option<Origin>,
}

/// The name of an activation, as FlyStability prints it where it has it.
pub(crate) fn name(activation: Activation) -> &'static str {
    match activation {
        Activation::TanhStretched => "tanh_streched",
        Activation::TanhPositive => "tanh_positive",
        _ => "tanh",
    }
}

/// The activation of a name: FlyStability's spellings, and right ones.
pub fn activation(text: &str) -> Option<Activation> {
    Some(match text {
        "tanh" | "std" => Activation::Tanh,
        "tanh_streched" | "tanh_stretched" | "tanh_strech" | "strech" | "stretched" => Activation::TanhStretched,
        "tanh_pos" | "tanh_positive" | "pos" | "positive" => Activation::TanhPositive,
        _ => return None,
    })
}

impl RateSystem {
    /// Writes the network into a safetensors file, whole or not at all.
    ///
    /// # Errors
    /// [`Error::Data`].
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        let mut file = safetensors::Tensors::default();
        let n = self.n();
        let (shape, pattern) = match self.wiring() {
            Wiring::Dense(_) => (vec![n, n], None),
            Wiring::Sparse(pattern) => (vec![pattern.n_entries()], Some(pattern)),
        };
        let mut put = |name: &str, shape: Vec<usize>, data: ArrayData| -> Result<(), Error> {
            file.arrays.insert(name.into(), Array::new(shape, data)?);
            Ok(())
        };
        put("weights", shape.clone(), self.weights().to_vec().into())?;
        put("signs", shape, self.signs().iter().map(|c| *c as i8).collect::<Vec<_>>().into())?;
        if let Some(pattern) = pattern {
            let row_ptr: Vec<i64> = pattern.layout().row_ptr().iter().map(|p| *p as i64).collect();
            put("row_ptr", vec![n + 1], row_ptr.into())?;
            put("columns", vec![pattern.n_entries()], pattern.layout().to_columns().into())?;
        }
        put("types", vec![n], self.types().codes().to_vec().into())?;
        put("gains", vec![self.n_types()], self.gains().to_vec().into())?;
        put("shifts", vec![self.n_types()], self.shifts().to_vec().into())?;
        put("state", vec![n], self.state().to_vec().into())?;
        let description = Description {
            format: FORMAT.into(),
            version: VERSION,
            activation: name(self.activation()).into(),
            dt: self.dt(),
            labels: self.types().names().to_vec(),
            origin: self.origin().cloned(),
        };
        let text = serde_json::to_string(&description).map_err(|e| refused(path.as_ref(), e.to_string()))?;
        file.metadata.insert(KEY.into(), text);
        Ok(safetensors::write_tensors(path, &file)?)
    }

    /// Reads a network that [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// [`Error::Data`] for a damaged file; [`Error::Settings`] for one that is no network, or of a later version, or whose parts do not
    /// fit.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let file = safetensors::read_tensors(path)?;
        let text = file.metadata.get(KEY).ok_or_else(|| {
            refused(path, format!("its metadata have no entry {KEY:?}; is it a network that flybrain saved?"))
        })?;
        let about: Description = serde_json::from_str(text).map_err(|e| refused(path, format!("{KEY}: {e}")))?;
        if about.format != FORMAT || about.version != VERSION {
            let got = format!("{:?}, version {}", about.format, about.version);
            return Err(refused(path, format!("it is a {got}; this program reads {FORMAT:?}, version {VERSION}")));
        }
        let activation = activation(&about.activation)
            .ok_or_else(|| refused(path, format!("its activation is {:?}, which is not known", about.activation)))?;
        let array = |name: &str| {
            file.arrays.get(name).ok_or_else(|| refused(path, format!("it has no tensor {name:?}; is it whole?")))
        };
        let types: Vec<u32> = integers(path, array("types")?, "types")?;
        let wiring = if file.arrays.contains_key("row_ptr") {
            let row_ptr = integers(path, array("row_ptr")?, "row_ptr")?;
            let columns: Vec<u32> = integers(path, array("columns")?, "columns")?;
            let n = types.len();
            let pattern =
                SparsityPattern::from_csr(n, n, row_ptr, &columns).map_err(|e| refused(path, e.to_string()))?;
            Wiring::Sparse(pattern)
        } else {
            Wiring::Dense(side(path, array("weights")?)?)
        };
        let numbers = |name: &str| Ok::<_, Error>(array(name)?.to_f64()?);
        let system = Self::new(wiring, numbers("weights")?, numbers("signs")?)
            .and_then(|s| s.with_numbered_types(Labels::new(about.labels, types)?))
            .and_then(|s| s.with_gains(numbers("gains")?)?.with_shifts(numbers("shifts")?))
            .and_then(|s| s.with_state(numbers("state")?)?.with_activation(activation).with_dt(about.dt))
            .map_err(|e| refused(path, e.to_string()))?;
        Ok(match about.origin {
            Some(origin) => system.with_origin(origin),
            None => system,
        })
    }

    /// Reads a network that FlyStability saved: a folder of `W.pt`, `C.pt`, `H0.pt`, `gains.pt`, `shifts.pt`, `types.pt` (and `H.pt`, the
    /// state where it stopped, which is not used: a network starts at `H0`). The activation is not in it; its step is 0.1.
    ///
    /// # Errors
    /// [`Error::Data`] for files that cannot be read; [`Error::Settings`] where they do not fit each other.
    pub fn read_flystability(folder: impl AsRef<Path>, activation: Activation) -> Result<Self, Error> {
        let folder = folder.as_ref();
        let file = |name: &str| Ok::<_, Error>(pt::read_array(folder.join(name), &Limits::default())?);
        let numbers = |name: &str| Ok::<_, Error>(file(name)?.to_f64()?);
        let weights = file("W.pt")?;
        let n = side(&folder.join("W.pt"), &weights)?;
        let types: Vec<u32> = integers(&folder.join("types.pt"), &file("types.pt")?, "types")?;
        let gains = numbers("gains.pt")?;
        let labels = (0..gains.len()).map(|t| t.to_string()).collect();
        Self::new(Wiring::Dense(n), weights.to_f64()?, numbers("C.pt")?)
            .and_then(|s| s.with_numbered_types(Labels::new(labels, types)?)?.with_gains(gains))
            .and_then(|s| s.with_shifts(numbers("shifts.pt")?)?.with_state(numbers("H0.pt")?))
            .map(|s| s.with_activation(activation))
            .map_err(|e| refused(folder, e.to_string()))
    }
}

fn refused(path: &Path, problem: String) -> Error {
    Error::Settings { path: path.to_path_buf(), problem }
}

/// Numbers of an array as indices.
fn integers<T: TryFrom<i64>>(path: &Path, array: &Array, name: &str) -> Result<Vec<T>, Error> {
    let bad = |at: usize, x: i64| refused(path, format!("{name}: number {at} is {x}, which is no index"));
    array.to_i64()?.into_iter().enumerate().map(|(at, x)| T::try_from(x).map_err(|_| bad(at, x))).collect()
}

/// Neurons of a square matrix.
fn side(path: &Path, matrix: &Array) -> Result<usize, Error> {
    match matrix.shape() {
        [n, m] if n == m => Ok(*n),
        shape => Err(refused(path, format!("the magnitudes are {shape:?}; a matrix [post, pre] is needed"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rate::{FromConnectome, Grouping, Layout, Symmetry, read_connectome};
    use connectome_graph::UnknownSign;

    fn same(a: &RateSystem, b: &RateSystem) {
        assert_eq!((a.weights(), a.signs(), a.types()), (b.weights(), b.signs(), b.types()));
        assert_eq!((a.gains(), a.shifts(), a.state(), a.dt()), (b.gains(), b.shifts(), b.state(), b.dt()));
        assert_eq!((a.activation(), a.origin(), a.coupling()), (b.activation(), b.origin(), b.coupling()));
    }

    #[test]
    fn dense_and_sparse_networks_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("network.safetensors");
        let dense = RateSystem::random(5, 1.0, Symmetry::None, 1)
            .and_then(|s| s.with_types(&["b", "a", "b", "c", "a"]))
            .and_then(|s| s.with_gains(vec![1.0, 2.0, 3.0])?.with_shifts(vec![0.5, 0.0, -0.5])?.with_dt(0.05))
            .unwrap()
            .with_activation(Activation::TanhPositive);
        dense.save(&path).unwrap();
        same(&RateSystem::read(&path).unwrap(), &dense);

        let worm =
            read_connectome(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/data/celegans/chemical.csv")))
                .unwrap();
        let how = FromConnectome {
            unknown: UnknownSign::Omit,
            grouping: Grouping::Transmitter,
            layout: Layout::Sparse,
            ..FromConnectome::default()
        };
        let sparse = how.build(&worm).unwrap();
        sparse.save(&path).unwrap();
        same(&RateSystem::read(&path).unwrap(), &sparse);
        assert!(matches!(sparse.wiring(), Wiring::Sparse(_)));
    }

    #[test]
    fn foreign_and_damaged_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("network.safetensors");
        let network = RateSystem::random(3, 1.0, Symmetry::None, 1).unwrap();
        network.save(&path).unwrap();
        let whole = safetensors::read_tensors(&path).unwrap();
        let refused = |change: &dyn Fn(&mut safetensors::Tensors), what: &str| {
            let mut file = whole.clone();
            change(&mut file);
            safetensors::write_tensors(&path, &file).unwrap();
            let message = RateSystem::read(&path).unwrap_err().to_string();
            assert!(message.contains(what) && message.contains("network.safetensors"), "{message}");
        };
        refused(&|f| f.metadata.clear(), "no entry \"flybrain\"");
        refused(&|f| drop(f.arrays.remove("gains")), "no tensor \"gains\"");
        let swap = |f: &mut safetensors::Tensors, name: &str, data: ArrayData| {
            f.arrays.insert(name.into(), Array::vector(data));
        };
        refused(&|f| swap(f, "state", vec![0.0].into()), "starting state");
        refused(&|f| swap(f, "types", vec![0i64, 1, 7].into()), "7");
        refused(&|f| swap(f, "types", vec![0i64, -1, 1].into()), "no index");
        refused(&|f| swap(f, "weights", vec![0.0; 9].into()), "a matrix");
        refused(
            &|f| f.metadata.values_mut().for_each(|t| *t = t.replace("\"version\":1", "\"version\":2")),
            "version 2",
        );
    }

    /// The seven files that FlyStability writes, in single precision.
    #[test]
    fn folders_of_flystability_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, shape: &[usize], data: ArrayData| {
            let array = Array::new(shape.to_vec(), data).unwrap();
            pt::write_array(folder.path().join(name), &array).unwrap();
        };
        put("W.pt", &[2, 2], vec![0.0f32, 0.5, 0.25, 0.0].into());
        put("C.pt", &[2, 2], vec![0.0f32, -1.0, 1.0, 0.0].into());
        put("H.pt", &[2], vec![0.75f32, 0.5].into());
        put("H0.pt", &[2], vec![-0.5f32, 1.5].into());
        put("gains.pt", &[1], vec![2.0f32].into());
        put("shifts.pt", &[1], vec![0.125f32].into());
        put("types.pt", &[2], vec![0i64, 0].into());
        let network = RateSystem::read_flystability(folder.path(), Activation::TanhPositive).unwrap();
        assert_eq!(network.coupling(), [0.0, -0.5, 0.25, 0.0]);
        assert_eq!((network.state(), network.gains(), network.dt()), (&[-0.5, 1.5][..], &[2.0][..], 0.1));
        assert_eq!((network.types().codes(), network.shifts()), (&[0, 0][..], &[0.125][..]));
        let refused = |what: &str| {
            let message = RateSystem::read_flystability(folder.path(), Activation::Tanh).unwrap_err().to_string();
            assert!(message.contains(what), "{message}");
        };
        put("types.pt", &[2], vec![0i64, 1].into());
        refused("index 1");
        put("types.pt", &[2], vec![0i64, 0].into());
        std::fs::remove_file(folder.path().join("shifts.pt")).unwrap();
        refused("shifts.pt");
    }
}
