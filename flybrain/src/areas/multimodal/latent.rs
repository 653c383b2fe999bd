//! What areas represent, and what feedback does to them, step by step.

use convgru_feedback::analysis::{Modulation, neighborhood_hit};
use convgru_feedback::stimulus::audiovisual::{AudioVisual, Batch};
use convgru_feedback::{Keep, Schedule};
use serde::Serialize;
use tch::{Tensor, no_grad};

use super::network::torch;
use super::{Question, ScenarioNetwork};
use crate::Error;

/// Neighbours whose labels are compared.
pub(super) const NEIGHBORS: usize = 6;

/// How far digits are apart in the states of areas.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Neighborhood {
    /// Scenario and what was asked for, such as `uam_image`.
    pub question: String,
    /// The digits: `seen` or `heard`.
    pub digits: &'static str,
    /// Names of the areas.
    pub areas: Vec<String>,
    /// Neighbourhood hit, by area and step from 1; none where an area has no state yet.
    pub hits: Vec<Vec<Option<f64>>>,
}

/// How much feedback amplifies what areas take in.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Gain {
    /// Scenario and what was asked for, such as `uam_image`.
    pub question: String,
    /// Names of the areas.
    pub areas: Vec<String>,
    /// Mean of `1 + relu(m)` over items, channels and places, by area and step from 1; none where an area gets no feedback.
    pub gains: Vec<Vec<Option<f64>>>,
}

/// The neighbourhood hit, over six neighbours, of the whole state of each area after each step, for `items` of a scenario. The
/// items are the same in all steps; the reference draws new ones for each. Digits are those that are seen and, where others are heard,
/// those too.
///
/// # Errors
/// [`Error::Areas`] for too few items, and for items of other sizes than the network's.
pub fn neighborhoods(
    network: &ScenarioNetwork,
    set: &AudioVisual,
    question: Question,
    items: u64,
) -> Result<Vec<Neighborhood>, Error> {
    let batch = batch(set, question, items)?;
    let stimuli = network.stimuli(&batch)?;
    let stimuli: Vec<&Tensor> = stimuli.iter().collect();
    let mut digits = vec![("seen", batch.image_labels()?), ("heard", batch.sound_labels()?)];
    if question.scenario.matching() {
        digits.truncate(1);
    }
    let (names, steps) = (network.network().graph().names(), network.steps() as usize);
    let mut found: Vec<Neighborhood> = digits
        .iter()
        .map(|(digits, _)| Neighborhood {
            question: question.to_string(),
            digits,
            areas: names.to_vec(),
            hits: vec![vec![None; steps]; names.len()],
        })
        .collect();
    let sets = if network.settings().schedule == Schedule::PingPong { 2 } else { 1 };
    let mut failed = None;
    // states are looked at as they appear: all of all steps at once take much memory
    let how = network.forward().keep(Keep::Updates);
    no_grad(|| {
        network.network().forward_watched(&stimuli, &how, |updated| {
            for (neighborhood, (_, labels)) in found.iter_mut().zip(&digits) {
                match hit(updated.state, labels) {
                    // it stays until it is updated again
                    Ok(hit) => neighborhood.hits[updated.area][updated.step as usize..]
                        .iter_mut()
                        .step_by(sets)
                        .for_each(|of_step| *of_step = hit),
                    Err(error) => {
                        failed.get_or_insert(error);
                    }
                }
            }
        })
    })?;
    failed.map_or(Ok(found), Err)
}

/// Neighbourhood hit of an area's states; none where all are zero.
fn hit(state: &Tensor, labels: &Tensor) -> Result<Option<f64>, Error> {
    let state = state.f_flatten(1, -1).map_err(torch)?;
    let is_there = state.f_any().and_then(bool::try_from).map_err(torch)?;
    Ok(is_there.then(|| neighborhood_hit(&state, labels, NEIGHBORS)).transpose()?)
}

/// The mean gain of each area in each step, for `items` of a scenario.
///
/// # Errors
/// [`Error::Areas`] for items of other sizes than the network's.
pub fn gain(network: &ScenarioNetwork, set: &AudioVisual, question: Question, items: u64) -> Result<Gain, Error> {
    let stimuli = network.stimuli(&batch(set, question, items)?)?;
    let graph = network.network().graph();
    let mut gains = vec![vec![None; network.steps() as usize]; graph.n_areas()];
    let mut failed = None;
    let how = network.forward().keep(Keep::Updates);
    no_grad(|| {
        network.network().forward_watched(&stimuli.iter().collect::<Vec<_>>(), &how, |updated| {
            let Some(feedback) = updated.top_down else { return };
            let area = graph.area(updated.area);
            let channels = [area.input_dim, area.hidden_dim].map(i64::from);
            let added = [area.basal_topdown_dim, area.apical_topdown_dim].map(i64::from);
            match Modulation::of(feedback, channels, added).map(|modulation| modulation.mean_gain()) {
                Ok(mean) => gains[updated.area][updated.step as usize] = Some(mean),
                Err(error) => failed = Some(error),
            }
        })
    })?;
    match failed {
        Some(error) => Err(error.into()),
        None => Ok(Gain { question: question.to_string(), areas: graph.names().to_vec(), gains }),
    }
}

fn batch(set: &AudioVisual, question: Question, items: u64) -> Result<Batch, Error> {
    Ok(set.batch(&question.items(set, items))?.attending(question.asked))
}
