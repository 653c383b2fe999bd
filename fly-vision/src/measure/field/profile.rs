//! A receptive field by distance from its centre.

use connectome_graph::hex::Axial;

/// Mean response of the rings of columns around the centre of a receptive field.
#[derive(Debug, Clone, PartialEq)]
pub struct RadialProfile {
    means: Vec<f64>,
    counts: Vec<usize>,
}

impl RadialProfile {
    /// Of responses `[columns]` around a column. NaN are left out; rings without a column have NaN.
    ///
    /// # Panics
    /// If there are not as many responses as columns.
    pub fn new(columns: &[Axial], responses: &[f64], centre: Axial) -> Self {
        assert_eq!(columns.len(), responses.len(), "{} columns, {} responses", columns.len(), responses.len());
        let known = || columns.iter().zip(responses).filter(|(_, response)| !response.is_nan());
        let ring = |column: &Axial| column.distance(centre) as usize;
        let rings = known().map(|(column, _)| ring(column) + 1).max().unwrap_or(0);
        let mut means = vec![0.0; rings];
        let mut counts = vec![0; rings];
        for (column, response) in known() {
            means[ring(column)] += response;
            counts[ring(column)] += 1;
        }
        for (mean, &count) in means.iter_mut().zip(&counts) {
            *mean /= count as f64;
        }
        Self { means, counts }
    }

    /// Mean of each ring, by distance from the centre in columns.
    pub fn means(&self) -> &[f64] {
        &self.means
    }

    /// Sign of the centre.
    fn sign(&self) -> f64 {
        self.means.first().map_or(f64::NAN, |centre| centre.signum())
    }

    /// Distance in columns, interpolated between rings, at which the response has fallen to a part of that of the
    /// centre; `None` if it does not inside the columns at hand.
    fn falls_to(&self, part: f64) -> Option<f64> {
        let centre = self.means.first().copied().filter(|c| *c != 0.0)?;
        let relative: Vec<f64> = self.means.iter().map(|mean| mean / centre).collect();
        let below = relative.iter().position(|r| *r <= part)?;
        // rings without a column are between
        let before = relative[..below].iter().rposition(|r| !r.is_nan())?;
        let (outer, inner) = (relative[below], relative[before]);
        Some(before as f64 + (below - before) as f64 * (inner - part) / (inner - outer))
    }

    /// Radius of the centre in columns: where the response has fallen to half.
    pub fn centre_radius(&self) -> Option<f64> {
        self.falls_to(0.5)
    }

    /// Radius in columns at which the response changes sign: where the surround begins. `None` without a surround.
    pub fn zero_crossing(&self) -> Option<f64> {
        self.surround_radius()?;
        self.falls_to(0.0)
    }

    /// Ring of the strongest response of opposite sign, in columns. `None` without a surround.
    pub fn surround_radius(&self) -> Option<u32> {
        let sign = self.sign();
        let opposite = self.means.iter().map(|mean| -sign * mean).enumerate().filter(|(_, strength)| *strength > 0.0);
        let strongest = opposite.fold(None, |best: Option<(usize, f64)>, ring| match best {
            Some(best) if best.1 >= ring.1 => Some(best),
            _ => Some(ring),
        });
        strongest.map(|(ring, _)| ring as u32)
    }

    /// Summed response of the rings of opposite sign over that of the rings of the centre's sign: 0 without a surround,
    /// 1 if both balance.
    pub fn surround_strength(&self) -> f64 {
        let sign = self.sign();
        let (mut centre, mut surround) = (0.0, 0.0);
        for (mean, &count) in self.means.iter().zip(&self.counts).filter(|(_, count)| **count > 0) {
            let strength = sign * mean * count as f64;
            if strength > 0.0 {
                centre += strength;
            } else {
                surround -= strength;
            }
        }
        surround / centre
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use connectome_graph::hex::{Extent, Lattice};

    /// A field made of given rings has them as its profile, wherever its centre.
    #[test]
    fn rings_are_found() {
        let columns: Vec<Axial> = Lattice::new(Extent(6)).unwrap().columns().collect();
        let centre = Axial::new(1, -2);
        let field = |rings: [f64; 5]| -> RadialProfile {
            let values: Vec<f64> =
                columns.iter().map(|c| rings.get(c.distance(centre) as usize).copied().unwrap_or(0.0)).collect();
            RadialProfile::new(&columns, &values, centre)
        };
        let off = field([-4.0, -1.0, 0.5, 0.25, 0.0]);
        assert_eq!(off.means()[..5], [-4.0, -1.0, 0.5, 0.25, 0.0]);
        assert!((off.centre_radius().unwrap() - 2.0 / 3.0).abs() < 1e-12);
        assert!((off.zero_crossing().unwrap() - 5.0 / 3.0).abs() < 1e-12);
        assert_eq!(off.surround_radius(), Some(2));
        assert!((off.surround_strength() - (0.5 * 12.0 + 0.25 * 18.0) / (4.0 + 6.0)).abs() < 1e-12);
        let plain = field([2.0, 1.5, 0.5, 0.0, 0.0]);
        assert_eq!((plain.zero_crossing(), plain.surround_radius(), plain.surround_strength()), (None, None, 0.0));
        assert!(RadialProfile::new(&[], &[], centre).centre_radius().is_none());
        // the ring between has no column, or none with a number
        let apart = [Axial::new(0, 0), Axial::new(1, 0), Axial::new(2, 0)];
        let gap = RadialProfile::new(&apart, &[4.0, f64::NAN, 0.0], Axial::ORIGIN);
        assert_eq!((gap.centre_radius(), gap.zero_crossing()), (Some(1.0), None));
    }
}
