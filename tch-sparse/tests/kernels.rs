//! The slice kernels on every tier against plain sums in f64, at odd sizes, and the layout's own laws.

use proptest::prelude::*;
use tch_sparse::kernel::{Into, Tier, product_and_sampled_on, product_on, sampled_on};
use tch_sparse::{Error, Real, SparsityPattern, parallel};

/// A matrix with empty rows, short rows and one long row, from a seed.
fn matrix(rows: usize, columns: usize, density: u64, seed: u64) -> (SparsityPattern, Vec<(usize, usize)>) {
    let (mut row_ptr, mut at, mut state) = (vec![0], Vec::new(), seed | 1);
    for r in 0..rows {
        for c in 0..columns {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            if r % 5 != 3 && (r == 1 || (state >> 33) % 100 < density) {
                at.push((r, c));
            }
        }
        row_ptr.push(at.len());
    }
    let list: Vec<u32> = at.iter().map(|&(_, c)| c as u32).collect();
    (SparsityPattern::from_csr(rows, columns, row_ptr, &list).expect("a valid pattern"), at)
}

fn numbers<T: Real>(n: usize, seed: u64) -> Vec<T> {
    (0..n as u64).map(|i| T::from_f64((((i + seed) * 2_654_435_761) % 2001) as f64 / 1000.0 - 1.0)).collect()
}

fn check<T: Real>(rows: usize, columns: usize, batch: usize, density: u64, seed: u64, tolerance: f64) {
    let (p, at) = matrix(rows, columns, density, seed);
    let (values, x, left) =
        (numbers::<T>(at.len(), 1), numbers::<T>(columns * batch, 2), numbers::<T>(rows * batch, 3));
    let start = numbers::<T>(rows * batch, 4);
    let mut want = vec![0f64; rows * batch];
    let mut size = vec![1f64; rows * batch];
    let mut want_sampled = vec![0f64; at.len()];
    for (e, &(r, c)) in at.iter().enumerate() {
        for b in 0..batch {
            let term = values[e].to_f64() * x[c * batch + b].to_f64();
            want[r * batch + b] += term;
            size[r * batch + b] += term.abs();
            want_sampled[e] += left[r * batch + b].to_f64() * x[c * batch + b].to_f64();
        }
    }
    // Rounding is relative to the sum of the terms' sizes.
    let close = |what: &str, tier, got: &[T], want: &[f64], size: &[f64]| {
        for (i, ((g, w), s)) in got.iter().zip(want).zip(size).enumerate() {
            let off = (g.to_f64() - w).abs();
            assert!(off <= tolerance * s, "{what} on {tier:?}, {i}: {g} and {w}");
        }
    };
    let ones = vec![1.0 + batch as f64; at.len()];
    for tier in Tier::ALL.into_iter().filter(|t| t.is_available()) {
        let mut y = vec![T::from_f64(f64::NAN); rows * batch];
        product_on(tier, p.layout(), &values, &x, batch, 0..rows, Into::Replace, &mut y);
        close("product", tier, &y, &want, &size);
        let mut y = start.clone();
        product_on(tier, p.layout(), &values, &x, batch, 0..rows, Into::Add, &mut y);
        let sum: Vec<f64> = want.iter().zip(&start).map(|(w, s)| w + s.to_f64()).collect();
        close("added product", tier, &y, &sum, &size);
        let mut dv = vec![T::from_f64(f64::NAN); at.len()];
        sampled_on(tier, p.layout(), &left, &x, batch, 0..rows, Into::Replace, &mut dv);
        close("sampled", tier, &dv, &want_sampled, &ones);
        let mut dv = values.clone();
        sampled_on(tier, p.layout(), &left, &x, batch, 0..rows, Into::Add, &mut dv);
        let grown: Vec<f64> = want_sampled.iter().zip(&values).map(|(w, v)| w + v.to_f64()).collect();
        close("added sampled", tier, &dv, &grown, &ones);
        for (into, want) in [(Into::Replace, &want), (Into::Add, &sum)] {
            let (mut y, mut dv) = (start.clone(), values.clone());
            product_and_sampled_on(tier, p.layout(), &values, &x, &left, batch, 0..rows, into, &mut y, &mut dv);
            close("product of both", tier, &y, want, &size);
            close("sampled of both", tier, &dv, &grown, &ones);
        }
        // A stretch of rows gives the same bits as all of them.
        let (a, b) = (rows / 3, rows - rows / 4);
        let mut part = vec![T::ZERO; (b - a) * batch];
        product_on(tier, p.layout(), &values, &x, batch, a..b, Into::Replace, &mut part);
        let mut all = vec![T::ZERO; rows * batch];
        product_on(tier, p.layout(), &values, &x, batch, 0..rows, Into::Replace, &mut all);
        assert!(part == all[a * batch..b * batch], "rows {a}..{b} on {tier:?}");
        let (first, last) = (p.layout().row_ptr()[a], p.layout().row_ptr()[b]);
        let (mut dv, mut all_dv) = (values[first..last].to_vec(), values.clone());
        for (rows, y, dv) in [(a..b, &mut part, &mut dv), (0..rows, &mut all, &mut all_dv)] {
            product_and_sampled_on(tier, p.layout(), &values, &x, &left, batch, rows, Into::Replace, y, dv);
        }
        assert!(part == all[a * batch..b * batch] && dv == all_dv[first..last], "rows {a}..{b} of both on {tier:?}");
    }
}

