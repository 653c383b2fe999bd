//! Where the columns of the eye lie in memory while they are convolved.

use connectome_graph::hex::{Axial, Lattice};
use tch_function::math::Number;

/// A plane of numbers for the columns of a lattice and the positions around it, in which a displacement is a constant distance.
///
/// The map of the reference is the rhombus `|u|, |v| <= extent`. Its `domain` is where the hidden layer is computed.
/// With [`Domain::Map`] rows lie one after the other with a gap of zeros between. With [`Domain::Reach`], positions of the map
/// within a kernel's radius of the hexagon, the row `u > 0` shares a line with the row `u - extent - 1`, which is long where the
/// other is short; rows that neighbours in both halves need lie there twice (`copies`).
#[derive(Debug)]
pub(super) struct Layout {
    /// Numbers in a plane.
    pub(super) len: usize,
    /// Number of columns.
    pub(super) columns: usize,
    /// Columns that lie one after the other as they are numbered: rows of the lattice.
    rows: Vec<Row>,
    /// What lies twice: from, to.
    pub(super) copies: Vec<(u32, u32)>,
    /// Positions of the map in the domain.
    pub(super) positions: usize,
    /// The domain in rows: numbers in the map, row-major, and where they lie.
    pub(super) domain: Vec<Row>,
    /// Positions of the map outside the domain, which see nothing of the hexagon.
    pub(super) beyond: usize,
    /// Starts of blocks of places, a register each, that cover the domain.
    pub(super) domain_blocks: Vec<u32>,
    /// The same for the columns.
    pub(super) column_blocks: Vec<u32>,
    /// Distance of each weight of the kernel, `[kernel * kernel]`.
    pub(super) distances: Vec<i32>,
    /// Which weights are in the hexagon of the kernel.
    pub(super) inside: Vec<usize>,
    /// Places that the hidden layer goes over: from the first to behind the last of the domain.
    pub(super) span: std::ops::Range<usize>,
}

/// Where the hidden layer is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Domain {
    /// Wherever it can see the hexagon and be seen from it.
    Reach,
    /// On the whole map.
    Map,
}

/// Whether a weight lies in the hexagon of a kernel of this radius.
pub(super) fn is_inside(displacement: Axial, radius: i32) -> bool {
    displacement.norm() as i32 <= radius
}

/// Displacements of the weights of a kernel, row-major.
pub(super) fn displacements(radius: i32) -> impl Iterator<Item = Axial> {
    (-radius..=radius).flat_map(move |u| (-radius..=radius).map(move |v| Axial::new(u, v)))
}

impl Layout {
    /// For a lattice and a kernel of `2 radius + 1`, in blocks of `lanes`.
    pub(super) fn new(lattice: &Lattice, radius: u32, domain: Domain, lanes: usize) -> Self {
        let (n, r) = (lattice.extent().0 as i32, radius as i32);
        let folded = domain == Domain::Reach;
        // the second half of a line begins where the first has ended and a gap of the radius follows
        let shift = n + 3 * r;
        let stride = if folded { 2 * n + 1 + shift + r } else { 2 * n + 1 + r };
        let lines = if folded { n + 2 + 2 * r } else { 2 * n + 1 + 2 * r };
        let origin = if folded { r * stride + n + r } else { (n + r) * stride + n + r };
        let first = |p: Axial| (origin + p.u * stride + p.v) as u32;
        let second = |p: Axial| (origin + (p.u + n + 1) * stride + p.v + shift) as u32;
        let place = |p: Axial| if folded && p.u < 0 { second(p) } else { first(p) };

        let all = || displacements(n).filter(|p| domain == Domain::Map || p.norm() as i32 <= n + r);
        let mut copies = Vec::new();
        if folded {
            for p in all() {
                if p.u < 0 && p.u >= -r {
                    copies.push((second(p), first(p)));
                } else if p.u >= 0 && p.u <= r {
                    copies.push((first(p), second(p)));
                }
            }
        }
        let len = (lines * stride + 2 * r) as usize + 2 * lanes + r as usize;
        let places: Vec<u32> = all().map(place).collect();
        let columns: Vec<u32> = lattice.columns().map(place).collect();
        let side = 2 * n + 1;
        let number = |p: Axial| ((p.u + n) * side + p.v + n) as u32;
        let start = places.iter().min().map_or(0, |&p| p as usize);
        let end = places.iter().max().map_or(0, |&p| p as usize + 1);
        Self {
            len,
            copies,
            beyond: (side * side) as usize - places.len(),
            domain_blocks: cover(&places, lanes),
            column_blocks: cover(&columns, lanes),
            rows: rows((0..).zip(columns.iter().copied())),
            columns: columns.len(),
            positions: places.len(),
            domain: rows(all().map(|p| (number(p), place(p)))),
            distances: displacements(r).map(|d| d.u * stride + d.v).collect(),
            inside: displacements(r).enumerate().filter(|(_, d)| is_inside(*d, r)).map(|(i, _)| i).collect(),
            span: start..end,
        }
    }

