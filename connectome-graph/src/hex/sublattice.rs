//! Columns at which the cells of a type stand, numbered by arithmetic.

use connectome_io::Placement;

use super::{Axial, Lattice};

/// The columns of a lattice whose `u` and `v` are multiples of a stride, in lattice order.
#[derive(Debug, Clone)]
pub(super) struct Sublattice {
    lattice: Lattice,
    extent: i64,
    stride: [i64; 2],
    /// Number of cells in rows before each one, and in all.
    row_start: Vec<u64>,
}

/// Cells `source_first + k * source_step` connect to `target_first + k * target_step` for `k` below `count`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    pub(super) source_first: u64,
    pub(super) source_step: u64,
    pub(super) target_first: u64,
    pub(super) target_step: u64,
    pub(super) count: u64,
}

impl Sublattice {
    pub(super) fn new(lattice: Lattice, placement: Placement) -> Self {
        let extent = i64::from(lattice.extent().0);
        // Beyond the extent all strides select the central row only, as does a single cell.
        let stride = match placement {
            Placement::Stride(stride) => stride.map(|s| i64::from(s).clamp(1, extent + 1)),
            Placement::Single => [extent + 1; 2],
        };
        let mut sub = Self { lattice, extent, stride, row_start: Vec::new() };
        let rows = extent / stride[0];
        let mut total = 0;
        sub.row_start.push(0);
        for row in -rows..=rows {
            let (first, last) = sub.v_range(row * stride[0]);
            total += ((last - first) / stride[1] + 1) as u64;
            sub.row_start.push(total);
        }
        sub
    }

    /// Number of cells; never 0, since the central column belongs to every stride.
    pub(super) fn len(&self) -> u64 {
        self.row_start[self.row_start.len() - 1]
    }

    /// Rank of the cell at a column, if there is one.
    pub(super) fn rank(&self, column: Axial) -> Option<u64> {
        let (u, v) = (i64::from(column.u), i64::from(column.v));
        (self.lattice.contains(column) && u % self.stride[0] == 0 && v % self.stride[1] == 0)
            .then(|| self.rank_unchecked(u, v))
    }

    /// Columns of the cells in order of rank.
    pub(super) fn columns(&self) -> impl Iterator<Item = Axial> + '_ {
        let rows = self.extent / self.stride[0];
        (-rows..=rows).flat_map(move |row| {
            let u = row * self.stride[0];
            let (first, last) = self.v_range(u);
            (first..=last).step_by(self.stride[1] as usize).map(move |v| Axial::new(u as i32, v as i32))
        })
    }

    /// Pairs (cell here, cell of `targets` at the column displaced by `offset`), in order of the cells here.
    pub(super) fn for_each_run(&self, targets: &Self, offset: Axial, mut visit: impl FnMut(Run)) {
        let (n, du, dv) = (self.extent, i64::from(offset.u), i64::from(offset.v));
        let Some((u_residue, u_step)) = common_multiples(self.stride[0], targets.stride[0], du) else {
            return;
        };
        let Some((v_residue, v_step)) = common_multiples(self.stride[1], targets.stride[1], dv) else {
            return;
        };
        let (u_low, u_high) = ((-n).max(-n - du), n.min(n - du));
        let mut u = first_from(u_low, u_residue, u_step);
        while u <= u_high {
            let (here, there) = (self.lattice.v_range(u as i32), self.lattice.v_range((u + du) as i32));
            let low = i64::from(here.0).max(i64::from(there.0) - dv);
            let high = i64::from(here.1).min(i64::from(there.1) - dv);
            let v = first_from(low, v_residue, v_step);
            if v <= high {
                visit(Run {
                    source_first: self.rank_unchecked(u, v),
                    source_step: (v_step / self.stride[1]) as u64,
                    target_first: targets.rank_unchecked(u + du, v + dv),
                    target_step: (v_step / targets.stride[1]) as u64,
                    count: ((high - v) / v_step + 1) as u64,
                });
            }
            u += u_step;
        }
    }

    fn rank_unchecked(&self, u: i64, v: i64) -> u64 {
        let row = u / self.stride[0] + self.extent / self.stride[0];
        self.row_start[row as usize] + ((v - self.v_range(u).0) / self.stride[1]) as u64
    }

    /// First and last multiple of the stride among the `v` of a row.
    fn v_range(&self, u: i64) -> (i64, i64) {
        // every row holds v = 0 or a sign change of v, so truncation rounds inwards
        let (first, last) = self.lattice.v_range(u as i32);
        let whole = |v: i32| i64::from(v) / self.stride[1] * self.stride[1];
        (whole(first), whole(last))
    }
}

/// Residue and modulus of the numbers `x` with `x` divisible by `a` and `x + shift` divisible by `b`.
fn common_multiples(a: i64, b: i64, shift: i64) -> Option<(i64, i64)> {
    let divisor = gcd(a, b);
    if shift % divisor != 0 {
        return None;
    }
    let residue = (0..b / divisor).map(|k| k * a).find(|x| (x + shift) % b == 0)?;
    Some((residue, a / divisor * b))
}

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Least number from `low` on that is congruent to `residue` modulo `step`.
fn first_from(low: i64, residue: i64, step: i64) -> i64 {
    low + (residue - low).rem_euclid(step)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex::Extent;
    use proptest::prelude::*;

    fn placement() -> impl Strategy<Value = Placement> {
        prop_oneof![
            Just(Placement::Single),
            (1..6u32, 1..6u32).prop_map(|(a, b)| Placement::Stride([a, b])),
            Just(Placement::Stride([u32::MAX, 1])),
        ]
    }

    /// Is there a cell here, by the definition of the placement?
    fn stands(placement: Placement, at: Axial) -> bool {
        match placement {
            Placement::Single => at == Axial::ORIGIN,
            Placement::Stride([a, b]) => i64::from(at.u) % i64::from(a) == 0 && i64::from(at.v) % i64::from(b) == 0,
        }
    }

    proptest! {
        /// Ranks, columns and runs agree with a walk over all columns.
        #[test]
        fn arithmetic_agrees_with_a_walk(
            n in 0..8u32, source in placement(), target in placement(), du in -20..20i32, dv in -20..20i32,
        ) {
            let lattice = Lattice::new(Extent(n)).unwrap();
            let (a, b) = (Sublattice::new(lattice, source), Sublattice::new(lattice, target));
            let walk: Vec<Axial> = lattice.columns().filter(|&c| stands(source, c)).collect();
            prop_assert_eq!(a.columns().collect::<Vec<_>>(), walk.clone());
            prop_assert_eq!(a.len(), walk.len() as u64);
            let offset = Axial::new(du, dv);
            let mut expected = Vec::new();
            for (rank, &column) in walk.iter().enumerate() {
                prop_assert_eq!(a.rank(column), Some(rank as u64));
                if lattice.contains(column + offset) && stands(target, column + offset) {
                    expected.push((rank as u64, b.rank(column + offset).unwrap()));
                }
            }
            let mut pairs = Vec::new();
            a.for_each_run(&b, offset, |run| {
                pairs.extend((0..run.count).map(|k| {
                    (run.source_first + k * run.source_step, run.target_first + k * run.target_step)
                }));
            });
            prop_assert_eq!(pairs, expected);
        }
    }
}
