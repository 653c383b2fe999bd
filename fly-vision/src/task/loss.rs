//! How far a flow is from the true one.

use tch::{Kind, TchError, Tensor};

use crate::Error;

/// A distance between flows `[batch, frames, dimensions, columns]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Loss {
    /// Per sample the root of the sum of all squared differences, then the mean over samples. What networks are trained on; the
    /// default.
    #[default]
    L2Norm,
    /// Length of the difference of two vectors (the end-point error), the mean over samples, frames and columns.
    EndPointError,
}

impl Loss {
    /// A scalar of the kind of `flow`.
    ///
    /// # Errors
    /// [`Error::Shape`] unless both have the same four dimensions, none of them 0.
    pub fn between(self, flow: &Tensor, truth: &Tensor) -> Result<Tensor, Error> {
        let size = flow.size();
        if size.len() != 4 || size.contains(&0) || size != truth.size() {
            let got = format!("{size:?}, the true one {:?}", truth.size());
            return Err(Error::shape("a flow", got, "[batch, frames, dimensions, columns], both the same"));
        }
        let squares = flow.f_sub(truth)?.f_square()?;
        let sums = match self {
            // of a single sample by frames first, as in `mean`
            Self::L2Norm if size[0] == 1 => squares
                .f_sum_dim_intlist(&[2, 3][..], false, None::<Kind>)?
                .f_sum_dim_intlist(1, false, None::<Kind>)?,
            Self::L2Norm => squares.f_sum_dim_intlist(&[1, 2, 3][..], false, None::<Kind>)?,
            Self::EndPointError => squares.f_sum_dim_intlist(2, false, None::<Kind>)?,
        };
        Ok(mean(&sums.f_sqrt()?)?)
    }
}

/// The mean of the means of rows, all equally long. The mean of more than 32,768 numbers at once would be summed by libtorch in an order that
/// depends on the number of threads; sums of several rows are not.
pub(crate) fn mean(rows: &Tensor) -> Result<Tensor, TchError> {
    let means = if rows.dim() > 1 { rows.f_mean_dim(-1, false, None::<Kind>)? } else { rows.shallow_clone() };
    means.f_mean(None::<Kind>)
}

/// The loss of several tasks: the mean of their losses by weight, `sum of weight loss / sum of weights`.
///
/// # Errors
/// [`Error::Setting`] unless there is a task, no weight is negative and one is above 0.
pub fn task_loss(losses: &[(f64, &Tensor)]) -> Result<Tensor, Error> {
    let total: f64 = losses.iter().map(|(weight, _)| weight).sum();
    if losses.iter().any(|(weight, _)| *weight < 0.0) || !total.is_finite() || total <= 0.0 {
        let weights: Vec<f64> = losses.iter().map(|(weight, _)| *weight).collect();
        return Err(Error::setting("weights of tasks", format!("{weights:?}; none below 0, one above")));
    }
    let mut sum: Option<Tensor> = None;
    for (weight, loss) in losses {
        let part = loss.f_mul_scalar(weight / total)?;
        sum = Some(match sum {
            None => part,
            Some(sum) => sum.f_add(&part)?,
        });
    }
    sum.ok_or_else(|| Error::setting("weights of tasks", "none; at least one"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(t: &Tensor) -> f64 {
        t.double_value(&[])
    }

    #[test]
    fn losses_by_hand() {
        let flow = Tensor::from_slice(&[3.0, 0.0, 4.0, 0.0, 0.0, 0.0, 0.0, 2.0]).view([2, 1, 2, 2]);
        let truth = flow.zeros_like();
        assert_eq!(value(&Loss::L2Norm.between(&flow, &truth).unwrap()), (5.0 + 2.0) / 2.0);
        assert_eq!(value(&Loss::EndPointError.between(&flow, &truth).unwrap()), (5.0 + 0.0 + 0.0 + 2.0) / 4.0);
        assert!(Loss::L2Norm.between(&flow, &truth.get(0)).is_err());
    }

    /// So many numbers that libtorch shares the sum of all between threads.
    #[test]
    fn losses_do_not_depend_on_threads() {
        let numbers: Vec<f32> = (0..80 * 2 * 721).map(|i| (i * 7919 % 10_007) as f32 / 1e3).collect();
        let threads = tch::get_num_threads();
        let of = |threads: i32| {
            tch::set_num_threads(threads);
            let losses = [(1, Loss::L2Norm), (2, Loss::L2Norm), (1, Loss::EndPointError), (2, Loss::EndPointError)];
            losses.map(|(batch, loss)| {
                let flow = Tensor::from_slice(&numbers).view([batch, -1, 2, 721]);
                value(&loss.between(&flow, &flow.zeros_like()).unwrap()).to_bits()
            })
        };
        let (one, three) = (of(1), of(3));
        tch::set_num_threads(threads);
        assert_eq!(one, three);
    }

    #[test]
    fn tasks_count_by_weight() {
        let (a, b) = (Tensor::from(1.0), Tensor::from(5.0));
        assert_eq!(value(&task_loss(&[(1.0, &a), (3.0, &b)]).unwrap()), 4.0);
        assert!(
            task_loss(&[]).is_err() && task_loss(&[(0.0, &a)]).is_err() && task_loss(&[(-1.0, &a), (3.0, &b)]).is_err()
        );
    }
}
