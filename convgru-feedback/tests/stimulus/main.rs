//! Stimuli: what they must be whatever is drawn, and on real data where they are at hand.

mod data;
mod images;
mod mel;
mod spoken;
mod wav;
