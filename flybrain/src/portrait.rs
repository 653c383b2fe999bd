//! A connectome as a picture: who connects to whom, how many partners neurons have, which types connect.

use connectome_graph::{Measure, Topology, aggregate};
use connectome_io::{Connectome, Labels};

use crate::Error;
use crate::figure::{ColorScale, DegreeDistribution, Figure, Grid, Heatmap, Zeros};

/// Rows and columns of the drawn matrix, at most.
const BINS: usize = 128;

/// Most groups whose matrix is drawn.
const MOST_GROUPS: usize = 80;

/// Draws the matrix, the degrees where there are connections and, where neurons have no more than 80 types (else classes), those.
///
/// # Errors
/// Those of the figures, and of [`aggregate()`].
pub fn portrait(title: &str, connectome: &Connectome, wiring: &Topology) -> Result<Figure, Error> {
    let n = wiring.n_post();
    let bins = n.clamp(1, BINS);
    let color_label = if n > BINS { "synapses per bin" } else { "synapses from j to i" };
    let matrix = Heatmap::new("Connections", bins, bins, &wiring.heat_map(bins, bins))
        .x(if n > BINS { "presynaptic neurons, binned" } else { "presynaptic neuron j" })
        .y(if n > BINS { "postsynaptic neurons, binned" } else { "postsynaptic neuron i" })
        .colors(ColorScale::Log)
        .zeros(Zeros::Blank)
        .color_label(color_label)
        .size(520.0, 480.0)
        .build()?;
    let mut grid = Grid::new(2).title(title).add(matrix);
    // A logarithmic axis has no place for neurons without partners.
    if wiring.nnz() > 0 {
        let degrees = DegreeDistribution::new("Partners")
            .x("partners k")
            .series("inputs", &wiring.in_degree())
            .series("outputs", &wiring.out_degree())
            .size(460.0, 480.0)
            .build()?;
        grid = grid.add(degrees);
    }
    if let Some((name, labels)) = drawn_groups(connectome) {
        let groups = aggregate(wiring, labels, Measure::Sum)?;
        let k = groups.post_names.len();
        let side = (14.0 * k as f64).clamp(420.0, 900.0);
        let figure = Heatmap::new(format!("Connections by {name}"), k, k, &groups.matrix.sub_matrix(0..k, 0..k))
            .x(format!("presynaptic {name}"))
            .y(format!("postsynaptic {name}"))
            .row_names(&groups.post_names)
            .column_names(&groups.pre_names)
            .colors(ColorScale::Log)
            .zeros(Zeros::Blank)
            .color_label("synapses")
            .size(side + 100.0, side)
            .build()?;
        grid = grid.add(figure);
    }
    grid.build()
}

/// The labels whose matrix is readable.
fn drawn_groups(connectome: &Connectome) -> Option<(&'static str, &Labels)> {
    let neurons = connectome.neurons();
    [("type", neurons.types()), ("class", neurons.classes())].into_iter().find_map(|(name, labels)| {
        let labels = labels?;
        // A type for each neuron would be the first picture again.
        let fits = (2..=MOST_GROUPS).contains(&labels.n_names()) && labels.n_names() < labels.len();
        fits.then_some((name, labels))
    })
}

/// The matrix in `side` lines of `2 * side` characters, darker where there are more synapses, on a logarithmic scale.
#[must_use]
pub fn thumbnail(wiring: &Topology, side: usize) -> String {
    const SHADES: [char; 5] = [' ', '░', '▒', '▓', '█'];
    let side = side.clamp(1, wiring.n_post().max(1));
    let map = wiring.heat_map(side, side);
    let most = map.iter().copied().fold(0.0, f64::max).ln_1p();
    let shade = |value: f64| {
        let level = if most > 0.0 { value.ln_1p() / most * (SHADES.len() - 1) as f64 } else { 0.0 };
        SHADES[(level.ceil() as usize).min(SHADES.len() - 1)]
    };
    let edge = "─".repeat(2 * side);
    let mut text = format!("post ↓ pre →\n┌{edge}┐\n");
    for row in map.chunks(side) {
        text.push('│');
        row.iter().for_each(|&value| text.extend([shade(value); 2]));
        text.push_str("│\n");
    }
    text + &format!("└{edge}┘\n")
}
