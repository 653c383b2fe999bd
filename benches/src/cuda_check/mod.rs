//! Everything that runs on CUDA devices: compared with the CPU, then timed. `cargo xtask cuda-check` packs the program.
//!
//! The truth is our CPU kernels in double precision. Times are of calls as a user makes them, many in a row before the host waits,
//! the least of five such rows: a call that costs the host more than the device shows the host's time.

mod models;
mod products;
mod stages;

use crate::Result;
use crate::table::{Table, error, number, ratio};
use connectome_graph::generate::Benchmark;
use std::time::Instant;
use tch::{Device, Kind, Tensor};
use tch_sparse::{SparseMatrix, SparsityPattern, cuda};

/// What a check ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All equal.
    Equal,
    /// Something differs.
    Different,
    /// No CUDA device.
    NoDevice,
}

/// Checks a network of this size on the first CUDA device and prints what it finds.
///
/// # Errors
/// Whatever keeps an operation from running at all.
pub fn run(size: Benchmark) -> Result<Outcome> {
    if !tch_function::cuda::is_available() {
        let why = tch_function::cuda::load().map_or_else(|e| e.to_string(), |()| "no driver or no GPU".into());
        println!("There is no CUDA device here ({why}), so nothing was checked.");
        return Ok(Outcome::NoDevice);
    }
    let device = Device::Cuda(0);
    let facts = cuda::facts(device)?;
    println!(
        "device   {}, compute capability {}.{}",
        facts.name, facts.compute_capability.0, facts.compute_capability.1
    );
    println!("driver   for CUDA {}.{}, NVRTC {}.{}", facts.driver.0, facts.driver.1, facts.nvrtc.0, facts.nvrtc.1);
    if let Ok(dir) = tch_function::cuda::libtorch_dir() {
        println!("libtorch {}", dir.display());
    }
    println!("network  {} neurons, {} synapses", size.neurons, size.synapses);
    let mut check = Check { device, copy: f64::NAN, rows: ROWS, failures: Vec::new() };
    check.copy = check.copy_bandwidth()?;
    println!("copy     {:.0} GB/s, read and written", check.copy / 1e9);
    println!("call     {:.1} us for a product of one number\n", check.call()? * 1e6);
    check.everything(size, &BATCHES)
}

/// Rows of calls that are timed.
const ROWS: usize = 5;

/// Batches and kinds of the products.
const BATCHES: [(i64, Kind); 6] =
    [(1, Kind::Float), (8, Kind::Float), (32, Kind::Float), (64, Kind::Float), (128, Kind::Float), (8, Kind::Double)];

/// A run on one device.
struct Check {
    device: Device,
    /// Bytes per second of a copy.
    copy: f64,
    /// Rows of calls that are timed; without any, times are not numbers.
    rows: usize,
    failures: Vec<String>,
}

/// A result beside the truth, and what it took.
struct Measured<'a> {
    name: &'a str,
    batch: i64,
    kind: Kind,
    error: f64,
    seconds: f64,
    /// What libtorch takes for the same.
    libtorch: f64,
    /// Bytes that have to be moved at least.
    bytes: f64,
}

impl Check {
    fn everything(&mut self, size: Benchmark, batches: &[(i64, Kind)]) -> Result<Outcome> {
        let mut table =
            Table::new(&["operation", "batch", "kind", "error", "ms", "GB/s", "of copy", "libtorch ms", "ratio"]);
        products::check(self, size, batches, &mut table)?;
        stages::check(self, size, &mut table)?;
        println!("{table}");
        println!(
            "error: largest difference from f64 on the CPU over its largest number; GB/s: bytes that must be moved"
        );
        println!(
            "at least, over the time; ratio: libtorch's time over ours. Bars: 60 % of copy at batch 1, 1.3x at 8 to 128.\n"
        );
        models::check(self, size)?;
        for failure in &self.failures {
            println!("DIFFERENT: {failure}");
        }
        if self.failures.is_empty() {
            println!("All equal.");
            return Ok(Outcome::Equal);
        }
        Ok(Outcome::Different)
    }

    fn there(&self, tensor: &Tensor, kind: Kind) -> Result<Tensor> {
        Ok(tensor.f_to_kind(kind)?.f_to_device(self.device)?)
    }

