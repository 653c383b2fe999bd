//! Images as the columns of the fly's eye see them.

use crate::Error;
use crate::data::Digits;
use connectome_graph::hex::{HexNetwork, Lattice, PlotLayout, Role};
use connectome_graph::{Duplicates, Topology};

/// Brightness in each column of the eye, `[columns]`: the image fills the lattice, between pixels linearly.
pub fn seen(image: &[f32], lattice: Lattice) -> Vec<f32> {
    let side = Digits::SIDE as i64;
    let pixel = |row: i64, column: i64| match (0..side).contains(&row) && (0..side).contains(&column) {
        true => f64::from(image[(row * side + column) as usize]),
        false => 0.0,
    };
    let half = Digits::SIDE as f64 / 2.0;
    // Left and right borders of the lattice are those of the image.
    let scale = half / (1.5 * f64::from(lattice.extent().0));
    let at = |[x, y]: [f64; 2]| {
        let (row, column) = (half - 0.5 - y * scale, half - 0.5 + x * scale);
        let (down, right) = (row - row.floor(), column - column.floor());
        let (r, c) = (row.floor() as i64, column.floor() as i64);
        let upper = pixel(r, c) * (1.0 - right) + pixel(r, c + 1) * right;
        let lower = pixel(r + 1, c) * (1.0 - right) + pixel(r + 1, c + 1) * right;
        (upper * (1.0 - down) + lower * down) as f32
    };
    lattice.plot(PlotLayout::Default).into_iter().map(at).collect()
}

/// Light of each column to its photoreceptors, `[neurons, columns]`.
///
/// # Errors
/// If a photoreceptor stands in no column.
pub fn photoreceptors(fly: &HexNetwork) -> Result<Topology, Error> {
    let (mut cells, mut columns) = (Vec::new(), Vec::new());
    let inputs = fly.types().iter().filter(|t| t.role() == Role::Input);
    for (cell, column) in inputs.flat_map(|t| t.cells().zip(t.columns())) {
        cells.push(cell);
        columns.push(fly.lattice().index(column).ok_or("column off the lattice")?);
    }
    let ones = vec![1.0; cells.len()];
    Ok(Topology::from_edges(fly.n_nodes(), fly.lattice().len(), &cells, &columns, &ones, Duplicates::Error)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data;
    use connectome_graph::hex::{Extent, expand};

    #[test]
    fn even_light_is_seen_evenly_within_the_image() {
        let lattice = Lattice::new(Extent(3)).expect("a small eye");
        let light = seen(&[0.5; Digits::PIXELS], lattice);
        assert_eq!(light.len(), 37);
        assert_eq!(light[lattice.central() as usize], 0.5);
        assert!(light.iter().all(|l| (0.0..=0.5).contains(l)), "{light:?}");
    }

    #[test]
    fn eight_photoreceptors_look_out_of_each_column() {
        let fly = expand(&data::fly().expect("data"), Extent(1)).expect("seven columns");
        let wiring = photoreceptors(&fly).expect("columns on the lattice");
        assert_eq!((wiring.n_post(), wiring.n_pre(), wiring.nnz()), (fly.n_nodes(), 7, 8 * 7));
    }
}
