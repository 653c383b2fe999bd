//! One module per file format.

pub mod area_table;
#[cfg(feature = "parquet")]
mod columnar;
pub mod csv_matrix;
pub mod csv_tables;
#[cfg(feature = "parquet")]
pub mod feather;
pub mod flyvis_json;
pub mod graphml;
pub mod idx;
pub mod matrix;
pub mod matrix_market;
pub mod npy;
pub mod npz;
#[cfg(feature = "parquet")]
pub mod parquet;
pub mod pickle;
pub mod pt;
pub mod roi_folder;
pub mod safetensors;
pub mod sparse_matrix;
pub(crate) mod zip_members;
