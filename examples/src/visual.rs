//! The fly's visual system in examples: published models on eyes of any size, and what cells do while a film is shown.

use crate::Error;
use connectome_graph::hex::{Extent, HexNetwork, expand};
use fly_vision::Movie;
use fly_vision::network::{Grey, Network, Record, Run, Start, Wiring};
use flybrain::figure::{ColorScale, HexMovie};
use tch::{Kind, Tensor};

/// Types of which a reader may have heard, from the eye to T4 and T5.
pub const FAMOUS: [&str; 12] = ["R1", "L1", "L2", "Mi1", "Tm3", "Mi9", "Tm1", "Tm9", "T4a", "T4b", "T5a", "T5b"];

/// The cells of an eye with columns up to `extent` from the middle, and a network of them with the parameters of a published model.
///
/// # Errors
/// If there is no such model.
pub fn published(model: usize, extent: u32) -> Result<(HexNetwork, Network), Error> {
    let fly = expand(&fly_vision::connectome()?, Extent(extent))?;
    let mut network = Network::builder(Wiring::from_hex(&fly)?).build_alone()?;
    network.set_pretrained(model)?;
    Ok((fly, network))
}

/// What the cells of a type do while a film is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Course {
    /// The type.
    pub name: String,
    /// Columns of the cells.
    pub u: Vec<i32>,
    /// Columns of the cells.
    pub v: Vec<i32>,
    /// Change of potential from that in grey, `[frames, cells]`.
    pub change: Vec<f64>,
}

impl Course {
    /// The change of the cell in the middle of the eye, `[frames]`; nothing if there is none.
    pub fn central(&self) -> Vec<f64> {
        let middle = self.u.iter().zip(&self.v).position(|(u, v)| (*u, *v) == (0, 0));
        middle.map_or_else(Vec::new, |cell| self.change.iter().skip(cell).step_by(self.u.len()).copied().collect())
    }

    /// The largest change in size of any cell.
    pub fn largest(&self) -> f64 {
        self.change.iter().fold(0.0, |most, x| most.max(x.abs()))
    }
}

/// Shows a film, in frames of `dt` seconds, to a network that has come to rest in grey, which fades into the first frame within `fade`
/// seconds. Returns what all cells of some types do.
///
/// # Errors
/// If there is no such type, or the film is of another eye.
pub fn courses(
    fly: &HexNetwork,
    network: &Network,
    film: &Movie,
    dt: f64,
    fade: f64,
    types: &[&str],
) -> Result<Vec<Course>, Error> {
    let shown = film.to_tensor(Kind::Float)?.unsqueeze(0);
    let grey = network.steady_state(1.0, dt, 1, Grey::default())?;
    let start = network.fade_in(fade, dt, &shown.select(1, 0), Start::State(&grey))?;
    let of_type = |name: &&str| network.wiring().cells_of(name);
    let cells: Vec<Vec<u32>> = types.iter().map(of_type).collect::<Result<_, _>>()?;
    let recorded = cells.concat();
    let rest = Tensor::from_slice(&recorded.iter().map(|&cell| i64::from(cell)).collect::<Vec<i64>>());
    let run = Run::new(dt).from(&start).record(Record::Cells(recorded));
    let change = network.simulate(&shown, &run)?.activity.f_sub(&grey.f_index_select(1, &rest)?)?;

    let (mut all, mut first) = (Vec::with_capacity(types.len()), 0);
    for (name, cells) in types.iter().zip(cells) {
        let n = cells.len() as i64;
        let own = change.f_narrow(2, first, n)?.f_to_kind(Kind::Double)?.f_contiguous()?;
        first += n;
        let index = fly.type_index(name).ok_or_else(|| format!("there is no type {name}"))?;
        let (u, v) = fly.types()[index as usize].columns().map(|column| (column.u, column.v)).unzip();
        all.push(Course { name: (*name).to_owned(), u, v, change: Vec::try_from(own.f_view([-1])?)? });
    }
    Ok(all)
}

/// A movie of light and of changes of potential, each as a part of the largest of its type, in about `frames` pictures.
///
/// # Errors
/// If there is nothing to show.
pub fn movie(title: &str, film: &Movie, courses: &[Course], dt: f64, frames: usize) -> Result<HexMovie, Error> {
    let picked: Vec<usize> = (0..film.frames()).step_by(film.frames().div_ceil(frames).max(1)).collect();
    let times: Vec<f64> = picked.iter().map(|&frame| 1e3 * dt * frame as f64).collect();
    let light = picked.iter().flat_map(|&frame| film.frame(frame)).map(|x| 2.0 * f64::from(*x) - 1.0);
    let mut movie = HexMovie::new(title)
        .times(&times, "ms")
        .colors(ColorScale::Diverging)
        .color_range(-1.0, 1.0)
        .color_label("change of potential, of its largest")
        .panel("light", film.columns(), &light.collect::<Vec<f64>>());
    for course in courses {
        let (n, largest) = (course.u.len(), course.largest().max(f64::MIN_POSITIVE));
        let change = picked.iter().flat_map(|&frame| &course.change[frame * n..][..n]).map(|x| x / largest);
        movie = movie.lattice(course.name.as_str(), &course.u, &course.v, &change.collect::<Vec<f64>>());
    }
    Ok(movie)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Grey changes nothing; light changes photoreceptors; each type has its own columns.
    #[test]
    fn cells_follow_the_film() {
        let (fly, network) = published(0, 2).expect("a published model");
        let film = |luminance: f32| Movie::new(19, vec![luminance; 5 * 19]).expect("five frames");
        let grey = courses(&fly, &network, &film(0.5), 0.01, 0.1, &["R1", "Mi1"]).expect("two types");
        assert!(grey.iter().all(|course| course.largest() < 1e-3), "{grey:?}");
        let light = courses(&fly, &network, &film(1.0), 0.01, 0.0, &["R1"]).expect("one type");
        assert_eq!((light[0].u.len(), light[0].change.len(), light[0].central().len()), (19, 95, 5));
        assert!(light[0].central().is_sorted() && light[0].largest() > 0.1);
        assert!(courses(&fly, &network, &film(1.0), 0.01, 0.0, &["R9"]).is_err());
        let movie = movie("light", &film(1.0), &light, 0.01, 3).and_then(|m| Ok(m.build()?)).expect("a movie");
        assert_eq!(movie.frames(), 3);
    }
}
