//! The decoder with one hidden layer, from the rectification of its input to the last convolution, as one operation with kernels of its own.
//!
//! Only weights in the hexagon of the kernel are multiplied, and only where it matters: the hidden layer on the positions that the
//! last one can see. The batch's statistics also count the rest of the map, where the first convolution is its bias.

use std::sync::Arc;

use rayon::prelude::*;
use tch::Tensor;
use tch_function::slices::{as_slice, filled};
use tch_function::{BoxError, Forward, Op};

use super::activation::{activate, activate_back, mask, normalise_back, squares, sum_of};
use super::dropout::Dropout;
use super::kernel::{Correlation, Packed, convolve};
use super::layout::Layout;
use super::vector::Real;

/// Frames whose gradients are summed up by one thread: fixed, so that sums do not depend on the number of threads.
const CHUNK: usize = 8;

/// Channels and kernel.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    pub(super) inputs: usize,
    pub(super) hidden: usize,
    pub(super) outputs: usize,
    pub(super) kernel: usize,
}

/// What the hidden layer is normalised by.
#[derive(Debug, Clone)]
pub(super) enum Statistics {
    /// Mean and variance of the batch.
    Batch,
    /// Mean and variance of each hidden channel that are given.
    Given(Vec<[f64; 2]>),
}

/// The operation. Inputs: columns `[frames, inputs, columns]`, weight and bias of the first convolution, gain and shift of the
/// normalisation, weight and bias of the last convolution. Outputs: `[frames, outputs, columns]`, mean and (biased) variance of the
/// hidden channels.
#[derive(Debug)]
pub(super) struct Fused<T> {
    layout: Arc<Layout>,
    sizes: Sizes,
    statistics: Statistics,
    eps: f64,
    dropout: Option<Dropout>,
    /// Weights that get a gradient.
    taps: Vec<usize>,
    /// 1 at the places of the domain, else 0, `[span]`.
    weight: Vec<T>,
}

impl<T: Real> Fused<T> {
    /// The operation for weights of which those at `taps` get a gradient; `eps` is added to the variance.
    pub(super) fn new(
        layout: Arc<Layout>,
        sizes: Sizes,
        statistics: Statistics,
        eps: f64,
        dropout: Option<Dropout>,
        taps: Vec<usize>,
    ) -> Self {
        let mut weight = vec![T::ZERO; layout.span.len()];
        for row in &layout.domain {
            let places = row.places();
            weight[places.start - layout.span.start..places.end - layout.span.start].fill(T::ONE);
        }
        Self { layout, sizes, statistics, eps, dropout, taps, weight }
    }

    /// Hidden activations multiply with this, `[span]`; `space` holds it where it is not the same for all.
    fn weight<'a>(&'a self, frame: usize, channel: usize, space: &'a mut [T]) -> &'a [T] {
        let Some(dropout) = &self.dropout else {
            return &self.weight;
        };
        let map = self.layout.positions + self.layout.beyond;
        let kept = &dropout.kept[(frame * self.sizes.hidden + channel) * map..][..map];
        let scale = T::from_f64(dropout.scale);
        space.fill(T::ZERO);
        for row in &self.layout.domain {
            let (places, start) = (row.places(), self.layout.span.start);
            let space = &mut space[places.start - start..places.end - start];
            for (weight, kept) in space.iter_mut().zip(&kept[row.numbers()]) {
                *weight = if *kept { scale } else { T::ZERO };
            }
        }
        space
    }

    fn distances(&self, taps: &[usize]) -> Vec<i32> {
        taps.iter().map(|&t| self.layout.distances[t]).collect()
    }

    /// A convolution in this direction, or its transpose.
    fn packed(&self, weight: &[T], [outputs, inputs]: [usize; 2], bias: Option<&[T]>) -> Packed<T> {
        let (inside, square) = (&self.layout.inside, self.sizes.kernel * self.sizes.kernel);
        let distances = self.distances(inside);
        match bias {
            Some(bias) => {
                let weight = |o: usize, i: usize, t: usize| weight[(o * inputs + i) * square + inside[t]];
                Packed::new(outputs, inputs, distances, |o| bias[o], weight)
            }
            None => {
                let distances = distances.into_iter().map(|d| -d).collect();
                let weight = |i: usize, o: usize, t: usize| weight[(o * inputs + i) * square + inside[t]];
                Packed::new(inputs, outputs, distances, |_| T::ZERO, weight)
            }
        }
    }

