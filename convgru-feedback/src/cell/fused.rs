//! The elementwise halves of a step, each in one pass forward and one backward.
//!
//! Tensors are `[batch, height, width, channels]` here: a pixel's channels are one stretch of memory. Sigmoids and tanh run over stretches
//! of many pixels at once, what mixes channels over one pixel at a time.

use tch::Tensor;
use tch_function::math::Number;
use tch_function::slices::{as_mut_slice, as_slice as slice};
use tch_function::{BoxError, Forward, Op, apply, apply_one, on_best_tier};

use crate::Error;
use crate::layout::{from_pixels, pixels};
use crate::parallel::parts;

/// Pixels that are worked on together: their gates stay in the first-level cache.
const BLOCK: usize = 32;

/// `z = [x, r h, a] (1 + relu(m))` and `u`, from `pre` `[batch, 2 hidden, ..]` and `signal = [a | m]`, `added` channels of `a`.
pub(super) fn gates(
    pre: &Tensor,
    x: &Tensor,
    h: &Tensor,
    signal: Option<&Tensor>,
    added: i64,
) -> Result<[Tensor; 2], Error> {
    let added = if signal.is_some() { added as usize } else { 0 };
    let op = Gates { input: x.size()[1] as usize, hidden: h.size()[1] as usize, added };
    let mut inputs = vec![pixels(pre)?, pixels(x)?, pixels(h)?];
    if let Some(signal) = signal {
        inputs.push(pixels(signal)?);
    }
    let outputs = apply(op, &inputs.iter().collect::<Vec<_>>())?;
    Ok([from_pixels(&outputs[0])?, from_pixels(&outputs[1])?])
}

/// `(1 - u) h + u tanh(p)`.
pub(super) fn blend(p: &Tensor, h: &Tensor, u: &Tensor) -> Result<Tensor, Error> {
    Ok(from_pixels(&apply_one(Blend, &[&pixels(p)?, &pixels(h)?, &pixels(u)?])?)?)
}

/// `sigmoid(p) tanh(q)` of `[p | q]`, `[batch, 2 hidden, ..]`.
pub(super) fn blend_from_zero(pre: &Tensor) -> Result<Tensor, Error> {
    Ok(from_pixels(&apply_one(BlendFromZero, &[&pixels(pre)?])?)?)
}

/// Runs a generic function for the kind of a tensor that is single or double.
macro_rules! by_kind {
    ($t:expr, $f:ident($($arg:expr),* $(,)?)) => {
        match $t.kind() {
            tch::Kind::Float => $f::<f32>($($arg),*),
            tch::Kind::Double => $f::<f64>($($arg),*),
            other => return Err(format!("kernels are for Float and Double, not {other:?}").into()),
        }
    };
}

/// A tensor like another, with another number of channels.
fn like(t: &Tensor, channels: usize) -> Result<Tensor, tch::TchError> {
    let mut size = t.size();
    if let Some(last) = size.last_mut() {
        *last = channels as i64;
    }
    Tensor::f_empty(size, (t.kind(), t.device()))
}

/// The numbers of a tensor that [`like`] made.
fn fresh<T: Number>(t: &mut Tensor) -> &mut [T] {
    // SAFETY: nobody else has a handle to it yet.
    unsafe { as_mut_slice(t) }
}

fn channels(t: &Tensor) -> usize {
    t.size().last().map_or(0, |&c| c as usize)
}

/// Widths of a pixel's parts.
#[derive(Debug, Clone, Copy)]
struct Gates {
    input: usize,
    hidden: usize,
    added: usize,
}

impl Gates {
    fn width(self) -> usize {
        self.input + self.hidden + self.added
    }
}

impl Op for Gates {
    const NAME: &'static str = "ConvGruGates";

