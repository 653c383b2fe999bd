//! Receptive fields on the hexagonal lattice, turned or scattered.

use std::collections::{BTreeMap, HashMap};

use connectome_io::{Connectome, LatticeWiring, Placement};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::edges::{Streams, rebuilt};
use crate::Error;
use crate::hex::{Axial, Direction, Extent};
use crate::random::{distinct, shuffle};
use crate::rebuild::with_weights;

/// Null models of where on the lattice cell types connect, for connectomes of cell types (such as the flyvis JSON):
/// expand the result as the original.
///
/// Exact in all: pairs of types with their signs, and for each pair how many synapses it makes at each distance in
/// columns. Displacements that no target can have, since its type does not stand in every column, do not occur.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LatticeShuffle {
    /// Turns and mirrors the displacements of each pair of types as a whole, by one of the twelve symmetries of the
    /// hexagon, all equally likely. Each receptive field keeps its shape; how the fields of a cell lie to each other,
    /// what direction selectivity rests on, is destroyed. Compare networks expanded with
    /// [`Fill::None`](crate::hex::Fill::None): filling takes points on the border of a hull on some sides only.
    Symmetries,
    /// Exchanges synapse numbers among the displacements of equal distance of each pair. Where connections exist stays;
    /// which of them are strong is destroyed.
    Numbers,
    /// Places the displacements of each pair anew among all columns of equal distance, with their synapse numbers. Shape
    /// and direction of receptive fields are destroyed; their radial profile stays. Expand with
    /// [`Fill::None`](crate::hex::Fill::None), or the wider hulls of scattered displacements are filled.
    Rings,
}

impl LatticeShuffle {
    /// A random connectome of cell types. Rows of the synapse table keep their order.
    ///
    /// # Errors
    /// [`Error::NoLattice`] if rows are not cell types on a lattice; [`Error::Parameter`] for displacements farther than
    /// any lattice reaches, where they are to be placed anew.
    pub fn connectome(&self, original: &Connectome, seed: u64) -> Result<Connectome, Error> {
        let lattice = original
            .lattice()
            .ok_or_else(|| Error::NoLattice { source_name: original.provenance().source().to_owned() })?;
        let synapses = original.synapses();
        let mut offset: Vec<Axial> = lattice.offset().iter().map(|&[u, v]| Axial::new(u, v)).collect();
        let mut weight = synapses.weight().to_vec();
        let mut rows_of_pair = vec![Vec::new(); lattice.n_pairs()];
        for (row, &pair) in lattice.pair().iter().enumerate() {
            rows_of_pair[pair as usize].push(row);
        }
        for (pair, rows) in rows_of_pair.iter().enumerate() {
            let mut rng = Streams::of(seed).part(pair);
            let ends = lattice.pairs()[pair];
            let placements = [ends.pre, ends.post].map(|end| lattice.placement()[end as usize]);
            match self {
                Self::Symmetries => turn(&mut offset, rows, placements, &mut rng),
                Self::Numbers => exchange(&offset, &mut weight, rows, &mut rng),
                Self::Rings => scatter(&mut offset, rows, placements, &mut rng)?,
            }
        }
        let table = with_weights(synapses, weight)?;
        let wiring = LatticeWiring::new(
            lattice.placement().to_vec(),
            lattice.pairs().to_vec(),
            lattice.pair().to_vec(),
            offset.iter().map(|offset| [offset.u, offset.v]).collect(),
        )?;
        let name = match self {
            Self::Symmetries => "receptive fields turned",
            Self::Numbers => "synapse numbers shuffled at equal distance",
            Self::Rings => "displacements shuffled at equal distance",
        };
        Ok(rebuilt(original, original.neurons().clone(), table, name, seed)?.with_lattice(wiring)?)
    }
}

/// Image of a displacement under symmetry `k` of the hexagon: `k % 6` turns by 60 degrees, mirrored first if `k >= 6`.
/// `None` if the image has coordinates that are too large.
fn image(offset: Axial, k: u32) -> Option<Axial> {
    let (mut u, mut v) = (i64::from(offset.u), i64::from(offset.v));
    if k >= 6 {
        (u, v) = (v, u);
    }
    for _ in 0..k % 6 {
        (u, v) = (-v, u + v);
    }
    Some(Axial::new(u.try_into().ok()?, v.try_into().ok()?))
}