    /// Gradient of a weight `[outputs, inputs, kernel, kernel]` of the sums over taps of all chunks.
    fn weight_gradient(&self, [outputs, inputs]: [usize; 2], chunks: &[&Vec<T>]) -> Result<Tensor, BoxError> {
        let (taps, square) = (&self.taps, self.sizes.kernel * self.sizes.kernel);
        let kernel = self.sizes.kernel as i64;
        Ok(filled::<T>(&[outputs as i64, inputs as i64, kernel, kernel], |to| {
            to.fill(T::ZERO);
            for chunk in chunks {
                for (to, from) in to.chunks_exact_mut(square).zip(chunk.chunks_exact(taps.len())) {
                    for (&tap, from) in taps.iter().zip(from) {
                        to[tap] += *from;
                    }
                }
            }
        })?)
    }

    /// Values that the batch's statistics are taken over, per channel.
    fn count(&self, frames: usize) -> f64 {
        (frames * (self.layout.positions + self.layout.beyond)) as f64
    }

    /// Mean and biased variance of each hidden channel of the batch.
    fn batch_statistics(&self, z: &[T], sums: &[Vec<f64>], bias: &[T]) -> Vec<[f64; 2]> {
        let (frames, hidden, len) = (sums.len(), self.sizes.hidden, self.layout.len);
        let (count, beyond) = (self.count(frames), (frames * self.layout.beyond) as f64);
        let mean = |c: usize| (sums.iter().map(|s| s[c]).sum::<f64>() + beyond * bias[c].to_f64()) / count;
        let means: Vec<f64> = (0..hidden).map(mean).collect();
        let per_frame: Vec<Vec<f64>> = z
            .par_chunks_exact(hidden * len)
            .map(|frame| {
                let channels = frame.chunks_exact(len).zip(&means);
                channels.map(|(z, m)| squares(&z[self.layout.span.clone()], T::from_f64(*m), &self.weight)).collect()
            })
            .collect();
        let variance = |c: usize| {
            // deviations are taken from the rounded mean
            let rounded = T::from_f64(means[c]).to_f64();
            let squares = per_frame.iter().map(|s| s[c]).sum::<f64>() + beyond * (bias[c].to_f64() - rounded).powi(2);
            (squares / count - (means[c] - rounded).powi(2)).max(0.0)
        };
        (0..hidden).map(|c| [means[c], variance(c)]).collect()
    }

    /// The hidden layer of a frame, in planes.
    fn hidden(&self, frame: usize, z: &[T], gains: &[[T; 2]], y: &mut [T], space: &mut [T]) {
        let (len, span) = (self.layout.len, &self.layout.span);
        for (c, ((y, z), [factor, summand])) in y.chunks_exact_mut(len).zip(z.chunks_exact(len)).zip(gains).enumerate()
        {
            let weight = self.weight(frame, c, space);
            activate(&mut y[span.clone()], &z[span.clone()], *factor, *summand, weight);
        }
        self.layout.repeat(y);
    }

    /// Factor and summand of each hidden channel.
    fn gains(&self, statistics: &[[f64; 2]], gain: &[T], shift: &[T]) -> Vec<[T; 2]> {
        let of = |c: usize| {
            let [mean, variance] = statistics[c];
            let factor = gain[c].to_f64() / (variance + self.eps).sqrt();
            [T::from_f64(factor), T::from_f64(shift[c].to_f64() - mean * factor)]
        };
        (0..self.sizes.hidden).map(of).collect()
    }
}

