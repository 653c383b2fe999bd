//! From cell types to cells.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use connectome_io::{Connectome, LatticeWiring};

use super::hull::fill_hull;
use super::network::{CellType, HexNetwork, Offset, OffsetGroup, PairGroup, Role};
use super::sublattice::Sublattice;
use super::{Axial, Extent, Lattice};
use crate::Error;

/// What to do about displacements inside the convex hull of the measured ones that were not measured themselves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fill {
    /// Adds them with this number of synapses. The default, with 1.
    Hull(f32),
    /// Leaves them out.
    None,
}

impl Default for Fill {
    fn default() -> Self {
        Self::Hull(1.0)
    }
}

/// Largest bounding box of displacements whose hull is filled, in columns; less by what other pairs were filled with.
const HULL_LIMIT: u128 = 1 << 24;

/// Expands a connectome of cell types to the cells of a lattice, hulls filled with one synapse.
///
/// # Errors
/// See [`expand_with`].
pub fn expand(connectome: &Connectome, extent: Extent) -> Result<HexNetwork, Error> {
    expand_with(connectome, extent, Fill::default())
}

/// Expands a connectome of cell types to the cells of a lattice.
///
/// Classes of the neuron table are the roles "input", "intermediate" and "output"; without classes all types are
/// intermediate. Without types, cell types are called by their id.
///
/// # Errors
/// [`Error::NoLattice`] if the connectome does not say how types repeat; [`Error::TooMany`] if cells or edges would
/// exceed `u32`, before anything of that size is allocated; [`Error::Role`], [`Error::FillValue`],
/// [`Error::HullTooLarge`].
pub fn expand_with(connectome: &Connectome, extent: Extent, fill: Fill) -> Result<HexNetwork, Error> {
    let wiring = connectome
        .lattice()
        .ok_or_else(|| Error::NoLattice { source_name: connectome.provenance().source().to_owned() })?;
    if let Fill::Hull(value) = fill
        && !(value.is_finite() && value > 0.0)
    {
        return Err(Error::FillValue { value });
    }
    let lattice = Lattice::new(extent)?;
    let types = cell_types(connectome, wiring, lattice)?;
    let mut offsets = displacements(connectome, wiring, &types, fill)?;
    let (source, target) = edges(&types, &mut offsets)?;
    let (pair_groups, offset_groups) = groups(&mut offsets);
    Ok(HexNetwork {
        lattice,
        types,
        offsets,
        pair_groups,
        offset_groups,
        source,
        target,
        provenance: connectome.provenance().clone(),
    })
}

fn cell_types(connectome: &Connectome, wiring: &LatticeWiring, lattice: Lattice) -> Result<Vec<CellType>, Error> {
    let neurons = connectome.neurons();
    let mut first = 0u64;
    let mut types = Vec::with_capacity(neurons.len());
    for (row, &placement) in wiring.placement().iter().enumerate() {
        let name = neurons.types().map_or_else(|| neurons.ids()[row].to_string(), |names| names.get(row).to_owned());
        let role = neurons.classes().map_or("intermediate", |classes| classes.get(row));
        let Some(role) = Role::from_name(role) else {
            return Err(Error::Role { name, role: role.to_owned() });
        };
        let sublattice = Sublattice::new(lattice, placement);
        let next = first + sublattice.len();
        if next > u64::from(u32::MAX) {
            return Err(Error::TooMany { what: "cells", count: u128::from(next), limit: u128::from(u32::MAX) });
        }
        types.push(CellType { name, role, placement, first: first as u32, sublattice });
        first = next;
    }
    Ok(types)
}