/// Whether some cell of the first type has a cell of the second one at this displacement, the lattice being large enough.
fn occurs(offset: Axial, placements: [Placement; 2]) -> bool {
    let stride = |placement: Placement| match placement {
        Placement::Stride(stride) => stride.map(u64::from),
        Placement::Single => [0, 0], // stands at 0 alone
    };
    let (a, b) = (stride(placements[0]), stride(placements[1]));
    [offset.u, offset.v].into_iter().enumerate().all(|(axis, shift)| match gcd(a[axis], b[axis]) {
        0 => shift == 0,
        step => u64::from(shift.unsigned_abs()) % step == 0,
    })
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

fn turn(offset: &mut [Axial], rows: &[usize], placements: [Placement; 2], rng: &mut ChaCha8Rng) {
    let images = |k: u32| -> Option<Vec<Axial>> {
        let fits = |&row: &usize| {
            let turned = image(offset[row], k)?;
            (occurs(turned, placements) == occurs(offset[row], placements)).then_some(turned)
        };
        rows.iter().map(fits).collect()
    };
    let possible: Vec<Vec<Axial>> = (0..12).filter_map(images).collect();
    let chosen = &possible[rng.random_range(0..possible.len() as u32) as usize];
    for (&row, &turned) in rows.iter().zip(chosen) {
        offset[row] = turned;
    }
}

/// Rows by distance.
fn rings(offset: &[Axial], rows: &[usize]) -> BTreeMap<u32, Vec<usize>> {
    let mut rings: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for &row in rows {
        rings.entry(offset[row].norm()).or_default().push(row);
    }
    rings
}

fn exchange(offset: &[Axial], weight: &mut [f64], rows: &[usize], rng: &mut ChaCha8Rng) {
    for ring in rings(offset, rows).values() {
        let mut numbers: Vec<f64> = ring.iter().map(|&row| weight[row]).collect();
        shuffle(&mut numbers, rng);
        for (&row, number) in ring.iter().zip(numbers) {
            weight[row] = number;
        }
    }
}

fn scatter(
    offset: &mut [Axial],
    rows: &[usize],
    placements: [Placement; 2],
    rng: &mut ChaCha8Rng,
) -> Result<(), Error> {
    for (distance, mut ring) in rings(offset, rows) {
        ring.retain(|&row| occurs(offset[row], placements));
        // rows of one displacement stay together
        let mut number = HashMap::new();
        for &row in &ring {
            let next = number.len();
            number.entry(offset[row]).or_insert(next);
        }
        if number.is_empty() {
            continue;
        }
        if distance > 2 * Extent::MAX.0 {
            let (value, wanted) = (f64::from(distance), "no lattice is as large as that, check the displacements");
            return Err(Error::Parameter { what: "distance of a displacement in columns", value, wanted });
        }
        let columns: Vec<Axial> = columns_at(distance).filter(|&column| occurs(column, placements)).collect();
        let drawn = distinct(columns.len() as u64, number.len(), rng);
        for &row in &ring {
            offset[row] = columns[drawn[number[&offset[row]]] as usize];
        }
    }
    Ok(())
}

/// The columns at a distance from the origin, once round.
fn columns_at(distance: u32) -> impl Iterator<Item = Axial> {
    let r = distance as i32;
    let side = move |side: usize| {
        let [corner, along] = [side, side + 2].map(|k| Direction::ALL[k % 6].step());
        (0..r).map(move |k| Axial::new(corner.u * r + along.u * k, corner.v * r + along.v * k))
    };
    (r == 0).then_some(Axial::ORIGIN).into_iter().chain((0..6).flat_map(side))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// There are six columns per step of distance, all different, all as far.
    #[test]
    fn rings_close() {
        for distance in 0..20 {
            let mut ring: Vec<Axial> = columns_at(distance).collect();
            assert!(ring.iter().all(|column| column.norm() == distance));
            ring.sort_unstable();
            ring.dedup();
            assert_eq!(ring.len(), if distance == 0 { 1 } else { 6 * distance as usize });
        }
    }

    proptest! {
        /// The symmetries keep all distances, and there are twelve of them.
        #[test]
        fn symmetries_keep_distances(a in (-99..99, -99..99), b in (-99..99, -99..99)) {
            let [a, b] = [a, b].map(|(u, v)| Axial::new(u, v));
            for k in 0..12 {
                prop_assert_eq!(image(a, k).unwrap().distance(image(b, k).unwrap()), a.distance(b));
            }
            let mut images: Vec<_> = (0..12).map(|k| image(Axial::new(2, 1), k)).collect();
            images.sort_unstable();
            images.dedup();
            prop_assert_eq!(images.len(), 12);
        }
    }
}
