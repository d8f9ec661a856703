"""What each output of the network should say of a text, and how much that counts."""

from collections.abc import Sequence

import numpy as np

from inference.encoders.guard import Array
from inference.encoders.guard_training.example import CATEGORIES, Example

NUM_PER_ROLE = 1 + len(CATEGORIES)
JAILBREAK = 2 * NUM_PER_ROLE

OWN = "contrast/"
"""How the sources of texts of our own begin."""

CONTRAST_WEIGHT = 2.0
CATEGORY_WEIGHT = 0.4
OTHER_CATEGORIES_WEIGHT = 0.3
"""For "not in this category", said of a text that was filed under another one."""


def labels_of(examples: Sequence[Example]) -> tuple[Array, Array]:
    """Labels and weights [N, 31]. Outputs of the other role, and what nobody knows, have no weight."""
    labels = np.zeros((len(examples), 2 * NUM_PER_ROLE + 1), dtype=np.float32)
    weights = np.zeros_like(labels)
    for row, example in enumerate(examples):
        first = 0 if example.role == "user" else NUM_PER_ROLE
        weight = example.weight * (CONTRAST_WEIGHT if example.source.startswith(OWN) else 1.0)
        if example.unsafe is not None:
            labels[row, first], weights[row, first] = example.unsafe, weight
        if example.categories is not None:
            member = np.array([slug in example.categories for slug in CATEGORIES])
            sure = member | (example.unsafe is False)
            labels[row, first + 1 : first + NUM_PER_ROLE] = member
            weights[row, first + 1 : first + NUM_PER_ROLE] = CATEGORY_WEIGHT * np.where(
                sure, weight, weight * OTHER_CATEGORIES_WEIGHT
            )
        if example.jailbreak is not None:
            labels[row, JAILBREAK], weights[row, JAILBREAK] = example.jailbreak, example.weight
    return labels, weights
