//! Signed weights as magnitudes and one sign per presynaptic neuron (Dale's law).

use connectome_io::Sign;

use super::Topology;
use crate::Error;

/// How [`Topology::split_signs`] treats neurons whose outgoing weights have both signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dale {
    /// [`Error::MixedSigns`] names them. The default.
    #[default]
    Strict,
    /// They get the sign of their summed outgoing weight; all their synapses keep their magnitude under that sign.
    /// An exact tie is [`Error::MixedSigns`].
    Majority,
}

impl Topology {
    /// Splits signed weights into magnitudes `|w|` on the same synapses and one sign per presynaptic neuron, `[n_pre]`.
    ///
    /// Where all neurons have one sign, `w[post, pre] = sign[pre] * magnitude[post, pre]`. A neuron without outgoing
    /// weight other than 0 has [`Sign::Unknown`].
    ///
    /// # Errors
    /// [`Error::MixedSigns`], see [`Dale`].
    pub fn split_signs(&self, dale: Dale) -> Result<(Self, Vec<Sign>), Error> {
        let n = self.n_pre();
        let (mut excites, mut inhibits) = (vec![false; n], vec![false; n]);
        let mut sum = vec![0f64; n];
        for (&pre, &weight) in self.columns().iter().zip(self.weights()) {
            excites[pre as usize] |= weight > 0.0;
            inhibits[pre as usize] |= weight < 0.0;
            sum[pre as usize] += weight;
        }
        let mut mixed = Vec::new();
        let mut signs = Vec::with_capacity(n);
        for j in 0..n {
            signs.push(match (excites[j], inhibits[j]) {
                (true, false) => Sign::Excitatory,
                (false, true) => Sign::Inhibitory,
                (false, false) => Sign::Unknown,
                (true, true) if dale == Dale::Majority && sum[j] > 0.0 => Sign::Excitatory,
                (true, true) if dale == Dale::Majority && sum[j] < 0.0 => Sign::Inhibitory,
                (true, true) => {
                    mixed.push(j as u32);
                    Sign::Unknown
                }
            });
        }
        if !mixed.is_empty() {
            let count = mixed.len();
            mixed.truncate(16);
            let tie = match dale {
                Dale::Strict => "",
                Dale::Majority => " (here the sums are exactly 0: decide these neurons by hand)",
            };
            return Err(Error::MixedSigns { count, neurons: mixed, tie });
        }
        Ok((self.map_weights(f64::abs)?, signs))
    }
}
