//! What tests of the CUDA kernels compute with, on a device and on the CPU.

use tch::{Device, Kind, Tensor};

/// Numbers without a pattern, of kind Double.
pub(crate) fn random(shape: &[i64], seed: i64) -> Tensor {
    let n: i64 = shape.iter().product();
    (Tensor::arange(n, (Kind::Double, Device::Cpu)) * 1.37 + seed as f64 * 0.71).sin().reshape(shape)
}

/// Rows of these lengths, their columns spread: where each row begins, and the columns.
pub(crate) fn rows(lengths: &[usize], columns: usize) -> (Vec<usize>, Vec<u32>) {
    let (mut row_ptr, mut list) = (vec![0], vec![]);
    for (row, &length) in lengths.iter().enumerate() {
        let start = list.len();
        list.extend((0..length).map(|i| ((i * columns / length + row) % columns) as u32));
        list[start..].sort_unstable();
        row_ptr.push(list.len());
    }
    (row_ptr, list)
}
