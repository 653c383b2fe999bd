//! Measures of responses: what cells are tuned to.
//!
//! [`Responses`] hold what the central cells of an ensemble of models did. From them come [peaks](peak_responses), then
//! [direction selectivity](direction_selectivity_index), [preferred directions](preferred_direction) and [tuning
//! curves](angular_tuning); [flash responses](flash_response_index) tell on from off cells. [`known`] is what the
//! literature says, the scores compare the two, [`cluster`] groups models that found the same solution.
//!
//! ```
//! use fly_vision::Conditions;
//! use fly_vision::measure::{self, Averaging, PeakOptions, Responses, Window};
//!
//! // one model, one cell that likes motion to the left, four directions, two frames
//! let edges = Conditions::product(&[("angle", &[0.0, 90.0, 180.0, 270.0])]);
//! let values = vec![0.0, 0.1, 0.0, 0.2, 0.0, 0.9, 0.0, 0.2];
//! let responses = Responses::new(values, 1, vec![0.0, 0.1], edges, vec!["T4a".into()])?;
//! let peaks = measure::peak_responses(&responses, &PeakOptions { window: Window::Whole, norm: None })?;
//! let direction = measure::preferred_direction(&peaks, Averaging::OverWidthAndSpeed)?;
//! assert!((direction.value(0, 0, 0).abs() - std::f64::consts::PI).abs() < 1e-9);
//! # Ok::<(), fly_vision::Error>(())
//! ```

pub mod cluster;
mod correlation;
mod currents;
mod direction;
mod ensemble;
mod field;
mod flash;
mod groups;
pub mod known;
mod motion;
mod norm;
mod peak;
mod permutation;
mod responses;
mod score;
mod table;
mod tuning;

pub use correlation::{correlate_one_to_many, pearson};
pub use currents::{Afferent, Currents, TypeCurrent};
pub use direction::{
    Averaging, angular_distance, direction_selectivity_index, orientation_selectivity_index, preferred_direction,
};
pub use ensemble::{Distribution, best_models, correct_directions, distributions, quantile, rank_by_error};
pub use field::{
    AnatomicalField, Baseline, FieldPeak, Partner, RadialProfile, SpatioTemporalField, projective_field,
    receptive_field,
};
pub use flash::{FlashOptions, Shift, flash_response_index};
pub use motion::{MotionTuning, motion_tuning};
pub use norm::{Rectification, response_norm};
pub use peak::{Passing, PeakOptions, Window, peak_responses};
pub use permutation::permutation_test;
pub use responses::Responses;
pub use score::{direction_distance, dsi_correlation, fri_agreement, fri_correlation, tuning_curve_correlation};
pub use table::{PerCell, PerCondition};
pub use tuning::{ModelAverage, TuningOptions, TuningScale, angular_tuning};