    fn forward(&self, inputs: &[Tensor], needs: &[bool]) -> Result<Forward, BoxError> {
        let (pre, x, h, signal) = (&inputs[0], &inputs[1], &inputs[2], inputs.get(3));
        let mut z = like(pre, self.width())?;
        let mut u = like(pre, self.hidden)?;
        // Without a gradient the reset gate is nowhere kept.
        let mut r = like(pre, if needs.contains(&true) { self.hidden } else { 0 })?;
        by_kind!(pre, gates_forward(*self, [pre, x, h], signal, [&mut z, &mut u, &mut r]));
        let mut saved = vec![r, u.shallow_clone(), x.shallow_clone(), h.shallow_clone()];
        saved.extend(signal.map(Tensor::shallow_clone));
        Ok(Forward { outputs: vec![z, u], saved })
    }

    fn backward(
        &self,
        saved: &[Tensor],
        grads: &[Option<Tensor>],
        _: &[bool],
    ) -> Result<Vec<Option<Tensor>>, BoxError> {
        let (r, u, x, h, signal) = (&saved[0], &saved[1], &saved[2], &saved[3], saved.get(4));
        let grad = |i: usize, channels: usize| -> Result<Tensor, tch::TchError> {
            match &grads[i] {
                Some(g) => g.f_contiguous(),
                None => like(r, channels)?.f_zero_(),
            }
        };
        let (dz, du) = (grad(0, self.width())?, grad(1, self.hidden)?);
        let mut out = vec![like(r, 2 * self.hidden)?, like(r, self.input)?, like(r, self.hidden)?];
        if let Some(signal) = signal {
            out.push(like(signal, channels(signal))?);
        }
        by_kind!(r, gates_backward(*self, [r, u, x, h], signal, [&dz, &du], &mut out));
        Ok(out.into_iter().map(Some).collect())
    }
}

fn gates_forward<T: Number>(
    widths: Gates,
    [pre, x, h]: [&Tensor; 3],
    signal: Option<&Tensor>,
    [z, u, r]: [&mut Tensor; 3],
) {
    let pixels = h.numel() / widths.hidden;
    let (pre, x, h) = (slice::<T>(pre), slice::<T>(x), slice::<T>(h));
    let signal = signal.map(|signal| (slice::<T>(signal), widths.added + widths.width()));
    let (signal, signal_width) = signal.unwrap_or_default();
    let outputs = [fresh::<T>(z), fresh::<T>(u), fresh::<T>(r)];
    parts(pixels, outputs, |first, [z, u, r]| {
        let rows = |width: usize| first * width..first * width + u.len() / widths.hidden * width;
        let inputs = [
            &pre[rows(2 * widths.hidden)],
            &x[rows(widths.input)],
            &h[rows(widths.hidden)],
            &signal[rows(signal_width)],
        ];
        gates_part(widths, inputs, [z, u, r]);
    });
}

on_best_tier!(fn gates_part<T: Number>(widths: Gates, inputs: [&[T]; 4], outputs: [&mut [T]; 3]) = gates_part_body);

#[inline(always)]
fn gates_part_body<T: Number>(widths: Gates, [pre, x, h, signal]: [&[T]; 4], [z, u, r]: [&mut [T]; 3]) {
    let Gates { input: i, hidden: c, added } = widths;
    let (wide, with_signal) = (widths.width(), !signal.is_empty());
    let mut scratch = vec![T::ZERO; 2 * c * BLOCK];
    for (block, pre) in pre.chunks(2 * c * BLOCK).enumerate() {
        let ru = &mut scratch[..pre.len()];
        for (to, &from) in ru.iter_mut().zip(pre) {
            *to = from.sigmoid();
        }
        for (k, ru) in ru.chunks_exact(2 * c).enumerate() {
            let p = block * BLOCK + k;
            let (reset, update) = ru.split_at(c);
            u[p * c..][..c].copy_from_slice(update);
            if !r.is_empty() {
                r[p * c..][..c].copy_from_slice(reset);
            }
            let z = &mut z[p * wide..][..wide];
            z[..i].copy_from_slice(&x[p * i..][..i]);
            for ((to, &r), &h) in z[i..i + c].iter_mut().zip(reset).zip(&h[p * c..][..c]) {
                *to = r * h;
            }
            if with_signal {
                let (a, m) = signal[p * (added + wide)..][..added + wide].split_at(added);
                z[i + c..].copy_from_slice(a);
                for (z, &m) in z.iter_mut().zip(m) {
                    *z = *z * (T::ONE + m.or_greater(T::ZERO));
                }
            }
        }
    }
}

