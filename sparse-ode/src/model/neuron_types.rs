//! Which type each neuron is.

use crate::Error;

/// A type for each neuron.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NeuronTypes {
    labels: Vec<String>,
    of: Vec<u32>,
}

impl NeuronTypes {
    /// From one label per neuron, numbers or words. Types are the distinct labels in ascending order.
    ///
    /// ```
    /// let types = sparse_ode::NeuronTypes::from_labels(&["b", "a", "b"]);
    /// assert_eq!(types.labels(), ["a", "b"]);
    /// assert_eq!(types.of_neurons(), [1, 0, 1]);
    /// ```
    pub fn from_labels<L: Ord + ToString>(labels: &[L]) -> Self {
        let mut distinct: Vec<&L> = labels.iter().collect();
        distinct.sort_unstable();
        distinct.dedup();
        let of = labels.iter().map(|l| distinct.partition_point(|d| *d < l) as u32).collect();
        Self { labels: distinct.into_iter().map(ToString::to_string).collect(), of }
    }

    /// From a list of neurons for each type, which together hold every neuron once. Labels are the types' numbers.
    ///
    /// # Errors
    /// [`Error::Option`] when a neuron is missing, listed twice or does not exist.
    pub fn from_indices(neurons: usize, indices: &[Vec<u32>]) -> Result<Self, Error> {
        let refuse = |what: String| Err(Error::Option { option: "neuron_type_indices", what });
        let mut of = vec![u32::MAX; neurons];
        for (kind, list) in indices.iter().enumerate() {
            for &neuron in list {
                match of.get_mut(neuron as usize) {
                    None => return refuse(format!("type {kind} has neuron {neuron} of {neurons}")),
                    Some(t) if *t != u32::MAX => {
                        return refuse(format!("neuron {neuron} is of type {t} and of type {kind}"));
                    }
                    Some(t) => *t = kind as u32,
                }
            }
        }
        if let Some(neuron) = of.iter().position(|&t| t == u32::MAX) {
            return refuse(format!("the lists must together contain all neuron indices; {neuron} is in none"));
        }
        Ok(Self { labels: (0..indices.len()).map(|k| k.to_string()).collect(), of })
    }

    /// The types' labels, in the order of their numbers.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// The type of each neuron, `[neurons]`.
    pub fn of_neurons(&self) -> &[u32] {
        &self.of
    }

    /// The neurons of a type, ascending.
    pub fn neurons_of(&self, kind: u32) -> Vec<u32> {
        (0..self.of.len() as u32).filter(|&n| self.of[n as usize] == kind).collect()
    }
}
