//! States of a network over time.

use crate::Error;
use tch::Tensor;

/// States `[batch, time, neurons]`, out of a tensor and at hand.
#[derive(Debug, Clone, PartialEq)]
pub struct States {
    values: Vec<f32>,
    shape: [usize; 3],
}

impl States {
    /// Takes a tensor `[batch, time, neurons]` of f32.
    ///
    /// # Errors
    /// If it has another shape or kind.
    pub fn new(states: &Tensor) -> Result<Self, Error> {
        let (batch, times, neurons) = states.size3()?;
        Ok(Self { values: Vec::try_from(states.flatten(0, -1))?, shape: [batch, times, neurons].map(|n| n as usize) })
    }

    /// Batch, times, neurons.
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// All neurons of a sample at a time, `[neurons]`.
    pub fn at(&self, sample: usize, time: usize) -> &[f32] {
        let [_, times, neurons] = self.shape;
        &self.values[(sample * times + time) * neurons..][..neurons]
    }

    /// A neuron of a sample over time, `[time]`.
    pub fn trace(&self, sample: usize, neuron: usize) -> Vec<f32> {
        let times = 0..self.shape[1];
        times.map(|time| self.at(sample, time)[neuron]).collect()
    }

    /// Standard deviation of each neuron over the samples at a time, `[neurons]`.
    pub fn spread(&self, time: usize) -> Vec<f64> {
        let [batch, _, neurons] = self.shape;
        (0..neurons).map(|n| deviation((0..batch).map(|b| f64::from(self.at(b, time)[n])))).collect()
    }
}

/// Mean of numbers; 0 for none.
pub fn mean(values: impl IntoIterator<Item = f64>) -> f64 {
    let (n, sum) = values.into_iter().fold((0u32, 0.0), |(n, sum), v| (n + 1, sum + v));
    sum / f64::from(n.max(1))
}

/// Standard deviation of numbers; 0 for none.
pub fn deviation(values: impl IntoIterator<Item = f64> + Clone) -> f64 {
    let centre = mean(values.clone());
    mean(values.into_iter().map(|v| (v - centre).powi(2))).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_are_batch_time_neuron() {
        let tensor = Tensor::arange(2 * 3 * 4, (tch::Kind::Float, tch::Device::Cpu));
        let states = States::new(&tensor.view([2, 3, 4])).expect("three dimensions of f32");
        assert_eq!(states.shape(), [2, 3, 4]);
        assert_eq!(states.at(1, 2), [20.0, 21.0, 22.0, 23.0]);
        assert_eq!(states.trace(1, 3), [15.0, 19.0, 23.0]);
        assert_eq!(states.spread(0), [6.0; 4]);
        assert!(States::new(&tensor).is_err());
    }

    #[test]
    fn moments_of_few_numbers() {
        assert_eq!(mean([]), 0.0);
        assert_eq!(mean([1.0, 2.0, 6.0]), 3.0);
        assert_eq!(deviation([5.0]), 0.0);
        assert_eq!(deviation([1.0, 3.0]), 1.0);
    }
}