    /// Writes the columns of some channels, `[channels, columns]`, into planes `[channels, len]`, whose other places stay.
    pub(super) fn scatter<T: Copy>(&self, columns: &[T], planes: &mut [T]) {
        for (from, plane) in columns.chunks_exact(self.columns).zip(planes.chunks_exact_mut(self.len)) {
            for row in &self.rows {
                plane[row.places()].copy_from_slice(&from[row.numbers()]);
            }
        }
    }

    /// The same of what is above zero.
    pub(super) fn scatter_rectified<T: Number>(&self, columns: &[T], planes: &mut [T]) {
        for (from, plane) in columns.chunks_exact(self.columns).zip(planes.chunks_exact_mut(self.len)) {
            for row in &self.rows {
                for (to, value) in plane[row.places()].iter_mut().zip(&from[row.numbers()]) {
                    // NaN stays
                    *to = if *value < T::ZERO { T::ZERO } else { *value };
                }
            }
        }
    }

    /// The opposite of [`Layout::scatter`].
    pub(super) fn gather<T: Copy>(&self, planes: &[T], columns: &mut [T]) {
        for (to, plane) in columns.chunks_exact_mut(self.columns).zip(planes.chunks_exact(self.len)) {
            for row in &self.rows {
                to[row.numbers()].copy_from_slice(&plane[row.places()]);
            }
        }
    }

    /// The gradient of what was rectified: from planes to the columns where `x` was above zero.
    pub(super) fn gather_rectified<T: Number>(&self, planes: &[T], x: &[T], columns: &mut [T]) {
        let channels = columns.chunks_exact_mut(self.columns).zip(x.chunks_exact(self.columns));
        for ((to, x), plane) in channels.zip(planes.chunks_exact(self.len)) {
            for row in &self.rows {
                let values = to[row.numbers()].iter_mut().zip(&x[row.numbers()]);
                for ((to, x), gradient) in values.zip(&plane[row.places()]) {
                    *to = if *x <= T::ZERO { T::ZERO } else { *gradient };
                }
            }
        }
    }

    /// Writes what lies twice.
    pub(super) fn repeat<T: Copy>(&self, planes: &mut [T]) {
        for plane in planes.chunks_exact_mut(self.len) {
            for &(from, to) in &self.copies {
                plane[to as usize] = plane[from as usize];
            }
        }
    }

    /// Clears what lies twice, for sums in which each position counts once.
    pub(super) fn forget<T: Copy + Default>(&self, planes: &mut [T]) {
        for plane in planes.chunks_exact_mut(self.len) {
            for &(_, to) in &self.copies {
                plane[to as usize] = T::default();
            }
        }
    }
}

/// Positions with consecutive numbers that lie one after the other.
#[derive(Debug)]
pub(super) struct Row {
    number: usize,
    place: usize,
    length: usize,
}

impl Row {
    /// Where they lie.
    pub(super) fn places(&self) -> std::ops::Range<usize> {
        self.place..self.place + self.length
    }

    /// Their numbers.
    pub(super) fn numbers(&self) -> std::ops::Range<usize> {
        self.number..self.number + self.length
    }
}

/// Rows of positions with these numbers and places.
fn rows(positions: impl Iterator<Item = (u32, u32)>) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for (number, place) in positions {
        let (number, place) = (number as usize, place as usize);
        match rows.last_mut() {
            Some(row) if row.places().end == place && row.numbers().end == number => row.length += 1,
            _ => rows.push(Row { number, place, length: 1 }),
        }
    }
    rows
}

/// Starts of as few blocks as possible that cover all places without overlap.
fn cover(places: &[u32], lanes: usize) -> Vec<u32> {
    let mut sorted = places.to_vec();
    sorted.sort_unstable();
    let mut starts: Vec<u32> = Vec::new();
    for place in sorted {
        if starts.last().is_none_or(|&start| place >= start + lanes as u32) {
            starts.push(place);
        }
    }
    starts
}
