"""Five corruptions of a u8 picture [64, 64, 3], each at one strength."""
import numpy as np
import torch
import torch.nn.functional as F
import torchvision.transforms.functional as transforms

SIDE = 64
KINDS = ("gaussian noise", "blur", "contrast", "fog", "pixelate")


def corrupt(picture, kind, generator):
    """The picture with one of KINDS; `generator` is NumPy's, used by noise and fog."""
    x = picture.astype(np.float32) / 255
    corrupted = {"gaussian noise": noise, "blur": blur, "contrast": contrast, "fog": fog, "pixelate": pixelate}[kind](
        x, generator)
    return (np.clip(corrupted, 0, 1) * 255).round().astype(np.uint8)


def to_tensor(x):
    return torch.from_numpy(x).permute(2, 0, 1)[None]


def to_array(x):
    return x[0].permute(1, 2, 0).numpy()


def noise(x, generator):
    return x + generator.normal(0, 0.08, x.shape)


def blur(x, _):
    return to_array(transforms.gaussian_blur(to_tensor(x), 9, 1.25))


def contrast(x, _):
    mean = x.mean((0, 1))
    return (x - mean) * 0.4 + mean


def pixelate(x, _):
    small = F.interpolate(to_tensor(x), size=(SIDE // 2, SIDE // 2), mode="area")
    return to_array(F.interpolate(small, size=(SIDE, SIDE), mode="nearest"))


def fog(x, generator):
    """A random cloud of four octaves, added, and the whole made as bright as before."""
    cloud = sum(
        F.interpolate(torch.from_numpy(generator.random((1, 1, side, side)).astype(np.float32)), size=(SIDE, SIDE),
                      mode="bicubic") * (2 / side) ** 0.8
        for side in (2, 4, 8, 16))
    cloud = ((cloud - cloud.min()) / (cloud.max() - cloud.min()))[0, 0].numpy()[..., None]
    brightest = x.max()
    return (x + 1.0 * cloud) * brightest / (brightest + 1.0)
