//! Runs as bytes: safetensors, with the plan in the metadata.

use super::blocks::Blocks;
use super::schedule::Schedule;
use super::{History, Run};
use crate::Error;
use crate::qr::{Method, Qr};
use crate::spectrum::Compat;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde_json::{Value, json};
use std::collections::HashMap;
use tch_sparse::Real;

const FORMAT: &str = "lyapunov run 1";

impl<T: Real> Run<T> {
    /// All of it, as a safetensors file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let n = self.state.len();
        let k = self.sums.len();
        let plan = json!({
            "schedule": self.schedule.to_json(), "dt": self.dt.to_bits(), "done": self.done, "orthonormal": self.orthonormal,
            "time_before": self.time_before.to_bits(), "steps": self.blocks.steps, "least": self.blocks.least,
            "open_steps": self.blocks.open_steps,
        });
        let metadata = HashMap::from([("format".into(), FORMAT.into()), ("plan".into(), plan.to_string())]);
        let own = if size_of::<T>() == 4 { Dtype::F32 } else { Dtype::F64 };
        let mut arrays = vec![
            ("state", own, vec![n], bytes(&self.state)),
            ("tangents", own, vec![n, k], bytes(&self.tangents)),
            ("sums", Dtype::F64, vec![k], bytes(&self.sums)),
            ("block_sums", Dtype::F64, vec![self.blocks.steps.len(), k], bytes(&self.blocks.sums)),
            ("open_sums", Dtype::F64, vec![k], bytes(&self.blocks.open)),
        ];
        if let Some(history) = &self.history {
            arrays.push(("times", Dtype::F64, vec![history.times.len()], bytes(&history.times)));
            let points = history.exponents.len() / k;
            arrays.push(("exponents", Dtype::F64, vec![points, k], bytes(&history.exponents)));
        }
        let views = arrays.iter().map(|(name, dtype, shape, data)| {
            let view = TensorView::new(*dtype, shape.clone(), data).expect("lengths fit their shapes");
            (*name, view)
        });
        safetensors::serialize(views, Some(metadata)).expect("names and numbers that JSON can hold")
    }

    /// A run that was kept.
    ///
    /// # Errors
    /// [`Error::Kept`] for anything else than what [`to_bytes`](Self::to_bytes) gave for these numbers.
    pub fn from_bytes(kept: &[u8]) -> Result<Self, Error> {
        let bad = |what: &str| Error::Kept(format!("{what}; it was not written by this version, or is damaged"));
        let (_, header) = SafeTensors::read_metadata(kept).map_err(|e| bad(&e.to_string()))?;
        let metadata = header.metadata().clone().unwrap_or_default();
        if metadata.get("format").map(String::as_str) != Some(FORMAT) {
            return Err(bad("it is no kept run"));
        }
        let arrays = SafeTensors::deserialize(kept).map_err(|e| bad(&e.to_string()))?;
        let plan: Value = metadata
            .get("plan")
            .and_then(|text| serde_json::from_str(text).ok())
            .ok_or_else(|| bad("its plan is missing"))?;
        let number = |key: &str| plan.get(key).and_then(Value::as_u64).ok_or_else(|| bad("its plan lacks a number"));
        let (state, n) = numbers::<T>(&arrays, "state").ok_or_else(|| bad("its state is of another kind"))?;
        let (sums, k) = numbers::<f64>(&arrays, "sums").ok_or_else(|| bad("it lacks sums"))?;
        let (tangents, _) = numbers::<T>(&arrays, "tangents").ok_or_else(|| bad("it lacks tangents"))?;
        let (block_sums, blocks) = numbers::<f64>(&arrays, "block_sums").ok_or_else(|| bad("it lacks blocks"))?;
        let (open, _) = numbers::<f64>(&arrays, "open_sums").ok_or_else(|| bad("it lacks blocks"))?;
        let steps = plan.get("steps").and_then(Value::as_array);
        let steps: Vec<u64> =
            steps.and_then(|s| s.iter().map(Value::as_u64).collect()).ok_or_else(|| bad("it lacks blocks"))?;
        let schedule =
            plan.get("schedule").and_then(Schedule::from_json).ok_or_else(|| bad("its schedule is missing"))?;
        let fits = k > 0
            && k <= n
            && n.checked_mul(k) == Some(tangents.len())
            && open.len() == k
            && blocks == steps.len()
            && blocks.checked_mul(k) == Some(block_sums.len());
        if !fits {
            return Err(bad("its arrays do not fit each other"));
        }
        let history = match (numbers::<f64>(&arrays, "times"), numbers::<f64>(&arrays, "exponents")) {
            (Some((times, _)), Some((exponents, _))) => Some(History { times, exponents }),
            _ => None,
        };
        let method = if schedule.compat == Compat::FlyStability { Method::Lapack } else { Method::Fastest };
        Ok(Self {
            dt: f64::from_bits(number("dt")?),
            state,
            tangents,
            qr: Qr::new(n, k, method),
            done: number("done")?,
            orthonormal: number("orthonormal")?,
            sums,
            blocks: Blocks {
                k,
                steps,
                sums: block_sums,
                least: number("least")?,
                open_steps: number("open_steps")?,
                open,
            },
            history,
            time_before: f64::from_bits(number("time_before")?),
            schedule,
        })
    }
}

fn bytes<T: Real>(numbers: &[T]) -> Vec<u8> {
    if size_of::<T>() == 4 {
        numbers.iter().flat_map(|x| (x.to_f64() as f32).to_le_bytes()).collect()
    } else {
        numbers.iter().flat_map(|x| x.to_f64().to_le_bytes()).collect()
    }
}

/// The numbers of an array of this type, and its first dimension.
fn numbers<T: Real>(arrays: &SafeTensors<'_>, name: &str) -> Option<(Vec<T>, usize)> {
    let view = arrays.tensor(name).ok()?;
    let numbers = match (view.dtype(), size_of::<T>()) {
        (Dtype::F32, 4) => {
            view.data().as_chunks().0.iter().map(|b| T::from_f64(f64::from(f32::from_le_bytes(*b)))).collect()
        }
        (Dtype::F64, 8) => view.data().as_chunks().0.iter().map(|b| T::from_f64(f64::from_le_bytes(*b))).collect(),
        _ => return None,
    };
    Some((numbers, view.shape().first().copied().unwrap_or(0)))
}