impl<T: Real> Fused<T> {
    /// Backwards through the last convolution and the activation. Returns the gradient of the normalised hidden layer, planes, and
    /// sums of chunks: of it, of it times the deviation from the mean, of the outputs' gradient.
    fn upper(
        &self,
        z: &[T],
        g: &[T],
        weight: &[T],
        statistics: &[[f64; 2]],
        gains: &[[T; 2]],
        wanted: bool,
    ) -> (Vec<T>, Vec<Sums<T>>) {
        let (Sizes { hidden, outputs, .. }, layout) = (self.sizes, &*self.layout);
        let (len, columns, span) = (layout.len, layout.columns, &layout.span);
        let back = self.packed(weight, [outputs, hidden], None);
        let mut d = vec![T::ZERO; z.len()];
        let chunk_sums = |space: &mut Scratch<T>, (chunk, (d, g)): (usize, (&mut [T], &[T]))| {
            space.g.fill(T::ZERO);
            let planes = Correlation::<T>::planes(outputs) * len;
            let mut correlation = wanted.then(|| Correlation::new(outputs, hidden, self.distances(&self.taps)));
            let mut sums = vec![0.0; 2 * hidden + outputs];
            for (f, (d, g)) in d.chunks_exact_mut(hidden * len).zip(g.chunks_exact(outputs * columns)).enumerate() {
                let frame = chunk * CHUNK + f;
                let z = &z[frame * hidden * len..][..hidden * len];
                layout.forget(&mut space.g[..outputs * len]);
                layout.scatter(g, &mut space.g[..outputs * len]);
                if let Some(correlation) = &mut correlation {
                    self.hidden(frame, z, gains, &mut space.y, &mut space.weight);
                    correlation.add(&space.g[..planes], &space.y, len, &layout.column_blocks);
                }
                layout.repeat(&mut space.g[..outputs * len]);
                convolve(&back, &space.g[..outputs * len], &mut space.dy, len, &layout.domain_blocks);
                for (c, d) in d.chunks_exact_mut(len).enumerate() {
                    let plane = c * len + span.start..c * len + span.end;
                    let [factor, summand] = gains[c];
                    let weight = self.weight(frame, c, &mut space.weight);
                    let (dy, z, mean) = (&space.dy[plane.clone()], &z[plane], T::from_f64(statistics[c][0]));
                    let [alone, times] = activate_back(&mut d[span.clone()], dy, z, factor, summand, weight, mean);
                    sums[c] += alone;
                    sums[hidden + c] += times;
                }
                for (sum, g) in sums[2 * hidden..].iter_mut().zip(g.chunks_exact(columns)) {
                    *sum += sum_of(g);
                }
            }
            Sums { weight: correlation.map(|c| c.finish()), channels: sums }
        };
        let work = d.par_chunks_mut(CHUNK * hidden * len).zip(g.par_chunks(CHUNK * outputs * columns)).enumerate();
        let sums = work.map_init(|| Scratch::new(self.sizes, layout), chunk_sums).collect();
        (d, sums)
    }

    /// Backwards through the normalisation and the first convolution. Returns the gradient of the input, where wanted, and sums of
    /// chunks: of the gradient of the first convolution's output.
    fn lower(
        &self,
        z: &[T],
        d: &mut [T],
        x: &[T],
        weight: &[T],
        factors: &[[f64; 3]],
        [wants_input, wants_weight]: [bool; 2],
    ) -> Result<(Option<Tensor>, Vec<Sums<T>>), BoxError> {
        let (Sizes { inputs, hidden, .. }, layout) = (self.sizes, &*self.layout);
        let (len, columns, span) = (layout.len, layout.columns, &layout.span);
        let back = self.packed(weight, [hidden, inputs], None);
        let planes = Correlation::<T>::planes(hidden) * len;
        let chunk_sums = |space: &mut Scratch<T>, work: Chunk<'_, T>| {
            let (chunk, ((d, x), mut gx)) = work;
            space.g.fill(T::ZERO);
            let mut correlation = wants_weight.then(|| Correlation::new(hidden, inputs, self.distances(&self.taps)));
            let mut sums = vec![0.0; hidden];
            for (f, (d, x)) in d.chunks_exact_mut(hidden * len).zip(x.chunks_exact(inputs * columns)).enumerate() {
                let z = &z[(chunk * CHUNK + f) * hidden * len..][..hidden * len];
                for (c, (d, z)) in d.chunks_exact_mut(len).zip(z.chunks_exact(len)).enumerate() {
                    let factors = factors[c].map(T::from_f64);
                    sums[c] += normalise_back(&mut d[span.clone()], &z[span.clone()], factors, &self.weight);
                }
                space.g[..hidden * len].copy_from_slice(d);
                if let Some(correlation) = &mut correlation {
                    layout.scatter_rectified(x, &mut space.x);
                    layout.repeat(&mut space.x);
                    correlation.add(&space.g[..planes], &space.x, len, &layout.domain_blocks);
                }
                if let Some(gx) = &mut gx {
                    layout.repeat(&mut space.g[..hidden * len]);
                    convolve(&back, &space.g[..hidden * len], &mut space.dx, len, &layout.column_blocks);
                    layout.gather_rectified(&space.dx, x, &mut gx[f * inputs * columns..][..inputs * columns]);
                }
            }
            Sums { weight: correlation.map(|c| c.finish()), channels: sums }
        };
        let frames = x.len() / (inputs * columns);
        let shape = [frames as i64, inputs as i64, columns as i64];
        let mut sums = Vec::new();
        let mut run = |gx: Vec<Option<&mut [T]>>| {
            let work = d.par_chunks_mut(CHUNK * hidden * len).zip(x.par_chunks(CHUNK * inputs * columns));
            let work = work.zip(gx).enumerate();
            sums = work.map_init(|| Scratch::new(self.sizes, layout), chunk_sums).collect();
        };
        let gx = if wants_input {
            let fill = |gx: &mut [T]| run(gx.chunks_mut(CHUNK * inputs * columns).map(Some).collect());
            Some(filled::<T>(&shape, fill)?)
        } else {
            run((0..frames.div_ceil(CHUNK)).map(|_| None).collect());
            None
        };
        Ok((gx, sums))
    }
}

