"""The loss by which the text tower learns features: the sentence encoder's, and its own from before it was rounded."""
import torch.nn.functional as F

TEMPERATURE = 0.07


def distillation_loss(ours, wanted):
    """4 (1 - cosine), and 0.5 times the divergence between the batch's two tables of similarities.

    Both are [texts, 256] and normalised. The tables are those of `ours` and of `wanted` with `wanted`.
    """
    away = (1 - (ours * wanted).sum(-1)).mean()
    our_table = (ours @ wanted.T / TEMPERATURE).log_softmax(-1)
    wanted_table = (wanted @ wanted.T / TEMPERATURE).softmax(-1)
    return 4 * away + 0.5 * F.kl_div(our_table, wanted_table, reduction="batchmean")
