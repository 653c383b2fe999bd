//! Systems whose exponents are known.
//!
//! | system | exponents | source |
//! | --- | --- | --- |
//! | [`Logistic`], r = 4 | ln 2 | exact |
//! | [`Henon`], a = 1.4, b = 0.3 | 0.41922, -1.62319; their sum is ln 0.3 | Sprott, *Chaos and Time-Series Analysis*, 2003 |
//! | [`Ikeda`], u = 0.9 | 0.507, -0.718; their sum is 2 ln 0.9 | |
//! | [`Lorenz63`], σ = 10, ρ = 28, β = 8/3 | 0.9056, 0, -14.5723; their sum is -(σ + 1 + β) | Sprott 2003, Viswanath 1998 |
//! | [`Rossler`], a = b = 0.2, c = 5.7 | 0.0714, 0, -5.3943 | Sprott 2003 |
//! | [`Lorenz96`], N = 40, F = 8 | the largest 1.67 to 1.69, 13 positive; their sum is -N | Lorenz 1996 |

mod henon;
mod ikeda;
mod logistic;
mod lorenz63;
mod lorenz96;
mod rossler;

pub use henon::Henon;
pub use ikeda::Ikeda;
pub use logistic::Logistic;
pub use lorenz63::Lorenz63;
pub use lorenz96::Lorenz96;
pub use rossler::Rossler;
