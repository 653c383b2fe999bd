//! PyTorch's normal numbers on the CPU, without its global generator.
//!
//! A 32-bit Mersenne twister (Matsumoto & Nishimura, *ACM TOMACS* 8, 3 (1998)) gives uniform numbers with 24 bits, sixteen of which become
//! sixteen normal ones at a time (Box & Muller, *Ann. Math. Stat.* 29, 610 (1958)): the first eight radii, the last eight angles.

const N: usize = 624;
const M: usize = 397;

/// A generator.
#[derive(Debug)]
pub(super) struct Normal {
    state: [u32; N],
    next: usize,
}

impl Normal {
    pub(super) fn new(seed: u64) -> Self {
        let mut state = [0u32; N];
        // the reference takes the low half of a seed
        state[0] = seed as u32;
        for i in 1..N {
            state[i] = 1_812_433_253u32.wrapping_mul(state[i - 1] ^ (state[i - 1] >> 30)).wrapping_add(i as u32);
        }
        Self { state, next: N }
    }

    fn word(&mut self) -> u32 {
        if self.next == N {
            for i in 0..N {
                let y = (self.state[i] & 0x8000_0000) | (self.state[(i + 1) % N] & 0x7fff_ffff);
                let twist = if y & 1 == 1 { 0x9908_b0df } else { 0 };
                self.state[i] = self.state[(i + M) % N] ^ (y >> 1) ^ twist;
            }
            self.next = 0;
        }
        let mut y = self.state[self.next];
        self.next += 1;
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c_5680;
        y ^= (y << 15) & 0xefc6_0000;
        y ^ (y >> 18)
    }

    fn uniform(&mut self) -> f32 {
        (self.word() & 0x00ff_ffff) as f32 / 16_777_216.0
    }

    /// `n` numbers of the standard normal distribution; as PyTorch draws them for 16 or more (fewer are the first of 16).
    pub(super) fn fill(&mut self, n: usize) -> Vec<f32> {
        let whole = n.max(16);
        let mut numbers: Vec<f32> = (0..whole).map(|_| self.uniform()).collect();
        for sixteen in numbers.chunks_exact_mut(16) {
            to_normal(sixteen);
        }
        if !whole.is_multiple_of(16) {
            // the last sixteen are drawn again
            let last = &mut numbers[whole - 16..];
            for number in last.iter_mut() {
                *number = self.uniform();
            }
            to_normal(last);
        }
        numbers.truncate(n);
        numbers
    }
}

fn to_normal(sixteen: &mut [f32]) {
    let (first, second) = sixteen.split_at_mut(8);
    for (a, b) in first.iter_mut().zip(second) {
        let radius = (-2.0 * (1.0 - *a).ln()).sqrt();
        let angle = std::f32::consts::TAU * *b;
        *a = radius * angle.cos();
        *b = radius * angle.sin();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind, Tensor};

    #[test]
    fn equals_libtorch() {
        for (seed, n) in [(0, 65), (1, 64), (7, 100), (123_456, 16)] {
            tch::manual_seed(seed);
            let want = Vec::<f32>::try_from(Tensor::randn([n], (Kind::Float, Device::Cpu))).unwrap();
            for (g, w) in Normal::new(seed as u64).fill(n as usize).iter().zip(want) {
                assert!((g - w).abs() < 2e-6, "seed {seed}, {n} numbers: {g} and {w}");
            }
        }
    }
}
