//! Stimuli: what they must be whatever is drawn, and on real data where they are at hand.

mod ambiguous;
mod audiovisual;
mod data;
mod images;
mod mel;
mod sequence;
mod spoken;
mod wav;
