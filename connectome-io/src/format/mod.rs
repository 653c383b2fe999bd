//! One module per file format.

pub mod area_table;
pub mod csv_matrix;
pub mod csv_tables;
pub mod flyvis_json;
pub mod graphml;
pub mod idx;
pub mod matrix;
pub mod matrix_market;
pub mod npy;
pub mod npz;
pub mod pickle;
pub mod pt;
pub mod roi_folder;
pub mod safetensors;
pub mod sparse_matrix;
pub(crate) mod zip_members;
