//! Where cells stand in planes and in packed states, for a number of samples side by side.

use std::ops::Range;

use connectome_graph::hex::Axial;
use tch_sparse::Real;
use tch_sparse::kernel::Tier;

use super::{Stencil, Tap};

/// Lines of a plane that are computed together: `rows` rows of `lines` lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tile {
    pub(super) rows: u8,
    pub(super) lines: u8,
    /// The first number in the plane.
    pub(super) out: u32,
    /// The first number in the packed state.
    pub(super) packed: u32,
}

/// Rows and lines of tiles for which there are kernels.
pub(super) const SHAPES: [(u8, u8); 24] = [
    (1, 1),
    (1, 2),
    (1, 3),
    (1, 4),
    (1, 5),
    (1, 6),
    (1, 7),
    (1, 8),
    (2, 1),
    (2, 2),
    (2, 3),
    (2, 4),
    (2, 5),
    (2, 6),
    (3, 1),
    (3, 2),
    (3, 3),
    (3, 4),
    (4, 1),
    (4, 2),
    (4, 3),
    (6, 1),
    (6, 2),
    (8, 1),
];

/// The layout.
#[derive(Debug)]
pub(in crate::network) struct Block<T> {
    pub(super) width: usize,
    /// Numbers of a row of a plane.
    pub(super) stride: usize,
    pub(super) plane_len: usize,
    /// Zeros before the first plane and after the last one, so that no shift leads out.
    pub(super) lead: usize,
    pub(super) trail: usize,
    pub(super) output_len: usize,
    pub(super) tiles: Vec<Tile>,
    /// Numbers of a type in a packed state.
    pub(super) packed_len: usize,
    /// Where each column stands in the packed state of a type, and in a plane.
    pub(super) packed_at: Vec<u32>,
    plane_at: Vec<u32>,
    /// 1 where a type has a cell, by kind of mask, packed.
    masks: Vec<Vec<T>>,
    mask_of: Vec<u32>,
    /// First cell of each type, and the columns of its cells by number.
    layers: Vec<(Range<u32>, Vec<u32>)>,
    pub(super) shifts_by_target: Vec<i32>,
    pub(super) shifts_by_source: Vec<i32>,
}

impl<T: Real> Block<T> {
    pub(super) fn new(stencil: &Stencil, width: usize) -> Self {
        let line = 64 / size_of::<T>();
        let lattice = stencil.on.lattice;
        let n = lattice.extent().0 as i32;
        let side = 2 * n as usize + 1;
        let [halo_u, halo_v] = stencil.halo.map(|h| h as usize);
        let stride = ((side + halo_v) * width).next_multiple_of(line);
        let rows = side + 2 * halo_u;
        let plane_len = rows * stride;

        // the lines that hold cells, row by row
        let mut needed: Vec<Range<usize>> = Vec::with_capacity(side);
        for u in -n..=n {
            let (first, last) = ((-n).max(-n - u), n.min(n - u));
            let start = (first + n) as usize * width / line;
            let end = ((last + n) as usize * width + width).div_ceil(line);
            needed.push(start..end);
        }
        let tiles = tiles(&needed, halo_u, stride, line);
        let packed_len = tiles.iter().map(|t| usize::from(t.rows) * usize::from(t.lines) * line).sum();

        let mut packed_of_plane = vec![u32::MAX; plane_len];
        for_each_row(&tiles, stride, line, |plane, packed, len| {
            for i in 0..len {
                packed_of_plane[plane + i] = (packed + i) as u32;
            }
        });
        let plane_position = |c: Axial| ((c.u + n) as usize + halo_u) * stride + (c.v + n) as usize * width;
        let plane_at: Vec<u32> = lattice.columns().map(|c| plane_position(c) as u32).collect();
        let packed_at: Vec<u32> = plane_at.iter().map(|&at| packed_of_plane[at as usize]).collect();

        let mut masks: Vec<Vec<T>> = Vec::new();
        let mut kinds: Vec<Vec<u32>> = Vec::new();
        let mut mask_of = Vec::new();
        let mut layers = Vec::new();
        for layer in &stencil.on.layers {
            let columns: Vec<u32> = layer.columns.iter().filter_map(|&c| lattice.index(c)).collect();
            let kind = kinds.iter().position(|known| *known == columns).unwrap_or_else(|| {
                let mut mask = vec![T::ZERO; packed_len];
                for &column in &columns {
                    mask[packed_at[column as usize] as usize..][..width].fill(T::ONE);
                }
                masks.push(mask);
                kinds.push(columns.clone());
                kinds.len() - 1
            });
            mask_of.push(kind as u32);
            layers.push((layer.cells.clone(), columns));
        }

        let offset = |tap: &Tap| tap.du as isize * stride as isize + tap.dv as isize * width as isize;
        let plane = |t: u32| t as isize * plane_len as isize;
        // a target takes from the source that stands against the displacement
        let shifts_by_target = shifts(&stencil.by_target.taps, |tap| plane(tap.source) - offset(tap));
        let shifts_by_source = shifts(&stencil.by_source.taps, |tap| plane(tap.target) + offset(tap));
        // A shift leads at most `halo_u` rows and `halo_v` columns out of the rows with cells, which planes have room for but for the
        // columns at the ends of all.
        let beyond = (halo_v * width).next_multiple_of(line) + line;
        let block = Self {
            width,
            stride,
            plane_len,
            lead: beyond,
            trail: beyond,
            output_len: 2 * beyond + stencil.n_types * plane_len,
            tiles,
            packed_len,
            packed_at,
            plane_at,
            masks,
            mask_of,
            layers,
            shifts_by_target,
            shifts_by_source,
        };
        block.check(line);
        block
    }