    /// The largest difference of a result from the truth, over the truth's largest number. NaN counts as infinitely far.
    fn distance(&mut self, what: &str, got: &Tensor, truth: &Tensor, near: f64) -> Result<f64> {
        let got = got.f_detach()?.f_to_device(Device::Cpu)?.f_to_kind(Kind::Double)?;
        if got.size() != truth.size() {
            self.failures.push(format!("{what}: shape {:?} in place of {:?}", got.size(), truth.size()));
            return Ok(f64::INFINITY);
        }
        let off = got.f_sub(&truth.f_detach()?)?.f_abs()?.f_max()?.double_value(&[]);
        let off = off / truth.f_detach()?.f_abs()?.f_max()?.double_value(&[]).max(f64::MIN_POSITIVE);
        let off = if off.is_nan() { f64::INFINITY } else { off };
        if off > near {
            self.failures.push(format!("{what}: off by {}, {} is allowed", error(off), error(near)));
        }
        Ok(off)
    }

    /// The same bits in two runs.
    fn repeats(&mut self, what: &str, first: &Tensor, again: &Tensor) -> Result<()> {
        if !first.f_equal(again)? {
            self.failures.push(format!("{what}: another result when run again"));
        }
        Ok(())
    }

    /// Seconds of a call, the last result waited for.
    fn seconds(&self, run: impl Fn() -> Result<Tensor>) -> Result<f64> {
        let row = |calls: usize| -> Result<f64> {
            let start = Instant::now();
            for _ in 0..calls {
                drop(run()?);
            }
            wait(self.device);
            Ok(start.elapsed().as_secs_f64() / calls as f64)
        };
        if self.rows == 0 {
            return Ok(f64::NAN);
        }
        row(3)?; // kernels are compiled, memory is there
        let calls = (0.02 / row(3)?.max(1e-9)).clamp(3.0, 2000.0) as usize;
        let mut least = f64::INFINITY;
        for _ in 0..self.rows {
            least = least.min(row(calls)?);
        }
        Ok(least)
    }

    /// Bytes per second of a copy on the device, read and written.
    fn copy_bandwidth(&self) -> Result<f64> {
        let n = 1 << 28;
        let from = Tensor::f_ones([n], (Kind::Float, self.device))?;
        let to = from.f_empty_like()?;
        let seconds = self.seconds(|| {
            to.shallow_clone().f_copy_(&from)?;
            Ok(to.shallow_clone())
        })?;
        Ok(2.0 * 4.0 * n as f64 / seconds)
    }

    /// Seconds of a product of one number: what a call costs whatever it computes.
    fn call(&self) -> Result<f64> {
        let one = SparsityPattern::from_csr(1, 1, vec![0, 1], &[0])?;
        let number = Tensor::f_ones([1], (Kind::Float, self.device))?;
        let (matrix, x) = (SparseMatrix::new(&one, &number)?, number.f_unsqueeze(1)?);
        self.seconds(|| Ok(matrix.product(&x)?))
    }

    fn row(&self, table: &mut Table, m: &Measured<'_>) {
        let rate = m.bytes / m.seconds;
        table.row(vec![
            m.name.into(),
            m.batch.to_string(),
            if m.kind == Kind::Float { "f32".into() } else { "f64".into() },
            error(m.error),
            number(m.seconds * 1e3),
            number(rate / 1e9),
            format!("{:.0} %", 100.0 * rate / self.copy),
            number(m.libtorch * 1e3),
            ratio(m.libtorch / m.seconds),
        ]);
    }
}

/// How near a result must be, relative to the largest number.
fn near(kind: Kind) -> f64 {
    if kind == Kind::Float { 2e-5 } else { 1e-12 }
}

/// Dense numbers `[rows, batch]`, Double.
fn dense(rows: usize, batch: i64) -> Result<Tensor> {
    let size = Benchmark { neurons: rows as u32, synapses: 0 };
    let numbers = Tensor::f_from_slice(&size.factor(batch as usize))?;
    Ok(numbers.f_to_kind(Kind::Double)?.f_view([rows as i64, batch])?)
}

fn size_of_kind(kind: Kind) -> f64 {
    if kind == Kind::Float { 4.0 } else { 8.0 }
}

fn wait(device: Device) {
    if let Device::Cuda(index) = device {
        tch::Cuda::synchronize(index as i64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The checks themselves, with the CPU in the place of a GPU; and a difference is seen.
    #[test]
    fn the_cpu_equals_itself() {
        let size = Benchmark { neurons: 300, synapses: 6000 };
        let mut check = Check { device: Device::Cpu, copy: f64::NAN, rows: 0, failures: Vec::new() };
        let outcome = check.everything(size, &[(1, Kind::Float), (8, Kind::Double)]).unwrap();
        assert_eq!((outcome, check.failures.len()), (Outcome::Equal, 0));

        let truth = dense(4, 2).unwrap();
        for wrong in [truth.shallow_clone() + 1e-3, truth.shallow_clone() * f64::NAN, truth.tr()] {
            let before = check.failures.len();
            assert!(check.distance("it", &wrong, &truth, 1e-5).unwrap() > 1e-5);
            assert_eq!(check.failures.len(), before + 1);
        }
    }
}
