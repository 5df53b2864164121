//! What a length of ImageNet-C, which is for pictures of 224 x 224 pixels, is in a picture of another size.

/// The size that ImageNet-C's constants are for.
const REFERENCE_SIDE: f32 = 224.0;
/// A pixel of a small picture is the mean of at most so many values that are drawn one by one.
const MOST_DRAWS: f32 = 64.0;

/// A picture's size, in ImageNet-C's.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    /// Pixels of the picture for one pixel of ImageNet-C's.
    factor: f32,
}

impl Scale {
    /// The shorter side counts: it is what CLIP resizes to its input.
    pub(super) fn of(width: usize, height: usize) -> Self {
        Self {
            factor: width.min(height) as f32 / REFERENCE_SIDE,
        }
    }

    /// A length in pixels of the picture.
    pub(super) fn length(self, reference_pixels: f32) -> f32 {
        reference_pixels * self.factor
    }

    /// A position in pixels of the picture, in pixels of ImageNet-C's.
    pub(super) fn reference(self, pixels: f32) -> f32 {
        pixels / self.factor
    }

    /// The side of the cells that random values are drawn for, in pixels. In a larger picture a random value covers as many pixels as
    /// one of ImageNet-C's does; otherwise it would vanish when the picture is made smaller for the model.
    pub(super) fn grain(self) -> f32 {
        self.factor.max(1.0)
    }

    /// Columns and rows of cells that cover a picture.
    pub(super) fn cells(self, width: usize, height: usize) -> (usize, usize) {
        let count = |side: usize| ((side as f32 / self.grain()).ceil() as usize).max(1);
        (count(width), count(height))
    }

    /// How many of ImageNet-C's pixels lie in a cell: in a smaller picture a pixel is the mean of several.
    pub(super) fn pixels_in_cell(self) -> f32 {
        self.factor.min(1.0).powi(-2)
    }

    /// [`Scale::pixels_in_cell`] as a whole number for what is drawn one by one.
    pub(super) fn draws_in_cell(self) -> u32 {
        self.pixels_in_cell().min(MOST_DRAWS).round() as u32
    }

    /// What the standard deviation of independent values is multiplied by when a cell is the mean of [`Scale::pixels_in_cell`].
    pub(super) fn deviation(self) -> f32 {
        self.factor.min(1.0)
    }

    /// Samples along each side of a pixel that make it the mean of what ImageNet-C's pixels in it would be.
    pub(super) fn samples_along(self) -> usize {
        (1.0 / self.factor.min(1.0)).ceil().min(MOST_DRAWS.sqrt()) as usize
    }

    /// The cell that a pixel lies in.
    pub(super) fn cell_of(self, pixel: usize) -> usize {
        (pixel as f32 / self.grain()) as usize
    }
}
