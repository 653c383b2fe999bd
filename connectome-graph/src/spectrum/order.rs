//! Eigenvalues of real matrices: real ones and conjugate pairs, in order.

use num_complex::Complex64;

/// Which eigenvalues come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Select {
    /// Those of largest modulus.
    Modulus,
    /// Those of largest real part, which decide whether a network at rest is stable.
    RealPart,
}

/// A real eigenvalue, or a pair of conjugate ones.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Eigenvalue {
    /// A real one.
    Real(f64),
    /// The one of the pair with positive imaginary part.
    Pair(Complex64),
}

impl Eigenvalue {
    /// What it is sorted by, largest first.
    pub(super) fn key(self, select: Select) -> f64 {
        match (self, select) {
            (Self::Real(x), Select::Modulus) => x.abs(),
            (Self::Real(x), Select::RealPart) => x,
            (Self::Pair(z), Select::Modulus) => z.norm(),
            (Self::Pair(z), Select::RealPart) => z.re,
        }
    }

    pub(super) fn times(self, factor: f64) -> Self {
        match self {
            Self::Real(x) => Self::Real(x * factor),
            Self::Pair(z) => Self::Pair(z * factor),
        }
    }

    pub(super) fn values(self) -> Vec<Complex64> {
        match self {
            Self::Real(x) => vec![x.into()],
            Self::Pair(z) => vec![z, z.conj()],
        }
    }
}

/// Sorts by descending key; of equal keys, larger real parts first.
pub(super) fn sort<T>(items: &mut [T], select: Select, value: impl Fn(&T) -> Eigenvalue) {
    items.sort_by(|a, b| {
        let (a, b) = (value(a), value(b));
        let other = Select::RealPart;
        b.key(select).total_cmp(&a.key(select)).then(b.key(other).total_cmp(&a.key(other)))
    });
}

/// Joins computed eigenvalues of a real matrix of the given norm to real ones and pairs; with each the positions of its
/// values, for real ones the same twice.
///
/// Rounding leaves them almost conjugate and almost real; a defective real eigenvalue may come out as a few complex ones
/// around it that are not conjugate, which are then taken as real.
pub(super) fn conjugates(values: &[Complex64], norm: f64) -> Vec<(Eigenvalue, [usize; 2])> {
    let rounding = 100.0 * f64::EPSILON * norm;
    let mut below: Vec<usize> = (0..values.len()).filter(|&i| values[i].im < -rounding).collect();
    let mut joined = Vec::with_capacity(values.len());
    for (i, z) in values.iter().enumerate() {
        if z.im < -rounding {
            continue;
        }
        let distance = |j: usize| (values[j].conj() - z).norm();
        let nearest = (0..below.len()).min_by(|&a, &b| distance(below[a]).total_cmp(&distance(below[b])));
        match nearest {
            Some(at) if z.im > rounding => {
                let j = below.swap_remove(at);
                joined.push((Eigenvalue::Pair((z + values[j].conj()) / 2.0), [i, j]));
            }
            _ => joined.push((Eigenvalue::Real(z.re), [i, i])),
        }
    }
    joined.extend(below.into_iter().map(|i| (Eigenvalue::Real(values[i].re), [i, i])));
    joined
}
