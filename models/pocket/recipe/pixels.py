"""Pictures as the towers take them: normalised patches, and the augmentation of training."""
import math

import torch
import torch.nn.functional as F

from towers import PATCH, PATCH_VALUES
from workspace import fast_dtype

MEAN, STD = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]
MEAN_255 = torch.tensor(MEAN).view(1, 3, 1, 1) * 255
STD_255 = torch.tensor(STD).view(1, 3, 1, 1) * 255


def patches(x, dtype=None):
    """[batch, 3, side, side] values 0 to 255 -> [batch, patches, 192] normalised, channel-major; `dtype` is the fast
    one if not given."""
    batch, _, side, _ = x.shape
    grid = side // PATCH
    tiles = ((x - MEAN_255) / STD_255).view(batch, 3, grid, PATCH, grid, PATCH).permute(0, 2, 4, 1, 3, 5)
    return tiles.reshape(batch, grid * grid, PATCH_VALUES).to(dtype or fast_dtype())


def augment(pictures, side, smallest_crop, generator):
    """u8 [batch, 64, 64, 3] -> patches of random crops at `side` px, mirrored, with brightness, contrast and
    saturation changed."""
    x = pictures.permute(0, 3, 1, 2).float()
    batch = len(x)

    def uniform(low, high):
        return torch.rand(batch, generator=generator) * (high - low) + low

    area = uniform(smallest_crop, 1.0)
    ratio = torch.exp(uniform(math.log(3 / 4), math.log(4 / 3)))
    width = (area * ratio).sqrt().clamp(max=1)
    height = (area / ratio).sqrt().clamp(max=1)
    # The order of the draws is part of what a seed means.
    centre_x = (torch.rand(batch, generator=generator) * 2 - 1) * (1 - width)
    centre_y = (torch.rand(batch, generator=generator) * 2 - 1) * (1 - height)
    mirror = (torch.rand(batch, generator=generator) < 0.5).float() * 2 - 1
    transform = torch.zeros(batch, 2, 3)
    transform[:, 0, 0], transform[:, 0, 2] = width * mirror, centre_x
    transform[:, 1, 1], transform[:, 1, 2] = height, centre_y
    grid = F.affine_grid(transform, [batch, 3, side, side], align_corners=False)
    x = F.grid_sample(x, grid, mode="bilinear", padding_mode="border", align_corners=False)

    def factor(low, high):
        return uniform(low, high).view(batch, 1, 1, 1)

    x = x * factor(0.7, 1.3)
    mean = x.mean((1, 2, 3), keepdim=True)
    x = mean + (x - mean) * factor(0.7, 1.3)
    grey = x.mean(1, keepdim=True)
    x = grey + (x - grey) * factor(0.6, 1.4)
    return patches(x.clamp(0, 255))
