//! Answers to questions.

use convgru_feedback::Mode;
use convgru_feedback::stimulus::audiovisual::{Attend, AudioVisual, Batch};
use serde::Serialize;
use tch::no_grad;

use super::network::torch;
use super::{Question, ScenarioNetwork};
use crate::Error;

/// How a question was answered, as parts of the items.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Answers {
    /// Scenario and what was asked for, such as `uam_image`.
    #[serde(serialize_with = "as_text")]
    pub question: Question,
    /// Items.
    pub items: u64,
    /// Rightly answered: by what is asked for.
    pub right: f64,
    /// Answered by the digit of the image, or by that reading of an ambiguous one which counts.
    pub by_image: f64,
    /// Answered by that of the sound.
    pub by_sound: f64,
    /// Answered by the other reading of what is asked for, where it is ambiguous.
    pub by_other_reading: f64,
}

/// Items in one run of the network.
const BATCH: usize = 100;

/// Asks a network about items of a scenario, spread over the set, without dropout.
///
/// # Errors
/// [`Error::Areas`] for items of other sizes than the network's.
pub fn ask(network: &ScenarioNetwork, set: &AudioVisual, question: Question, items: u64) -> Result<Answers, Error> {
    let mut counts = [0u64; 4];
    for numbers in question.items(set, items).chunks(BATCH) {
        let batch = set.batch(numbers)?.attending(question.asked);
        let logits = no_grad(|| network.logits(&network.stimuli(&batch)?, Mode::Evaluate))?;
        let answers = logits.f_argmax(-1, false).and_then(Vec::<i64>::try_from).map_err(torch)?;
        for (sum, count) in counts.iter_mut().zip(counted(&batch, &answers, question.asked)) {
            *sum += count;
        }
    }
    let [right, by_image, by_sound, by_other_reading] = counts.map(|count| count as f64 / items as f64);
    Ok(Answers { question, items, right, by_image, by_sound, by_other_reading })
}

/// Right ones, those by image, by sound, and by the other reading.
fn counted(batch: &Batch, answers: &[i64], asked: Attend) -> [u64; 4] {
    let mut counts = [0; 4];
    for (&answer, (seen, heard)) in answers.iter().zip(batch.seen.iter().zip(&batch.heard)) {
        let wanted = if asked == Attend::Image { seen } else { heard };
        let is = |digit: u8| i64::from(digit) == answer;
        let hits = [is(wanted.label), is(seen.label), is(heard.label), wanted.other.is_some_and(is)];
        for (count, hit) in counts.iter_mut().zip(hits) {
            *count += u64::from(hit);
        }
    }
    counts
}

fn as_text<S: serde::Serializer>(question: &Question, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(question)
}
