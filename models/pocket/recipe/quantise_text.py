"""Step 4b: makes the text tower fit for q4: 18/32 bytes a weight instead of the 34/32 of q8.

Its matrices and its token embedding are rounded in every forward pass, as `clip-ttl convert --text q4` rounds them, and
trained so that the features stay what they were (the gradient passes the rounding unchanged: the straight-through
estimator of Bengio et al., arXiv 1308.3432). Reads and replaces cache/text.pt; the tower before is kept as
cache/text_before_q4.pt. What is saved are rounded values, so the image tower is trained against the features that the
q4 file gives. A text.pt that has rounded values already is left as it is.
"""
import math
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch.nn.utils import parametrize

from distillation import distillation_loss
from labels import TEMPLATES, imagenet_classes
from tokens import END, encode, load_tokenizer
from towers import load_text_tower
from wordnet import read_synsets
from workspace import workspace_of, workspace_parser, write_atomically

BLOCK = 32
# The divisors of a block's extreme value that clip-ttl tries (crates/clip-model/src/quantised/format.rs).
DIVISORS = (-10.0, -9.5, -9.0, -8.5, -8.0, -7.5, -7.0)
BATCH, PROMPT_LENGTH = 256, 24
CLASS_NAME_SHARE = 0.2


def rounded(weights):
    """The values that q4 keeps of a tensor whose rows are whole blocks of 32."""
    blocks = weights.detach().reshape(-1, BLOCK)
    extreme = blocks.gather(1, blocks.abs().argmax(1, keepdim=True))
    best, least = None, None
    for divisor in DIVISORS:
        scale = (extreme / divisor).half().float()
        inverse = torch.where(scale == 0, 0.0, 1 / scale)
        kept = scale * (blocks * inverse).round().clamp(-8, 7)
        error = (blocks - kept).square().sum(1, keepdim=True)
        if best is None:
            best, least = kept, error
        else:
            best, least = torch.where(error < least, kept, best), torch.minimum(error, least)
    return best.view_as(weights)


def is_rounded(state):
    """Whether every matrix of a text tower, its token embedding among them, has values that q4 keeps unchanged.

    The positions are not among them: `clip-ttl convert` leaves them as they are.
    """
    matrices = [tensor for name, tensor in state.items() if tensor.dim() == 2 and "position" not in name]
    return all(torch.equal(rounded(tensor), tensor) for tensor in matrices)


class Rounding(torch.nn.Module):
    """Rounds in the forward pass; the gradient passes unchanged."""

    def forward(self, weights):
        return weights + (rounded(weights) - weights).detach()


def with_rounding(tower):
    """The tower with its matrices rounded where they are used, and the rows of its token embedding where they are looked up."""
    for module in tower.modules():
        if isinstance(module, torch.nn.Linear):
            parametrize.register_parametrization(module, "weight", Rounding())
    rounding = Rounding()
    tower.text_model.embeddings.token_embedding.register_forward_hook(lambda _, __, rows: rounding(rows))
    return tower


def rounded_state(tower, names):
    """The parameters under their names before `with_rounding`, with the rounded values."""
    for module in tower.modules():
        if parametrize.is_parametrized(module):
            parametrize.remove_parametrizations(module, "weight", leave_parametrized=True)
    state = tower.state_dict()
    embedding = "text_model.embeddings.token_embedding.weight"
    state[embedding] = rounded(state[embedding])
    return {name: state[name].clone() for name in names}


class Nouns:
    """Prompts of random nouns of WordNet, class names among them more often than by chance."""

    def __init__(self, workspace, seed):
        self.tokenizer = load_tokenizer(workspace.tokenizer)
        synsets = read_synsets(workspace.wordnet).values()
        self.nouns = sorted({lemma for synset in synsets for lemma in synset.lemmas})
        self.names = imagenet_classes()[1]
        self.generator = np.random.default_rng(seed)

    def prompts(self):
        rng, texts = self.generator, []
        for _ in range(BATCH):
            words = self.names if rng.random() < CLASS_NAME_SHARE else self.nouns
            texts.append(TEMPLATES[rng.integers(len(TEMPLATES))].format(words[rng.integers(len(words))]))
        return self.rows(texts)

    def rows(self, texts):
        """Ids, cut after the longest row's first end token."""
        rows = encode(self.tokenizer, texts, PROMPT_LENGTH)
        return torch.from_numpy(rows[:, :int((rows != END).sum(1).max()) + 1])


def features(tower, rows):
    return F.normalize(tower(input_ids=rows).text_embeds, dim=-1)


@torch.no_grad()
def report(when, tower, original, nouns):
    """The cosine between the two towers' features of the class names."""
    rows = nouns.rows([TEMPLATES[0].format(name) for name in nouns.names]).split(250)
    cosines = torch.cat([(features(tower, part) * features(original, part)).sum(-1) for part in rows])
    print(f"{when}: cosine to the tower before, class names: mean {cosines.mean():.4f}, least {cosines.min():.4f}", flush=True)


def main():
    parser = workspace_parser(__doc__, "wordnet", "tokenizer")
    parser.add_argument("--seconds", type=float, default=300, help="of training (default 300)")
    parser.add_argument("--lr", type=float, default=6e-4)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    workspace = workspace_of(options)
    path, before = workspace.cache / "text.pt", workspace.cache / "text_before_q4.pt"
    state = torch.load(path)
    if is_rounded(state):
        print(path.name, "has the values of q4 already", flush=True)
        return
    original, tower = load_text_tower(path), with_rounding(load_text_tower(path))
    nouns = Nouns(workspace, options.seed)
    optimizer = torch.optim.AdamW(tower.parameters(), lr=options.lr, betas=(0.9, 0.98), weight_decay=0.0)
    report("rounded as it is", tower, original, nouns)
    started, step, shown = time.time(), 0, 0.0
    while (progress := (time.time() - started) / options.seconds) < 1:
        rows = nouns.prompts()
        with torch.no_grad():
            wanted = features(original, rows)
        loss = distillation_loss(features(tower, rows), wanted)
        optimizer.zero_grad()
        loss.backward()
        for group in optimizer.param_groups:
            group["lr"] = options.lr * min(1.0, (step + 1) / 20) * (0.5 * (1 + math.cos(math.pi * progress)) * 0.99 + 0.01)
        optimizer.step()
        shown = 0.95 * shown + 0.05 * loss.item() if step else loss.item()
        if step % 20 == 0:
            print(f"step {step}, {time.time() - started:.0f} s, loss {shown:.4f}", flush=True)
        step += 1
    report("trained", tower, original, nouns)
    kept = rounded_state(tower, state.keys())
    # The tower before comes first: a run that is stopped in between finds text.pt unrounded, and does it again.
    write_atomically(before, lambda temporary: torch.save(state, temporary))
    write_atomically(path, lambda temporary: torch.save(kept, temporary))


if __name__ == "__main__":
    main()