    /// What the kernels rely on: every tile, shifted by every tap, lies within the outputs.
    fn check(&self, line: usize) {
        let all = self.output_len;
        let extremes = self.shifts_by_target.iter().chain(&self.shifts_by_source);
        let (least, most) = extremes.fold((0, 0), |(l, m), &s| (s.min(l), s.max(m)));
        for tile in &self.tiles {
            let first = self.lead as isize + tile.out as isize;
            let length = (usize::from(tile.rows) - 1) * self.stride + usize::from(tile.lines) * line;
            let fits = first + least as isize >= 0 && first + most as isize + length as isize <= all as isize;
            assert!(fits, "a tile at {first} of length {length}, shifted by {least} to {most}, leaves {all} numbers");
            assert!(SHAPES.contains(&(tile.rows, tile.lines)), "no kernel for {tile:?}");
        }
    }

    /// 1 where a type has a cell, packed.
    pub(super) fn mask(&self, t: usize) -> &[T] {
        &self.masks[self.mask_of[t] as usize]
    }

    fn layer_of(&self, cell: u32) -> (usize, u32) {
        let t = self.layers.partition_point(|(cells, _)| cells.end <= cell);
        let (cells, columns) = &self.layers[t];
        (t, columns[(cell - cells.start) as usize])
    }

    /// Where a cell's first sample stands in a packed state.
    pub(super) fn cell_at(&self, cell: u32) -> usize {
        let (t, column) = self.layer_of(cell);
        t * self.packed_len + self.packed_at[column as usize] as usize
    }

    /// The same of all cells.
    pub(super) fn cells(&self) -> Vec<usize> {
        let at = |t: usize| move |&column: &u32| t * self.packed_len + self.packed_at[column as usize] as usize;
        self.layers.iter().enumerate().flat_map(|(t, (_, columns))| columns.iter().map(at(t))).collect()
    }

    /// Where a cell's first sample stands in outputs.
    pub(super) fn output_at(&self, cell: u32) -> usize {
        let (t, column) = self.layer_of(cell);
        self.lead + t * self.plane_len + self.plane_at[column as usize] as usize
    }

