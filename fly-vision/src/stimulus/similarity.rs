//! Shifts, rotations and scalings of the plane.

/// `p -> m p + shift` in complex numbers: `m` rotates by its angle and scales by its size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Similarity {
    /// Rotation and scale, `[re, im]`.
    pub(super) turn: [f64; 2],
    /// Where the origin goes.
    pub(super) shift: [f64; 2],
}

impl Similarity {
    /// Scales by `exp(log_scale)`, rotates by an angle in radians, then shifts.
    pub(super) fn new(log_scale: f64, angle: f64, shift: [f64; 2]) -> Self {
        let scale = log_scale.exp();
        Self { turn: [scale * angle.cos(), scale * angle.sin()], shift }
    }

    pub(super) fn apply(&self, p: [f64; 2]) -> [f64; 2] {
        let turned = product(self.turn, p);
        [turned[0] + self.shift[0], turned[1] + self.shift[1]]
    }

    /// This map, then another one.
    pub(super) fn then(&self, next: &Self) -> Self {
        Self { turn: product(next.turn, self.turn), shift: next.apply(self.shift) }
    }

    pub(super) fn inverse(&self) -> Self {
        let [re, im] = self.turn;
        let square = re * re + im * im;
        let turn = [re / square, -im / square];
        let back = product(turn, self.shift);
        Self { turn, shift: [-back[0], -back[1]] }
    }
}

fn product(a: [f64; 2], b: [f64; 2]) -> [f64; 2] {
    [a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0]]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn there_and_back(log in -1.0..1.0f64, angle in -9.0..9.0f64, x in -9.0..9.0f64, y in -9.0..9.0f64) {
            let map = Similarity::new(log, angle, [x, -y]);
            let back = map.then(&map.inverse()).apply([y, x]);
            prop_assert!((back[0] - y).abs() < 1e-12 && (back[1] - x).abs() < 1e-12);
        }
    }
}
