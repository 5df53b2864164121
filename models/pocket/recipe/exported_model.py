"""The exported folder through transformers, as a stranger would use it: features of texts and pictures."""
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from pixels import MEAN_255, STD_255
from tokens import encode, load_tokenizer

SHORT_LISTS, SHORT_LIST_LENGTH, LONG_LIST_LENGTH = 50, 77, 32


class ExportedModel:
    """A CLIPModel folder, f32, with CLIP's tokenizer."""

    def __init__(self, folder, tokenizer_folder):
        from transformers import CLIPModel

        self.model = CLIPModel.from_pretrained(folder, attn_implementation="eager").eval().float()
        self.tokenizer = load_tokenizer(tokenizer_folder)

    def text_features(self, texts):
        """[texts, 256], normalised."""
        length = SHORT_LIST_LENGTH if len(texts) < SHORT_LISTS else LONG_LIST_LENGTH
        ids = torch.from_numpy(encode(self.tokenizer, texts, length))
        with torch.no_grad():
            batches = [tensor_of(self.model.get_text_features(input_ids=ids[start:start + 250]))
                       for start in range(0, len(ids), 250)]
        return F.normalize(torch.cat(batches).float(), dim=-1)

    def image_features(self, pictures):
        """u8 [pictures, 64, 64, 3] -> [pictures, 256], normalised.

        In f32 whatever the processor is fast at: figures must not depend on the machine.
        """
        batches = []
        with torch.no_grad():
            for start in range(0, len(pictures), 64):
                x = torch.from_numpy(pictures[start:start + 64].copy()).permute(0, 3, 1, 2).float()
                pixels = (x - MEAN_255) / STD_255
                batches.append(tensor_of(self.model.get_image_features(pixel_values=pixels)))
        return F.normalize(torch.cat(batches), dim=-1)


def tensor_of(output):
    """The tensor of a features call, whichever shape this version of the library returns."""
    return output if torch.is_tensor(output) else output.pooler_output


def read_square(file, side):
    """A picture file as CLIP sees it: shortest edge to `side` (bicubic), centre crop; u8 [side, side, 3]."""
    picture = Image.open(file).convert("RGB")
    width, height = picture.size
    scale = side / min(width, height)
    size = (side, int(height * scale)) if width < height else (int(width * scale), side)
    picture = picture.resize(size, Image.BICUBIC)
    left, top = (size[0] - side) // 2, (size[1] - side) // 2
    return np.asarray(picture.crop((left, top, left + side, top + side)))


def leaked_samples(workspace):
    """Which of the sample pictures are Tiny ImageNet training pictures too: a set of their places among the classes."""
    return set(np.load(workspace.cache / "tin_leaksamples.npy").tolist())


def sample_pictures(workspace):
    """The 1,000 sample pictures at 64 px, in the order of the classes; made once."""
    path = workspace.cache / "samples64.npy"
    if not path.exists():
        np.save(path, np.stack([read_square(file, 64) for file in sorted(workspace.samples.glob("n*.JPEG"))]))
    return np.load(path)
