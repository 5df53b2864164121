"""CLIP itself, from Hugging Face transformers: loading a folder, features, logits, entropy."""
import torch


def load_model(folder):
    """A `CLIPModel` folder as f32, in evaluation mode, with the plain (unfused) attention."""
    from transformers import CLIPModel

    return CLIPModel.from_pretrained(folder, attn_implementation="eager").eval().float()


def features(output):
    """The feature tensor of `get_image_features`/`get_text_features`, whichever shape this version returns."""
    return output if torch.is_tensor(output) else output.pooler_output


def normalised(rows):
    """Each row divided by its length."""
    return rows / rows.norm(dim=-1, keepdim=True)


def entropy(logits):
    """Entropy in nats of the softmax over the last dimension."""
    return -(logits.softmax(-1) * logits.log_softmax(-1)).sum(-1)