fn gates_backward<T: Number>(
    widths: Gates,
    [r, u, x, h]: [&Tensor; 4],
    signal: Option<&Tensor>,
    [dz, du]: [&Tensor; 2],
    out: &mut [Tensor],
) {
    let pixels = h.numel() / widths.hidden;
    let inputs = [r, u, x, h, dz, du].map(slice::<T>);
    let width = [widths.hidden, widths.hidden, widths.input, widths.hidden, widths.width(), widths.hidden];
    let signal = signal.map(|signal| (slice::<T>(signal), widths.added + widths.width()));
    let (signal, signal_width) = signal.unwrap_or_default();
    let mut out = out.iter_mut().map(fresh::<T>);
    let mut next = || out.next().unwrap_or_default();
    let outputs = [next(), next(), next(), next()];
    parts(pixels, outputs, |first, outputs| {
        let n = outputs[2].len() / widths.hidden;
        let rows = |width: usize| first * width..(first + n) * width;
        let inputs = std::array::from_fn(|i| &inputs[i][rows(width[i])]);
        gates_back_part(widths, inputs, &signal[rows(signal_width)], outputs);
    });
}

on_best_tier!(fn gates_back_part<T: Number>(widths: Gates, inputs: [&[T]; 6], signal: &[T], outputs: [&mut [T]; 4]) = gates_back_body);

#[inline(always)]
fn gates_back_body<T: Number>(
    widths: Gates,
    [r, u, x, h, dz, du]: [&[T]; 6],
    signal: &[T],
    [dpre, dx, dh, dsignal]: [&mut [T]; 4],
) {
    let Gates { input: i, hidden: c, added } = widths;
    let wide = widths.width();
    // gradient of what the gain multiplies
    let mut inner = vec![T::ZERO; wide];
    for p in 0..u.len() / c {
        let dz = &dz[p * wide..][..wide];
        let (r, u, h, x) = (&r[p * c..][..c], &u[p * c..][..c], &h[p * c..][..c], &x[p * i..][..i]);
        if signal.is_empty() {
            inner.copy_from_slice(dz);
        } else {
            let (a, m) = signal[p * (added + wide)..][..added + wide].split_at(added);
            let (da, dm) = dsignal[p * (added + wide)..][..added + wide].split_at_mut(added);
            for (inner, (&d, &m)) in inner.iter_mut().zip(dz.iter().zip(m)) {
                *inner = d * (T::ONE + m.or_greater(T::ZERO));
            }
            let passed = |d: T, m: T, v: T| if m > T::ZERO { d * v } else { T::ZERO };
            for k in 0..i {
                dm[k] = passed(dz[k], m[k], x[k]);
            }
            for k in 0..c {
                dm[i + k] = passed(dz[i + k], m[i + k], r[k] * h[k]);
            }
            for k in 0..added {
                dm[i + c + k] = passed(dz[i + c + k], m[i + c + k], a[k]);
                da[k] = inner[i + c + k];
            }
        }
        dx[p * i..][..i].copy_from_slice(&inner[..i]);
        let (dr, dpre_u) = dpre[2 * p * c..][..2 * c].split_at_mut(c);
        let (dh, du, inner) = (&mut dh[p * c..][..c], &du[p * c..][..c], &inner[i..i + c]);
        for k in 0..c {
            dr[k] = inner[k] * h[k] * r[k] * (T::ONE - r[k]);
            dpre_u[k] = du[k] * u[k] * (T::ONE - u[k]);
            dh[k] = inner[k] * r[k];
        }
    }
}

