//! Where a connectome came from.

use serde::{Deserialize, Serialize};

/// How the source lays out its connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Orientation {
    /// A matrix whose row is the postsynaptic neuron, `y = W x`. The default for matrices.
    #[default]
    PostPre,
    /// A matrix whose row is the presynaptic neuron.
    PrePost,
    /// A table whose columns name both ends.
    EdgeList,
}

/// A file that went into a connectome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputFile {
    /// Its name, without folders.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
}

/// Source, version, reference, threshold, licence, orientation and files of a connectome.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Provenance {
    source: String,
    version: Option<String>,
    threshold: Option<f64>,
    licence: Option<String>,
    orientation: Orientation,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    inputs: Vec<InputFile>,
}

impl Provenance {
    /// A source: a file name, an address or a sentence.
    pub fn new(source: impl Into<String>, orientation: Orientation) -> Self {
        Self { source: source.into(), orientation, ..Self::default() }
    }

    /// States the version of the data set, such as `"783"` or `"hemibrain:v1.2.1"`.
    #[must_use]
    pub fn with_version(mut self, version: impl Into<String>) -> Self {
        self.version = Some(version.into());
        self
    }

    /// States the smallest weight that was kept.
    #[must_use]
    pub fn with_threshold(mut self, threshold: f64) -> Self {
        self.threshold = Some(threshold);
        self
    }

    /// States the licence of the data.
    #[must_use]
    pub fn with_licence(mut self, licence: impl Into<String>) -> Self {
        self.licence = Some(licence.into());
        self
    }

    /// States the publication to cite.
    #[must_use]
    pub fn with_reference(mut self, reference: impl Into<String>) -> Self {
        self.reference = Some(reference.into());
        self
    }

    /// States the files that were read.
    #[must_use]
    pub fn with_inputs(mut self, inputs: Vec<InputFile>) -> Self {
        self.inputs = inputs;
        self
    }

    /// The source.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The version of the data set.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// The smallest weight that was kept, in units of the weights.
    #[must_use]
    pub fn threshold(&self) -> Option<f64> {
        self.threshold
    }

    /// The licence of the data.
    #[must_use]
    pub fn licence(&self) -> Option<&str> {
        self.licence.as_deref()
    }

    /// The layout of the source.
    #[must_use]
    pub fn orientation(&self) -> Orientation {
        self.orientation
    }

    /// The publication to cite.
    #[must_use]
    pub fn reference(&self) -> Option<&str> {
        self.reference.as_deref()
    }

    /// The files that were read; empty unless somebody stated them.
    #[must_use]
    pub fn inputs(&self) -> &[InputFile] {
        &self.inputs
    }
}
