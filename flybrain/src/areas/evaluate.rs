//! How well images are told apart.

use convgru_feedback::Mode;
use serde::Serialize;
use tch::{Kind, Reduction, Tensor, no_grad};

use super::{AreaClassifier, Labelled};
use crate::Error;

/// Answers to images.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluation {
    /// Images.
    pub images: usize,
    /// Part of them whose class was found.
    pub accuracy: f64,
    /// Mean cross-entropy.
    pub loss: f64,
    /// How often images of a class (row) got an answer (column), `[classes][classes]`.
    pub confusion: Vec<Vec<u64>>,
}

/// Images in one run of the network.
const BATCH: i64 = 250;

/// Asks the model for the class of each image, without dropout.
///
/// # Errors
/// [`Error::Areas`] for images of another size.
pub fn evaluate(model: &AreaClassifier, data: &Labelled) -> Result<Evaluation, Error> {
    let torch = |e| Error::Areas(convgru_feedback::Error::Torch(e));
    let batches = |t: &Tensor| t.f_split(BATCH, 0).map_err(torch);
    let mut answers = Vec::new();
    let mut loss = 0.0;
    for (images, labels) in batches(&data.images)?.iter().zip(&batches(&data.labels)?) {
        let logits = no_grad(|| model.logits(images, Mode::Evaluate))?;
        let sum = logits.f_cross_entropy_loss::<Tensor>(labels, None, Reduction::Sum, -100, 0.0).map_err(torch)?;
        loss += sum.f_double_value(&[]).map_err(torch)?;
        answers.extend(Vec::<i64>::try_from(logits.f_argmax(-1, false).map_err(torch)?).map_err(torch)?);
    }
    let labels = Vec::<i64>::try_from(data.labels.f_to_kind(Kind::Int64).map_err(torch)?).map_err(torch)?;
    let classes = model.config().n_classes as usize;
    let mut confusion = vec![vec![0; classes]; classes];
    for (&label, &answer) in labels.iter().zip(&answers) {
        confusion[label as usize][answer as usize] += 1;
    }
    let right: u64 = (0..classes).map(|class| confusion[class][class]).sum();
    let n = labels.len();
    Ok(Evaluation { images: n, accuracy: right as f64 / n as f64, loss: loss / n as f64, confusion })
}