/// `(1 - u) h + u tanh(p)`, entry by entry; inputs `p`, `h`, `u`.
struct Blend;

impl Op for Blend {
    const NAME: &'static str = "ConvGruBlend";

    fn forward(&self, inputs: &[Tensor], needs: &[bool]) -> Result<Forward, BoxError> {
        let (p, h, u) = (&inputs[0], &inputs[1], &inputs[2]);
        let mut out = like(h, channels(h))?;
        let mut c = like(h, if needs.contains(&true) { channels(h) } else { 0 })?;
        by_kind!(h, blend_forward([p, h, u], [&mut out, &mut c]));
        Ok(Forward { outputs: vec![out], saved: vec![c, h.shallow_clone(), u.shallow_clone()] })
    }

    fn backward(
        &self,
        saved: &[Tensor],
        grads: &[Option<Tensor>],
        _: &[bool],
    ) -> Result<Vec<Option<Tensor>>, BoxError> {
        let (c, h, u) = (&saved[0], &saved[1], &saved[2]);
        let Some(grad) = &grads[0] else { return Ok(vec![None, None, None]) };
        let grad = grad.f_contiguous()?;
        let n = channels(h);
        let mut out = [like(h, n)?, like(h, n)?, like(h, n)?];
        by_kind!(h, blend_backward([c, h, u, &grad], &mut out));
        Ok(out.into_iter().map(Some).collect())
    }
}

fn blend_forward<T: Number>(inputs: [&Tensor; 3], [out, c]: [&mut Tensor; 2]) {
    let inputs = inputs.map(slice::<T>);
    parts(inputs[0].len(), [fresh::<T>(out), fresh::<T>(c)], |first, [out, c]| {
        blend_part(inputs.map(|all| &all[first..first + out.len()]), out, c);
    });
}

on_best_tier!(fn blend_part<T: Number>(inputs: [&[T]; 3], out: &mut [T], c: &mut [T]) = blend_body);

#[inline(always)]
fn blend_body<T: Number>([p, h, u]: [&[T]; 3], out: &mut [T], c: &mut [T]) {
    let inputs = p.iter().zip(h).zip(u);
    if c.is_empty() {
        for (out, ((&p, &h), &u)) in out.iter_mut().zip(inputs) {
            *out = h + u * (p.tanh() - h);
        }
        return;
    }
    for ((out, c), ((&p, &h), &u)) in out.iter_mut().zip(c).zip(inputs) {
        *c = p.tanh();
        *out = h + u * (*c - h);
    }
}

fn blend_backward<T: Number>(inputs: [&Tensor; 4], [dp, dh, du]: &mut [Tensor; 3]) {
    let inputs = inputs.map(slice::<T>);
    let outputs = [fresh::<T>(dp), fresh::<T>(dh), fresh::<T>(du)];
    parts(inputs[0].len(), outputs, |first, outputs| {
        blend_back_part(inputs.map(|all| &all[first..first + outputs[0].len()]), outputs);
    });
}

on_best_tier!(fn blend_back_part<T: Number>(inputs: [&[T]; 4], outputs: [&mut [T]; 3]) = blend_back_body);

#[inline(always)]
fn blend_back_body<T: Number>([c, h, u, g]: [&[T]; 4], [dp, dh, du]: [&mut [T]; 3]) {
    let n = g.len();
    let (c, h, u, dp, dh, du) = (&c[..n], &h[..n], &u[..n], &mut dp[..n], &mut dh[..n], &mut du[..n]);
    for k in 0..n {
        dp[k] = g[k] * u[k] * (T::ONE - c[k] * c[k]);
        dh[k] = g[k] * (T::ONE - u[k]);
        du[k] = g[k] * (c[k] - h[k]);
    }
}