/// Planes of one thread.
struct Scratch<T> {
    x: Vec<T>,
    dx: Vec<T>,
    y: Vec<T>,
    dy: Vec<T>,
    g: Vec<T>,
    weight: Vec<T>,
}

impl<T: Real> Scratch<T> {
    fn new(sizes: Sizes, layout: &Layout) -> Self {
        let planes = |n: usize| vec![T::ZERO; n * layout.len];
        Self {
            x: planes(sizes.inputs),
            dx: planes(sizes.inputs),
            y: planes(sizes.hidden),
            dy: planes(sizes.hidden),
            g: planes(Correlation::<T>::planes(sizes.outputs).max(Correlation::<T>::planes(sizes.hidden))),
            weight: vec![T::ZERO; layout.span.len()],
        }
    }
}

/// The number of a chunk, its hidden gradient, its input, and where the gradient of the input goes, if it is wanted.
type Chunk<'a, T> = (usize, ((&'a mut [T], &'a [T]), Option<&'a mut [T]>));

/// What a chunk of frames adds to gradients.
struct Sums<T> {
    weight: Option<Vec<T>>,
    channels: Vec<f64>,
}

impl<T: Real> Op for Fused<T> {
    const NAME: &'static str = "HexDecoder";

    fn forward(&self, inputs: &[Tensor], _: &[bool]) -> Result<Forward, BoxError> {
        let [x, w1, b1, gain, shift, w2, b2] = [0, 1, 2, 3, 4, 5, 6].map(|i| as_slice::<T>(&inputs[i]));
        let (Sizes { inputs: i, hidden, outputs, .. }, layout) = (self.sizes, &*self.layout);
        let (len, columns, span) = (layout.len, layout.columns, &layout.span);
        let frames = x.len() / (i * columns);
        let first = self.packed(w1, [hidden, i], Some(b1));
        let mut sums: Vec<Vec<f64>> = vec![Vec::new(); frames];
        let z = filled::<T>(&[frames as i64, hidden as i64, len as i64], |z| {
            let work = z.par_chunks_exact_mut(hidden * len).zip(x.par_chunks_exact(i * columns)).zip(&mut sums);
            work.for_each_init(
                || vec![T::ZERO; i * len],
                |planes, ((z, x), sums)| {
                    layout.scatter_rectified(x, planes);
                    layout.repeat(planes);
                    z.fill(T::ZERO);
                    convolve(&first, planes, z, len, &layout.domain_blocks);
                    *sums = z.chunks_exact_mut(len).map(|z| mask(&mut z[span.clone()], &self.weight)).collect();
                },
            );
        })?;
        let zs = as_slice::<T>(&z);
        let statistics = match &self.statistics {
            Statistics::Batch => self.batch_statistics(zs, &sums, b1),
            Statistics::Given(list) => list.clone(),
        };
        let gains = self.gains(&statistics, gain, shift);
        let last = self.packed(w2, [outputs, hidden], Some(b2));
        let y = filled::<T>(&[frames as i64, outputs as i64, columns as i64], |out| {
            let work = out.par_chunks_exact_mut(outputs * columns).zip(zs.par_chunks_exact(hidden * len)).enumerate();
            work.for_each_init(
                || Scratch::new(self.sizes, layout),
                |space, (frame, (out, z))| {
                    self.hidden(frame, z, &gains, &mut space.y, &mut space.weight);
                    convolve(&last, &space.y, &mut space.g[..outputs * len], len, &layout.column_blocks);
                    layout.gather(&space.g[..outputs * len], out);
                },
            );
        })?;
        let column = |k: usize| {
            let values: Vec<T> = statistics.iter().map(|s| T::from_f64(s[k])).collect();
            filled::<T>(&[hidden as i64], |to| to.copy_from_slice(&values))
        };
        let saved_statistics = Tensor::f_from_slice(statistics.as_flattened())?;
        let mut saved: Vec<Tensor> = inputs.iter().map(Tensor::shallow_clone).collect();
        saved.extend([z.shallow_clone(), saved_statistics]);
        Ok(Forward { outputs: vec![y, column(0)?, column(1)?], saved })
    }