    /// The planes among outputs.
    pub(super) fn planes_of<'a>(&self, outputs: &'a mut [T]) -> &'a mut [T] {
        let end = outputs.len() - self.trail;
        &mut outputs[self.lead..end]
    }

    pub(super) fn planes_mut<'a>(&self, outputs: &'a mut [T]) -> impl Iterator<Item = &'a mut [T]> + use<'a, T> {
        self.planes_of(outputs).chunks_exact_mut(self.plane_len)
    }

    pub(super) fn planes<'a>(&self, outputs: &'a [T]) -> impl Iterator<Item = &'a [T]> + use<'a, T> {
        outputs[self.lead..outputs.len() - self.trail].chunks_exact(self.plane_len)
    }

    /// Writes packed numbers to their lines of a plane.
    pub(super) fn unpack(&self, packed: &[T], plane: &mut [T]) {
        for_each_row(&self.tiles, self.stride, 64 / size_of::<T>(), |to, from, len| {
            plane[to..to + len].copy_from_slice(&packed[from..from + len]);
        });
    }

    /// Reads packed numbers from their lines of a plane.
    pub(super) fn pack(&self, plane: &[T], packed: &mut [T]) {
        for_each_row(&self.tiles, self.stride, 64 / size_of::<T>(), |from, to, len| {
            packed[to..to + len].copy_from_slice(&plane[from..from + len]);
        });
    }
}

/// Calls with the first number in the plane, the first in the packed state, and the length of each row of each tile.
#[inline(always)]
fn for_each_row(tiles: &[Tile], stride: usize, line: usize, mut call: impl FnMut(usize, usize, usize)) {
    for tile in tiles {
        let len = usize::from(tile.lines) * line;
        for row in 0..usize::from(tile.rows) {
            call(tile.out as usize + row * stride, tile.packed as usize + row * len, len);
        }
    }
}

/// What a tile costs beside its lines, in lines: weights are read and loops begun.
const TILE: f64 = 1.5;

/// Covers the needed lines of all rows by tiles. Tiles of several rows hold the lines that any of the rows needs, more than all do where
/// that is cheaper than a tile for each.
fn tiles(needed: &[Range<usize>], halo_u: usize, stride: usize, line: usize) -> Vec<Tile> {
    // registers that a line takes, and how many a tile may take beside those for a weight and what is loaded
    let most = match Tier::best() {
        Tier::Avx512 => 12,
        _ => 6,
    };
    let widest = |rows: usize| {
        let shapes = SHAPES.iter().map(|&(r, l)| (usize::from(r), usize::from(l)));
        shapes.filter(|&(r, l)| r == rows && (r * l <= most || r == 1)).map(|(_, l)| l).max()
    };
    let union = |rows: Range<usize>| {
        let rows = &needed[rows];
        let (start, end) = (rows.iter().map(|r| r.start).min(), rows.iter().map(|r| r.end).max());
        start.unwrap_or(0)..end.unwrap_or(0)
    };
    // the cheapest cover of the rows from each on: its cost, and the rows of its first tiles
    let mut best = vec![(0.0, 0); needed.len() + 1];
    for first in (0..needed.len()).rev() {
        let cover = |rows: usize| {
            let lines = union(first..first + rows).len();
            let cost = (lines * rows) as f64 + TILE * lines.div_ceil(widest(rows)?) as f64;
            Some((cost + best[first + rows].0, rows))
        };
        let covers = (1..=8.min(needed.len() - first)).filter_map(cover);
        best[first] = covers.min_by(|a, b| a.0.total_cmp(&b.0)).unwrap_or((f64::INFINITY, 1));
    }
    let mut tiles = Vec::new();
    let (mut packed, mut row) = (0, 0);
    while row < needed.len() {
        let rows = best[row].1;
        let lines = union(row..row + rows);
        let pieces = lines.len().div_ceil(widest(rows).unwrap_or(1));
        for piece in 0..pieces {
            let cut = |p: usize| lines.start + lines.len() * p / pieces;
            let (start, width) = (cut(piece), cut(piece + 1) - cut(piece));
            let out = (row + halo_u) * stride + start * line;
            tiles.push(Tile { rows: rows as u8, lines: width as u8, out: out as u32, packed: packed as u32 });
            packed += rows * width * line;
        }
        row += rows;
    }
    tiles
}

fn shifts(taps: &[Tap], of: impl Fn(&Tap) -> isize) -> Vec<i32> {
    let narrow = |tap: &Tap| match i32::try_from(of(tap)) {
        Ok(shift) => shift,
        Err(_) => panic!("the planes of this network are longer than 2^31 numbers; take the sparse engine"),
    };
    taps.iter().map(narrow).collect()
}