/// `sigmoid(p) tanh(q)` of `[p | q]` per pixel.
struct BlendFromZero;

impl Op for BlendFromZero {
    const NAME: &'static str = "ConvGruBlendFromZero";

    fn forward(&self, inputs: &[Tensor], needs: &[bool]) -> Result<Forward, BoxError> {
        let (pre, hidden) = (&inputs[0], channels(&inputs[0]) / 2);
        let mut out = like(pre, hidden)?;
        let mut uc = like(pre, if needs.contains(&true) { 2 * hidden } else { 0 })?;
        by_kind!(pre, zero_forward(hidden, pre, [&mut out, &mut uc]));
        Ok(Forward { outputs: vec![out], saved: vec![uc] })
    }

    fn backward(
        &self,
        saved: &[Tensor],
        grads: &[Option<Tensor>],
        _: &[bool],
    ) -> Result<Vec<Option<Tensor>>, BoxError> {
        let Some(grad) = &grads[0] else { return Ok(vec![None]) };
        let (grad, uc) = (grad.f_contiguous()?, &saved[0]);
        let mut out = like(uc, channels(uc))?;
        by_kind!(uc, zero_backward(channels(uc) / 2, [uc, &grad], &mut out));
        Ok(vec![Some(out)])
    }
}

fn zero_forward<T: Number>(hidden: usize, pre: &Tensor, [out, uc]: [&mut Tensor; 2]) {
    let pre = slice::<T>(pre);
    parts(pre.len() / (2 * hidden), [fresh::<T>(out), fresh::<T>(uc)], |first, [out, uc]| {
        zero_part(hidden, &pre[2 * first * hidden..][..2 * out.len()], out, uc);
    });
}

on_best_tier!(fn zero_part<T: Number>(hidden: usize, pre: &[T], out: &mut [T], uc: &mut [T]) = zero_body);

#[inline(always)]
fn zero_body<T: Number>(hidden: usize, pre: &[T], out: &mut [T], uc: &mut [T]) {
    let keep = !uc.is_empty();
    let mut scratch = vec![T::ZERO; 2 * hidden];
    for (k, (pre, out)) in pre.chunks_exact(2 * hidden).zip(out.chunks_exact_mut(hidden)).enumerate() {
        let (u, c) = scratch.split_at_mut(hidden);
        for (u, &p) in u.iter_mut().zip(pre) {
            *u = p.sigmoid();
        }
        for (c, &q) in c.iter_mut().zip(&pre[hidden..]) {
            *c = q.tanh();
        }
        for ((out, &u), &c) in out.iter_mut().zip(&*u).zip(&*c) {
            *out = u * c;
        }
        if keep {
            uc[2 * k * hidden..][..2 * hidden].copy_from_slice(&scratch);
        }
    }
}

fn zero_backward<T: Number>(hidden: usize, [uc, grad]: [&Tensor; 2], out: &mut Tensor) {
    let (uc, grad) = (slice::<T>(uc), slice::<T>(grad));
    parts(grad.len() / hidden, [fresh::<T>(out)], |first, [out]| {
        let n = out.len() / 2;
        zero_back_part(hidden, [&uc[2 * first * hidden..][..2 * n], &grad[first * hidden..][..n]], out);
    });
}

on_best_tier!(fn zero_back_part<T: Number>(hidden: usize, inputs: [&[T]; 2], out: &mut [T]) = zero_back_body);

