//! Offsets inside the convex hull of the measured ones.
//!
//! Reconstructions miss connections at some displacements between connected ones; the gaps of the convex hull are filled
//! with a nominal number of synapses. Membership is the crossing test below, whose borders are half-open: a point on an
//! edge of the hull counts as inside or outside depending on the side, which reproduces the published networks exactly.

/// Vertices of the strict convex hull, counter-clockwise with the first coordinate to the right; points on its edges are
/// no vertices. Fewer than 3 vertices if the points are collinear. By Andrew's monotone chain.
pub fn convex_hull(points: &[[i32; 2]]) -> Vec<[i32; 2]> {
    let mut sorted = points.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    if sorted.len() < 3 {
        return sorted;
    }
    let mut hull: Vec<[i32; 2]> = Vec::with_capacity(2 * sorted.len());
    let mut extend = |point: [i32; 2], keep: usize| {
        while hull.len() > keep && turn(hull[hull.len() - 2], hull[hull.len() - 1], point) <= 0 {
            hull.pop();
        }
        hull.push(point);
        hull.len()
    };
    let mut length = 0;
    for &point in &sorted {
        length = extend(point, 1);
    }
    for &point in sorted.iter().rev().skip(1) {
        extend(point, length);
    }
    hull.pop(); // the first point again
    hull
}

/// Points of the hull of `listed` that are not listed: first coordinate ascending, then the second.
///
/// Nothing is filled for fewer than three points or collinear ones, whose hull encloses no area.
///
/// # Errors
/// The number of points of the bounding box, if that is more than `limit`.
pub fn fill_hull(listed: &[[i32; 2]], limit: u128) -> Result<Vec<[i32; 2]>, u128> {
    if listed.len() < 3 {
        return Ok(Vec::new());
    }
    let bounds = |axis: usize| {
        let range = listed.iter().map(|p| p[axis]);
        let (low, high) = (range.clone().min().unwrap_or(0), range.max().unwrap_or(0));
        (low, high, (i64::from(high) - i64::from(low) + 1) as u128)
    };
    let ((u_low, u_high, width), (v_low, v_high, height)) = (bounds(0), bounds(1));
    if width * height > limit {
        return Err(width * height);
    }
    let hull = convex_hull(listed);
    if hull.len() < 3 {
        return Ok(Vec::new());
    }
    let place = |u: i32, v: i32| (u - u_low) as usize * height as usize + (v - v_low) as usize;
    let mut known = vec![false; (width * height) as usize];
    for &[u, v] in listed {
        known[place(u, v)] = true;
    }
    let mut filled = Vec::new();
    for u in u_low..=u_high {
        for v in v_low..=v_high {
            if !known[place(u, v)] && inside(&hull, [u, v]) {
                filled.push([u, v]);
            }
        }
    }
    Ok(filled)
}

/// Positive if a, b, c turn counter-clockwise, 0 if they are collinear.
fn turn(a: [i32; 2], b: [i32; 2], c: [i32; 2]) -> i128 {
    let d = |p: [i32; 2], axis: usize| i128::from(p[axis]) - i128::from(a[axis]);
    d(b, 0) * d(c, 1) - d(b, 1) * d(c, 0)
}

/// Even-odd crossing test of a point against a polygon, half-open on its edges.
fn inside(polygon: &[[i32; 2]], [tx, ty]: [i32; 2]) -> bool {
    let mut inside = false;
    for (i, &[x0, y0]) in polygon.iter().enumerate() {
        let [x1, y1] = polygon[(i + 1) % polygon.len()];
        let (above0, above1) = (y0 >= ty, y1 >= ty);
        let d = |a: i32, b: i32| i128::from(a) - i128::from(b);
        if above0 != above1 && (d(y1, ty) * d(x0, x1) >= d(x1, tx) * d(y0, y1)) == above1 {
            inside = !inside;
        }
    }
    inside
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Least turn of a point against the edges of a counter-clockwise polygon: negative outside, 0 on the border.
    fn least_turn(hull: &[[i32; 2]], p: [i32; 2]) -> i128 {
        (0..hull.len()).map(|i| turn(hull[i], hull[(i + 1) % hull.len()], p)).min().unwrap()
    }

    proptest! {
        /// All interior gaps are filled, nothing outside is, nothing twice, nothing that was listed.
        #[test]
        fn filling_agrees_with_half_planes(points in prop::collection::vec([-8..9i32, -8..9i32], 3..20)) {
            let hull = convex_hull(&points);
            let filled = fill_hull(&points, 1 << 20).unwrap();
            prop_assert!(filled.is_sorted_by(|a, b| a < b));
            if hull.len() < 3 {
                prop_assert!(filled.is_empty());
            } else {
                for p in &points {
                    prop_assert!(least_turn(&hull, *p) >= 0);
                }
                for u in -9..10 {
                    for v in -9..10 {
                        let (p, least) = ([u, v], least_turn(&hull, [u, v]));
                        prop_assert!(!filled.contains(&p) || (least >= 0 && !points.contains(&p)));
                        prop_assert!(least <= 0 || points.contains(&p) || filled.contains(&p));
                    }
                }
            }
        }
    }

    #[test]
    fn absurd_boxes_are_refused() {
        let corners = [[i32::MIN, i32::MIN], [i32::MAX, 0], [0, i32::MAX]];
        assert_eq!(fill_hull(&corners, 1 << 24), Err(1 << 64));
        assert_eq!(convex_hull(&corners).len(), 3);
    }

    /// A line has gaps but no area.
    #[test]
    fn lines_are_not_filled() {
        assert_eq!(fill_hull(&[[0, 0], [2, 2], [6, 6]], 100), Ok(vec![]));
    }
}