#[test]
fn every_batch_from_0_to_130() {
    for batch in 0..=130 {
        check::<f32>(13, 29, batch, 30, batch as u64, 2e-6);
        check::<f64>(13, 29, batch, 30, batch as u64, 1e-13);
    }
}

#[test]
fn wide_columns() {
    // Beyond 65,536 columns indices take four bytes.
    for batch in [1, 3, 8, 17] {
        check::<f32>(7, 70_001, batch, 1, 5, 2e-5);
        check::<f64>(7, 70_001, batch, 1, 5, 1e-13);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn any_size(rows in 1usize..60, columns in 1usize..90, batch in 1usize..131, density in 0u64..80, seed: u64) {
        check::<f32>(rows, columns, batch, density, seed, 2e-6);
        check::<f64>(rows, columns, batch, density, seed, 1e-14);
    }

    /// The transpose of the transpose is the pattern, and positions are a permutation that leads each entry to itself.
    #[test]
    fn transposing_twice_gives_the_pattern(rows in 1usize..40, columns in 1usize..40, density in 0u64..80, seed: u64) {
        let (p, at) = matrix(rows, columns, density, seed);
        let t = p.transposed();
        let (t_rows, t_columns) = (t.layout().to_rows(), t.layout().to_columns());
        let mut seen = vec![false; at.len()];
        for (k, &e) in t.position().iter().enumerate() {
            let (r, c) = at[e as usize];
            prop_assert_eq!((t_columns[k] as usize, t_rows[k] as usize), (r, c));
            prop_assert!(!std::mem::replace(&mut seen[e as usize], true));
        }
        let back = SparsityPattern::from_csr(columns, rows, t.layout().row_ptr().to_vec(), &t_columns).unwrap();
        prop_assert_eq!(back.transposed().layout().to_columns(), p.layout().to_columns());
    }

    /// Parts cover the rows in order without a gap, whatever their number.
    #[test]
    fn parts_cover_the_rows(rows in 1usize..200, density in 0u64..30, n in 1usize..70, seed: u64) {
        let (p, _) = matrix(rows, 20, density, seed);
        let parts = p.layout().parts(n);
        prop_assert!(parts.len() <= n);
        prop_assert_eq!(parts[0].start, 0);
        prop_assert_eq!(parts[parts.len() - 1].end, rows);
        for pair in parts.windows(2) {
            prop_assert_eq!(pair[0].end, pair[1].start);
        }
    }

    /// Coordinates in any order, with repeats: each leads to the entry at its place.
    #[test]
    fn coordinates_lead_to_their_entries(list in prop::collection::vec((0u32..9, 0u32..11), 0..60)) {
        let (rows, columns): (Vec<u32>, Vec<u32>) = list.iter().copied().unzip();
        let (p, slot) = SparsityPattern::from_coo(9, 11, &rows, &columns).unwrap();
        let mut distinct = list.clone();
        distinct.sort_unstable();
        distinct.dedup();
        prop_assert_eq!(p.n_entries(), distinct.len());
        let (p_rows, p_columns) = (p.layout().to_rows(), p.layout().to_columns());
        for (&(r, c), &s) in list.iter().zip(&slot) {
            prop_assert_eq!((p_rows[s as usize], p_columns[s as usize]), (r, c));
        }
    }
}

/// A number that is not in a row does not reach it: no padding or masked lane leaks a NaN.
#[test]
fn foreign_nan_stays_out() {
    let p = SparsityPattern::from_csr(3, 4, vec![0, 2, 3, 4], &[0, 2, 1, 3]).unwrap();
    for batch in [1, 2, 7, 8, 16, 33] {
        for tier in Tier::ALL.into_iter().filter(|t| t.is_available()) {
            let mut x = vec![1f32; 4 * batch];
            x[3 * batch..].fill(f32::NAN);
            let mut y = vec![0f32; 3 * batch];
            product_on(tier, p.layout(), &[1., 2., 3., 4.], &x, batch, 0..3, Into::Replace, &mut y);
            assert!(y[..batch].iter().all(|&v| v == 3.0) && y[batch..2 * batch].iter().all(|&v| v == 3.0));
            assert!(y[2 * batch..].iter().all(|v| v.is_nan()));
            let (left, mut dv) = (vec![1f32; 3 * batch], vec![0f32; 4]);
            product_and_sampled_on(
                tier,
                p.layout(),
                &[1., 2., 3., 4.],
                &x,
                &left,
                batch,
                0..3,
                Into::Replace,
                &mut y,
                &mut dv,
            );
            assert!(y[..2 * batch].iter().all(|&v| v == 3.0) && y[2 * batch..].iter().all(|v| v.is_nan()));
            assert!(dv[..3].iter().all(|&v| v == batch as f32) && dv[3].is_nan());
        }
    }
}

/// One, two and five threads give the same bits.
#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let (p, at) = matrix(900, 700, 12, 3);
    let values = numbers::<f32>(at.len(), 1);
    for batch in [1, 5, 8, 40] {
        let (x, left) = (numbers::<f32>(700 * batch, 2), numbers::<f32>(900 * batch, 3));
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
            pool.install(|| {
                let (mut y, mut dv, mut t) = (vec![0f32; 900 * batch], vec![0f32; at.len()], vec![0f32; at.len()]);
                parallel::product_all(p.layout(), &values, &x, batch, Into::Replace, &mut y);
                parallel::sampled_all(p.layout(), &left, &x, batch, &mut dv);
                parallel::transpose_values(p.transposed(), &values, &mut t);
                let (to, mut back) = (p.transposed(), vec![0f32; at.len()]);
                let (mut d, mut moved) = (vec![0f32; 700 * batch], t.clone());
                parallel::product_and_sampled_all(to.layout(), &t, &left, &x, batch, Into::Replace, &mut d, &mut moved);
                parallel::untranspose_values(to, &moved, &mut back);
                (y, dv, t, d, back)
            })
        };
        let one = run(1);
        assert!(one == run(2) && one == run(5), "batch {batch}");
    }
}

