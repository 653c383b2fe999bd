//! Dropout without a mask in memory.
//!
//! Which entries are dropped is a function of a seed and their place, so that the backward pass computes it again. Drawing from libtorch's
//! generator, one number after the other, would cost a tenth of a training step.

use tch::{Device, Kind, Tensor};
use tch_function::math::Number;
use tch_function::slices::{as_mut_slice, as_slice};
use tch_function::{BoxError, Forward, Op, apply_one, on_best_tier};

use crate::Error;
use crate::cell::Arithmetic;
use crate::layout::{from_pixels, pixels};
use crate::parallel::parts;

/// Sets entries of `[batch, channels, height, width]` to zero with probability `p` and divides the others by `1 - p`. The seed comes from
/// libtorch's generator.
pub(crate) fn dropout(x: &Tensor, p: f64, arithmetic: Arithmetic) -> Result<Tensor, Error> {
    let is_known = x.device() == Device::Cpu && matches!(x.kind(), Kind::Float | Kind::Double);
    if !is_known || arithmetic == Arithmetic::Recorded {
        return Ok(x.f_dropout(p, true)?);
    }
    let seed = Tensor::f_randint(i64::MAX, [1], (Kind::Int64, Device::Cpu))?.f_int64_value(&[0])?;
    seeded(x, p, seed as u64)
}

fn seeded(x: &Tensor, p: f64, seed: u64) -> Result<Tensor, Error> {
    // Keys with few bits set are weak: bring in all of them, and an odd number.
    let key = (seed ^ 0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9) | 1;
    Ok(from_pixels(&apply_one(Dropout { p, key }, &[&pixels(x)?])?)?)
}

#[derive(Debug, Clone, Copy)]
struct Dropout {
    p: f64,
    key: u64,
}

impl Dropout {
    /// The same map forward and backward: it is linear.
    fn applied(self, x: &Tensor) -> Result<Tensor, BoxError> {
        let mut out = Tensor::f_empty(x.size(), (x.kind(), x.device()))?;
        match x.kind() {
            Kind::Float => self.over::<f32>(x, &mut out),
            _ => self.over::<f64>(x, &mut out),
        }
        Ok(out)
    }

    fn over<T: Number>(self, x: &Tensor, out: &mut Tensor) {
        let x = as_slice::<T>(x);
        // SAFETY: the tensor was just made, nobody else has a handle to it.
        let out = unsafe { as_mut_slice::<T>(out) };
        parts(x.len(), [out], |first, [out]| drop_part(self, first as u64, &x[first..first + out.len()], out));
    }
}

impl Op for Dropout {
    const NAME: &'static str = "Dropout";

    fn forward(&self, inputs: &[Tensor], _: &[bool]) -> Result<Forward, BoxError> {
        Ok(Forward { outputs: vec![self.applied(&inputs[0])?], saved: Vec::new() })
    }

    fn backward(&self, _: &[Tensor], grads: &[Option<Tensor>], _: &[bool]) -> Result<Vec<Option<Tensor>>, BoxError> {
        Ok(vec![grads[0].as_ref().map(|grad| self.applied(&grad.f_contiguous()?)).transpose()?])
    }
}

/// Entries whose numbers are drawn together.
const BLOCK: usize = 512;

on_best_tier!(fn drop_part<T: Number>(dropout: Dropout, first: u64, x: &[T], out: &mut [T]) = drop_body);

#[inline(always)]
fn drop_body<T: Number>(dropout: Dropout, first: u64, x: &[T], out: &mut [T]) {
    let scale = T::from_f64(1.0 / (1.0 - dropout.p));
    // 2^32 p, which is below 2^32 since p is below 1
    let threshold = (dropout.p * 4_294_967_296.0) as u32;
    let mut drawn = [0u32; BLOCK];
    for (block, (x, out)) in x.chunks(BLOCK).zip(out.chunks_mut(BLOCK)).enumerate() {
        let start = first + (block * BLOCK) as u64;
        for (k, drawn) in drawn.iter_mut().enumerate() {
            *drawn = squares(start + k as u64, dropout.key);
        }
        for ((out, &x), &drawn) in out.iter_mut().zip(x).zip(&drawn) {
            *out = if drawn < threshold { T::ZERO } else { x * scale };
        }
    }
}

/// 32 random bits by counter and key. Source: Widynski 2020, arXiv:2004.06278, the generator of four rounds.
#[inline(always)]
fn squares(counter: u64, key: u64) -> u32 {
    let y = counter.wrapping_mul(key);
    let z = y.wrapping_add(key);
    let square = |x: u64, plus: u64| x.wrapping_mul(x).wrapping_add(plus);
    let x = square(y, y).rotate_left(32);
    let x = square(x, z).rotate_left(32);
    let x = square(x, y).rotate_left(32);
    (square(x, z) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(p: f64, seed: u64) -> (Tensor, Tensor) {
        let x = Tensor::linspace(1.0, 2.0, 8 * 5 * 31 * 37, (Kind::Float, Device::Cpu)).view([8, 5, 31, 37]);
        let x = x.set_requires_grad(true);
        let y = seeded(&x, p, seed).unwrap();
        y.sum(Kind::Float).backward();
        assert!((y.detach() / x.detach()).allclose(&x.grad(), 1e-6, 1e-6, false), "the gradient has the same mask");
        (y.detach(), x.grad())
    }

    #[test]
    fn entries_are_dropped_with_their_probability() {
        for p in [0.1, 0.25, 0.9] {
            let (y, slope) = run(p, 3);
            let kept = slope.gt(0.0).to_kind(Kind::Double);
            let n = kept.numel() as f64;
            let deviation = (kept.mean(Kind::Double).double_value(&[]) - (1.0 - p)) / (p * (1.0 - p) / n).sqrt();
            assert!(deviation.abs() < 4.0, "{p}: {deviation}");
            assert!((slope.max().double_value(&[]) - 1.0 / (1.0 - p)).abs() < 1e-6);
            // neighbours, and channels of a pixel, are dropped independently
            for (dim, name) in [(3, "columns"), (2, "rows"), (1, "channels"), (0, "samples")] {
                let size = kept.size()[dim as usize];
                let both = kept.narrow(dim, 0, size - 1) * kept.narrow(dim, 1, size - 1);
                let want = (1.0 - p) * (1.0 - p);
                let deviation = (both.mean(Kind::Double).double_value(&[]) - want)
                    / (want * (1.0 - want) / both.numel() as f64).sqrt();
                assert!(deviation.abs() < 6.0, "{p} {name}: {deviation}");
            }
            assert!(y.equal(&run(p, 3).0), "the same seed gives the same mask");
            assert!(!y.equal(&run(p, 4).0), "another seed gives another one");
        }
    }

    #[test]
    fn threads_change_nothing() {
        let threads = tch::get_num_threads();
        let of = |n: i32| {
            tch::set_num_threads(n);
            run(0.25, 9).0
        };
        let one = of(1);
        assert!(one.equal(&of(2)) && one.equal(&of(5)));
        tch::set_num_threads(threads);
    }
}
