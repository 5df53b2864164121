"""How a recorded reference is stored: tensors in one safetensors file, everything else as JSON in its metadata."""
import json
import os

from safetensors.torch import save_file


def save_episode(tensors, path, settings):
    """Writes `tensors` to `path`; `settings` (a JSON-serialisable dict) stands under the metadata key `json`."""
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    contiguous = {name: tensor.contiguous() for name, tensor in tensors.items()}
    save_file(contiguous, path, metadata={"json": json.dumps(settings)})
    print(path, len(tensors), "tensors", json.dumps(settings)[:300])


def save_json(value, path, **format_options):
    """Writes `value` as JSON, not escaping text outside ASCII unless asked to."""
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file, indent=1, **format_options)