/// The table of displacements, pair by pair: first those of the connectome, then those that fill the hull.
fn displacements(
    connectome: &Connectome,
    wiring: &LatticeWiring,
    types: &[CellType],
    fill: Fill,
) -> Result<Vec<Offset>, Error> {
    let mut rows_of_pair = vec![Vec::new(); wiring.pairs().len()];
    for (row, &pair) in wiring.pair().iter().enumerate() {
        rows_of_pair[pair as usize].push(row);
    }
    let mut offsets = Vec::with_capacity(wiring.pair().len());
    let mut filled = 0;
    for (index, (pair, rows)) in wiring.pairs().iter().zip(&rows_of_pair).enumerate() {
        let mut add = |[u, v]: [i32; 2], n_syn: f32, filled: bool| {
            offsets.push(Offset {
                pair: index as u32,
                source_type: pair.pre,
                target_type: pair.post,
                displacement: Axial::new(u, v),
                sign: pair.sign,
                n_syn,
                certainty: pair.certainty,
                filled,
                edges: 0..0,
                pair_group: None,
                offset_group: None,
            });
        };
        for &row in rows {
            add(wiring.offset()[row], connectome.synapses().weight()[row] as f32, false);
        }
        if let Fill::Hull(n_syn) = fill {
            let listed: Vec<[i32; 2]> = rows.iter().map(|&row| wiring.offset()[row]).collect();
            let limit = HULL_LIMIT.saturating_sub(filled);
            let missing = fill_hull(&listed, limit).map_err(|points| Error::HullTooLarge {
                source_type: types[pair.pre as usize].name.clone(),
                target_type: types[pair.post as usize].name.clone(),
                points,
                limit,
            })?;
            filled += missing.len() as u128;
            for offset in missing {
                add(offset, n_syn, true);
            }
        }
    }
    Ok(offsets)
}

/// Writes the edges of all displacements one after the other, and where they lie into the displacements.
fn edges(types: &[CellType], offsets: &mut [Offset]) -> Result<(Vec<u32>, Vec<u32>), Error> {
    let sublattices = |offset: &Offset| {
        let [source, target] = [offset.source_type, offset.target_type].map(|t| &types[t as usize]);
        (source, target)
    };
    let mut total = 0u64;
    for offset in offsets.iter_mut() {
        let (source, target) = sublattices(offset);
        let before = total;
        source.sublattice.for_each_run(&target.sublattice, offset.displacement, |run| {
            total += run.count;
        });
        if total > u64::from(u32::MAX) {
            let limit = u128::from(u32::MAX);
            return Err(Error::TooMany { what: "edges", count: u128::from(total), limit });
        }
        offset.edges = before as usize..total as usize;
    }
    let mut sources = Vec::with_capacity(total as usize);
    let mut targets = Vec::with_capacity(total as usize);
    for offset in offsets.iter() {
        let (source, target) = sublattices(offset);
        let (s, t) = (u64::from(source.first), u64::from(target.first));
        source.sublattice.for_each_run(&target.sublattice, offset.displacement, |run| {
            sources.extend((0..run.count).map(|k| (s + run.source_first + k * run.source_step) as u32));
            targets.extend((0..run.count).map(|k| (t + run.target_first + k * run.target_step) as u32));
        });
    }
    Ok((sources, targets))
}

/// Numbers the groups of edges that share parameters, in order of their first edge.
fn groups(offsets: &mut [Offset]) -> (Vec<PairGroup>, Vec<OffsetGroup>) {
    let mut pairs: Vec<PairGroup> = Vec::new();
    let mut groups: Vec<OffsetGroup> = Vec::new();
    let (mut pair_of, mut group_of) = (HashMap::new(), HashMap::new());
    for offset in offsets.iter_mut().filter(|offset| !offset.edges.is_empty()) {
        let (source_type, target_type) = (offset.source_type, offset.target_type);
        let pair_group = match pair_of.entry((source_type, target_type)) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(new) => {
                pairs.push(PairGroup { source_type, target_type, sign: offset.sign, n_edges: 0 });
                *new.insert(pairs.len() as u32 - 1)
            }
        };
        let offset_group = match group_of.entry((pair_group, offset.displacement)) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(new) => {
                let displacement = offset.displacement;
                groups.push(OffsetGroup { pair_group, source_type, target_type, displacement, n_edges: 0 });
                *new.insert(groups.len() as u32 - 1)
            }
        };
        pairs[pair_group as usize].n_edges += offset.edges.len();
        groups[offset_group as usize].n_edges += offset.edges.len();
        offset.pair_group = Some(pair_group);
        offset.offset_group = Some(offset_group);
    }
    (pairs, groups)
}
