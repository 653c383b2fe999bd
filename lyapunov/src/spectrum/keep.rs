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
        let sum = checksum(arrays.iter().flat_map(|(.., data)| data).chain(plan.to_string().as_bytes()));
        let metadata = HashMap::from([
            ("format".into(), FORMAT.into()),
            ("plan".into(), plan.to_string()),
            ("checksum".into(), sum),
        ]);
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
        let text = metadata.get("plan").map_or("", String::as_str);
        let plan: Value = serde_json::from_str(text).map_err(|_| bad("its plan is missing"))?;
        let number = |key: &str| plan.get(key).and_then(Value::as_u64).ok_or_else(|| bad("its plan lacks a number"));
        let names = ["state", "tangents", "sums", "block_sums", "open_sums", "times", "exponents"];
        let data = names.iter().filter_map(|name| arrays.tensor(name).ok()).flat_map(|view| view.data());
        if metadata.get("checksum") != Some(&checksum(data.chain(text.as_bytes()))) {
            return Err(bad("its numbers are not those that were written"));
        }
        let (state, n) = numbers::<T>(&arrays, "state").ok_or_else(|| bad("its state is of another kind"))?;
        let (sums, k) = numbers::<f64>(&arrays, "sums").ok_or_else(|| bad("it lacks sums"))?;
        let (tangents, _) = numbers::<T>(&arrays, "tangents").ok_or_else(|| bad("it lacks tangents"))?;
        let (block_sums, blocks) = numbers::<f64>(&arrays, "block_sums").ok_or_else(|| bad("it lacks blocks"))?;
        let (open, _) = numbers::<f64>(&arrays, "open_sums").ok_or_else(|| bad("it lacks blocks"))?;
        let history = match (numbers::<f64>(&arrays, "times"), numbers::<f64>(&arrays, "exponents")) {
            (None, None) => None,
            (Some((times, _)), Some((exponents, points))) if exponents.len() == points * k => {
                Some(History { times, exponents })
            }
            _ => return Err(bad("its history does not fit")),
        };
        let steps = plan.get("steps").and_then(Value::as_array);
        let steps: Vec<u64> =
            steps.and_then(|s| s.iter().map(Value::as_u64).collect()).ok_or_else(|| bad("it lacks blocks"))?;
        let schedule =
            plan.get("schedule").and_then(Schedule::from_json).ok_or_else(|| bad("its schedule is missing"))?;
        let (done, orthonormal, least) = (number("done")?, number("orthonormal")?, number("least")?);
        let (open_steps, dt) = (number("open_steps")?, f64::from_bits(number("dt")?));
        let counted = steps.iter().try_fold(open_steps, |sum, s| sum.checked_add(*s));
        let fits = k > 0
            && k <= n
            && n.checked_mul(k) == Some(tangents.len())
            && open.len() == k
            && blocks == steps.len()
            && blocks < Blocks::MOST
            && blocks.checked_mul(k) == Some(block_sums.len())
            && schedule.is_sound(done, orthonormal)
            && schedule.divisor(orthonormal).is_finite()
            && dt == schedule.dt()
            && counted.is_some_and(|steps| steps <= done)
            && state.iter().chain(&tangents).all(|x| x.to_f64().is_finite());
        if !fits {
            return Err(bad("its numbers do not fit each other"));
        }
        let method = if schedule.compat == Compat::FlyStability { Method::Lapack } else { Method::Fastest };
        Ok(Self {
            dt,
            before: (state.clone(), tangents.clone()),
            state,
            tangents,
            qr: Qr::new(n, k, method),
            done,
            orthonormal,
            sums,
            blocks: Blocks { k, steps, sums: block_sums, least, open_steps, open },
            history,
            time_before: f64::from_bits(number("time_before")?),
            schedule,
        })
    }
}

/// By Fowler, Noll and Vo (FNV-1a, 64 bits): damage is noticed, malice is not.
fn checksum<'a>(bytes: impl Iterator<Item = &'a u8>) -> String {
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325u64, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3));
    format!("{hash:016x}")
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