/// The backward pass of a product by the transpose: both gradients as the two products give them, the second in row order again.
#[test]
fn one_pass_gives_what_two_give() {
    let (p, at) = matrix(300, 170, 12, 3);
    let (values, batch) = (numbers::<f64>(at.len(), 1), 8);
    let (x, g) = (numbers::<f64>(170 * batch, 2), numbers::<f64>(300 * batch, 3));
    let to = p.transposed();
    let mut moved = vec![0f64; at.len()];
    parallel::transpose_values(to, &values, &mut moved);
    let (mut want, mut want_values) = (vec![0f64; 170 * batch], vec![0f64; at.len()]);
    parallel::product_all(to.layout(), &moved, &g, batch, Into::Replace, &mut want);
    parallel::sampled_all(p.layout(), &g, &x, batch, &mut want_values);
    let (mut d, mut gradient, mut got_values) = (want.clone(), vec![0f64; at.len()], vec![0f64; at.len()]);
    parallel::product_and_sampled_all(to.layout(), &moved, &g, &x, batch, Into::Replace, &mut d, &mut gradient);
    parallel::untranspose_values(to, &gradient, &mut got_values);
    let close = |got: &[f64], want: &[f64]| got.iter().zip(want).all(|(g, w)| (g - w).abs() < 1e-12);
    assert!(close(&d, &want) && close(&got_values, &want_values));
    parallel::untranspose_values(to, &moved, &mut got_values);
    assert_eq!(got_values, values);
}

#[test]
fn bad_patterns_are_refused() {
    let says = |r: Result<SparsityPattern, Error>, what: &str| {
        let e = r.unwrap_err().to_string();
        assert!(e.contains(what), "{e}");
    };
    says(SparsityPattern::from_csr(2, 3, vec![0, 1], &[0]), "row_ptr has 2 numbers");
    says(SparsityPattern::from_csr(2, 3, vec![0, 2, 1], &[0]), "row 0: its entries would run from 0 to 2");
    says(SparsityPattern::from_csr(2, 3, vec![0, 2, 2], &[1, 1]), "column 1 is followed by 1");
    says(SparsityPattern::from_csr(2, 3, vec![0, 2, 2], &[2, 1]), "column 2 is followed by 1");
    says(SparsityPattern::from_csr(2, 3, vec![0, 1, 2], &[1, 3]), "row 1: column 3 of 3");
    says(SparsityPattern::from_coo(2, 3, &[0], &[]).map(|p| p.0), "1 row numbers for 0");
    says(SparsityPattern::from_coo(2, 3, &[2], &[0]).map(|p| p.0), "there are 2 rows");
    says(SparsityPattern::from_coo(2, 3, &[1], &[7]).map(|p| p.0), "column 7 of 3");
    says(SparsityPattern::from_coo(usize::MAX, 3, &[], &[]).map(|p| p.0), "2,147,483,647 rows");
}

#[test]
#[should_panic(expected = "got 2 values, 4 numbers of X, 2 on the left, 2 of Y, 1 of the gradient")]
fn a_wrong_length_of_both_panics_with_all_lengths() {
    let p = SparsityPattern::from_csr(1, 2, vec![0, 2], &[0, 1]).unwrap();
    let (a, x, left) = (p.layout(), [0f32; 4], [0.; 2]);
    tch_sparse::kernel::product_and_sampled(a, &[1., 1.], &x, &left, 2, 0..1, Into::Replace, &mut [0.; 2], &mut [0.]);
}

#[test]
#[should_panic(expected = "got 1 values, 4 numbers of X, 2 of Y")]
fn a_wrong_length_panics_with_all_lengths() {
    let p = SparsityPattern::from_csr(1, 2, vec![0, 2], &[0, 1]).unwrap();
    tch_sparse::kernel::product(p.layout(), &[1f32], &[0.; 4], 2, 0..1, Into::Replace, &mut [0.; 2]);
}