    fn backward(
        &self,
        saved: &[Tensor],
        grads: &[Option<Tensor>],
        needs: &[bool],
    ) -> Result<Vec<Option<Tensor>>, BoxError> {
        let Some(grad) = &grads[0] else {
            return Ok((0..7).map(|_| None).collect());
        };
        let grad = grad.f_contiguous()?;
        let [x, w1, b1, gain, shift, w2, _, z] = [0, 1, 2, 3, 4, 5, 6, 7].map(|i| as_slice::<T>(&saved[i]));
        let (statistics, _) = as_slice::<f64>(&saved[8]).as_chunks::<2>();
        let Sizes { inputs, hidden, outputs, .. } = self.sizes;
        let frames = x.len() / (inputs * self.layout.columns);

        let gains = self.gains(statistics, gain, shift);
        let (mut d, upper) = self.upper(z, as_slice::<T>(&grad), w2, statistics, &gains, needs[5]);
        let total = |sums: &[Sums<T>], index: usize| sums.iter().map(|s| s.channels[index]).sum::<f64>();

        // through the normalisation: d <- a d + b + c z
        let count = self.count(frames);
        let factors = |c: usize| {
            let [mean, variance] = statistics[c];
            let inverse = 1.0 / (variance + self.eps).sqrt();
            let a = gain[c].to_f64() * inverse;
            match self.statistics {
                Statistics::Given(_) => [a, 0.0, 0.0],
                Statistics::Batch => {
                    let along = a * total(&upper, hidden + c) * inverse * inverse / count;
                    [a, along * mean - a * total(&upper, c) / count, -along]
                }
            }
        };
        let factors: Vec<[f64; 3]> = (0..hidden).map(factors).collect();
        let (gx, lower) = self.lower(z, &mut d, x, w1, &factors, [needs[0], needs[1]])?;

        let beyond = (frames * self.layout.beyond) as f64;
        let of_bias = |c: usize| {
            let [_, b, along] = factors[c];
            total(&lower, c) + beyond * (b + along * b1[c].to_f64())
        };
        let of_gain = |c: usize| total(&upper, hidden + c) / (statistics[c][1] + self.eps).sqrt();
        let weights = |sums: &[Sums<T>], sizes: [usize; 2]| {
            let chunks: Vec<&Vec<T>> = sums.iter().filter_map(|s| s.weight.as_ref()).collect();
            self.weight_gradient(sizes, &chunks)
        };
        let channels = |n: usize, of: &dyn Fn(usize) -> f64| {
            let values: Vec<T> = (0..n).map(|c| T::from_f64(of(c))).collect();
            filled::<T>(&[n as i64], |to| to.copy_from_slice(&values))
        };
        Ok(vec![
            gx,
            needs[1].then(|| weights(&lower, [hidden, inputs])).transpose()?,
            Some(channels(hidden, &of_bias)?),
            Some(channels(hidden, &of_gain)?),
            Some(channels(hidden, &|c| total(&upper, c))?),
            needs[5].then(|| weights(&upper, [outputs, hidden])).transpose()?,
            Some(channels(outputs, &|c| total(&upper, 2 * hidden + c))?),
        ]
        .into_iter()
        .zip(needs)
        .map(|(gradient, need)| gradient.filter(|_| *need))
        .collect())
    }
}