#[inline(always)]
fn zero_back_body<T: Number>(hidden: usize, [uc, grad]: [&[T]; 2], out: &mut [T]) {
    let pixels = uc.chunks_exact(2 * hidden).zip(grad.chunks_exact(hidden)).zip(out.chunks_exact_mut(2 * hidden));
    for ((uc, g), out) in pixels {
        let (u, c) = uc.split_at(hidden);
        let (du, dc) = out.split_at_mut(hidden);
        for k in 0..hidden {
            du[k] = g[k] * c[k] * u[k] * (T::ONE - u[k]);
            dc[k] = g[k] * u[k] * (T::ONE - c[k] * c[k]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind};
    use tch_function::gradcheck;

    fn numbers(size: [i64; 4], seed: i64) -> Tensor {
        let n = size.iter().product::<i64>();
        // irrational steps: no number is near another, nor near the kink at zero
        let t = (Tensor::arange(n, (Kind::Double, Device::Cpu)) + seed as f64) * 0.618_033_988_749_894_9;
        ((t.frac() - 0.5) * 2.4 + 0.003).view(size)
    }

    fn must(result: Result<Tensor, Error>) -> Tensor {
        result.unwrap()
    }

    #[test]
    fn gradients_are_those_of_differences() {
        for (input, hidden, added) in [(1, 2, 0), (3, 1, 2), (2, 3, 1)] {
            let size = |channels| [2, channels, 3, 2];
            let [pre, x, h] = [numbers(size(2 * hidden), 1), numbers(size(input), 50), numbers(size(hidden), 90)];
            let signal = numbers(size(added + input + hidden + added), 130);
            let both = |[z, u]: [Tensor; 2]| Tensor::cat(&[z, u], 1);
            gradcheck::first(|t| both(gates(&t[0], &t[1], &t[2], None, 0).unwrap()), &[&pre, &x, &h]).unwrap();
            let all = [&pre, &x, &h, &signal];
            gradcheck::first(|t| both(gates(&t[0], &t[1], &t[2], Some(&t[3]), added).unwrap()), &all).unwrap();
            let u = h.sigmoid();
            gradcheck::first(|t| must(blend(&t[0], &t[1], &t[2])), &[&numbers(size(hidden), 7), &h, &u]).unwrap();
            gradcheck::first(|t| must(blend_from_zero(&t[0])), &[&pre]).unwrap();
        }
    }

    #[test]
    fn gradients_of_gradients_are_refused() {
        let h = numbers([1, 2, 2, 2], 3);
        let error = gradcheck::second(|t| must(blend(&t[0], &t[0], &t[0])), &[&h]).unwrap_err();
        assert!(error.to_string().contains("ConvGruBlend"), "{error}");
    }

    /// Large enough that threads share the work.
    #[test]
    fn threads_change_nothing() {
        let threads = tch::get_num_threads();
        let run = |n: i32| {
            tch::set_num_threads(n);
            let [pre, x, h] = [numbers([3, 14, 61, 53], 1), numbers([3, 3, 61, 53], 5), numbers([3, 7, 61, 53], 9)];
            let leaves =
                [pre, x, h, numbers([3, 12, 61, 53], 13)].map(|t| t.to_kind(Kind::Float).set_requires_grad(true));
            let [pre, x, h, signal] = &leaves;
            let [z, u] = gates(pre, x, h, Some(signal), 1).unwrap();
            let out = must(blend(&z.narrow(1, 0, 7), h, &u)) + must(blend_from_zero(pre));
            (&out * &out).sum(Kind::Float).backward();
            let mut all: Vec<Tensor> = leaves.iter().map(Tensor::grad).collect();
            all.extend([z.detach(), out.detach()]);
            all
        };
        let one = run(1);
        for n in [2, 5] {
            assert!(one.iter().zip(run(n)).all(|(a, b)| a.equal(&b)), "{n} threads");
        }
        tch::set_num_threads(threads);
    }

    #[test]
    fn no_samples_give_no_samples() {
        let none = |channels| Tensor::zeros([0, channels, 4, 4], (Kind::Float, Device::Cpu));
        let [z, u] = gates(&none(4), &none(3), &none(2), Some(&none(7)), 1).unwrap();
        assert_eq!((z.size(), u.size()), (vec![0, 6, 4, 4], vec![0, 2, 4, 4]));
    }
}
