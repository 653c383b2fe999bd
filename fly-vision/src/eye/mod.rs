//! Eyes: from images to the luminance of hexagonal columns.
