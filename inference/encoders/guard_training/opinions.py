"""Labels that are partly what another network says of a text: soft, and known for texts that nobody has labelled."""

from torch import Tensor


def mixed(
    labels: Tensor, weights: Tensor, said: Tensor, said_weights: Tensor, share: Tensor | float
) -> tuple[Tensor, Tensor]:
    """Labels and weights [..., 31] of which `share` is the opinion `said`, where that counts `said_weights`.

    The weight of an output is the sum of both parts, so what nobody labelled is learned from the opinion alone.
    """
    own, other = (1.0 - share) * weights, share * said_weights
    both = own + other
    return (own * labels + other * said) / both.clamp(min=1e-6), both
