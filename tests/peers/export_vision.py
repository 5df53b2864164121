"""The vision tower of a Hugging Face CLIPModel folder as an ONNX file that takes a batch of pictures of a fixed size.

    python3 export_vision.py --model FOLDER --views 64 --out vision.onnx

Needs ../oracle/requirements.txt, and the package `onnx`. The folder is what `clip-ttl convert --quant f32` writes.
"""
import argparse

import torch
from transformers import CLIPModel


class ImageFeatures(torch.nn.Module):
    """Pixels [views, 3, side, side] to features [views, projection]."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, pixels):
        pooled = self.model.vision_model(pixel_values=pixels).pooler_output
        return self.model.visual_projection(pooled)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--views", type=int, default=64)
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    # The fused attention of PyTorch has no place in ONNX; written out, ONNX Runtime recognises it.
    model = CLIPModel.from_pretrained(options.model, attn_implementation="eager", dtype=torch.float32).eval()
    side = model.config.vision_config.image_size
    pixels = torch.randn(options.views, 3, side, side, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.onnx.export(ImageFeatures(model), (pixels,), options.out, input_names=["pixels"],
                          output_names=["features"], opset_version=17, dynamo=False)


if __name__ == "__main__":
    main()
