"""Step 6: both towers as a Hugging Face CLIPModel folder in f32 (config.json, model.safetensors,
preprocessor_config.json). In f16 the text tower's values would no longer be exactly those of q4."""
import json
import pathlib

import torch

from pixels import MEAN, STD
from towers import IMAGE, PROJECTION, TEXT_SHAPE, TEXT_TOKENS, VISION_SHAPE, to_hugging_face
from workspace import workspace_of, workspace_parser

PREPROCESSING = dict(
    crop_size=dict(height=IMAGE, width=IMAGE), do_center_crop=True, do_convert_rgb=True, do_normalize=True,
    do_rescale=True, do_resize=True, image_mean=MEAN, image_std=STD, image_processor_type="CLIPImageProcessor",
    resample=3, rescale_factor=1 / 255, size=dict(shortest_edge=IMAGE))


def export(workspace, name, folder):
    """Writes cache/NAME.pt and cache/text.pt to the folder."""
    from transformers import CLIPConfig, CLIPModel

    config = CLIPConfig(text_config=TEXT_SHAPE | TEXT_TOKENS, vision_config=VISION_SHAPE, projection_dim=PROJECTION,
                        logit_scale_init_value=3.4)
    model = CLIPModel(config)
    state = to_hugging_face(torch.load(workspace.cache / f"{name}.pt", map_location="cpu"))
    state.update(torch.load(workspace.cache / "text.pt", map_location="cpu"))
    result = model.load_state_dict(state, strict=False)
    if result.unexpected_keys or not all("position_ids" in key for key in result.missing_keys):
        raise SystemExit(f"the towers do not fit the model: {result}")
    model.save_pretrained(folder, safe_serialization=True)
    with open(pathlib.Path(folder) / "preprocessor_config.json", "w", encoding="utf-8") as file:
        json.dump(PREPROCESSING, file, indent=1)
    print(folder, sum(parameter.numel() for parameter in model.parameters()), "parameters, logit scale",
          float(model.logit_scale.detach().exp()))


def main():
    parser = workspace_parser(__doc__)
    parser.add_argument("--name", default="image", help="of the image tower in cache/")
    parser.add_argument("--out", help="default: out/pocket-clip in the work folder")
    options = parser.parse_args()
    workspace = workspace_of(options)
    export(workspace, options.name, options.out or workspace.out / "pocket-clip")


if __name__ == "__main__":
    main()
