"""Both towers of an exported model, to go on training from it without what it was made of: a Hugging Face CLIPModel
folder to cache/NAME.pt and cache/text.pt, the files of steps 5 and 4.

The shipped file becomes such a folder by `clip-ttl convert --from model.safetensors --to FOLDER/ --quant f32`. Its text
tower then has the values of q4, which quantise_text.py sees and leaves as they are.
"""
import pathlib

import torch
from safetensors.torch import load_file

from quantise_text import is_rounded
from towers import from_hugging_face
from workspace import workspace_of, workspace_parser, write_atomically


def import_model(workspace, folder, name):
    """Writes the two files; a text tower that is there already is left alone."""
    state = load_file(pathlib.Path(folder) / "model.safetensors")
    vision = from_hugging_face(state)
    write_atomically(workspace.cache / f"{name}.pt", lambda path: torch.save(vision, path))
    text_path = workspace.cache / "text.pt"
    if text_path.exists():
        print("have text.pt", flush=True)
        return
    text = {key: tensor.float() for key, tensor in state.items() if key.startswith(("text_model.", "text_projection."))}
    write_atomically(text_path, lambda path: torch.save(text, path))
    print(text_path.name, "has" if is_rounded(text) else "does not have", "the values of q4", flush=True)


def main():
    parser = workspace_parser(__doc__)
    parser.add_argument("--model", required=True, help="the folder")
    parser.add_argument("--name", default="image", help="of the image tower in cache/")
    options = parser.parse_args()
    import_model(workspace_of(options), options.model, options.name)


if __name__ == "__main__":
    main()
