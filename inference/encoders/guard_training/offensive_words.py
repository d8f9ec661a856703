"""The weights of the package alt-profanity-check as plain arrays, so that serving needs neither it nor scikit-learn."""

from pathlib import Path

import joblib
import numpy as np

from inference.encoders.word_features import OffensiveWords


def read_offensive_words(folder: Path) -> OffensiveWords:
    """From the `profanity_check/data` folder of the package's wheel.

    Its five calibrated linear machines become one: their logits are averaged, where the package averages probabilities.
    The files are pickles: read them from a wheel whose digest you know.
    """
    vectorizer = joblib.load(folder / "vectorizer.joblib")
    machines = joblib.load(folder / "model.joblib").calibrated_classifiers_
    slopes = [-float(machine.calibrators[0].a_) for machine in machines]
    weight = np.mean([slope * m.estimator.coef_[0] for slope, m in zip(slopes, machines, strict=True)], axis=0)
    bias = np.mean(
        [slope * m.estimator.intercept_[0] - m.calibrators[0].b_ for slope, m in zip(slopes, machines, strict=True)]
    )
    terms = sorted(vectorizer.vocabulary_, key=vectorizer.vocabulary_.__getitem__)
    return OffensiveWords.from_arrays(
        "\n".join(terms), vectorizer.idf_.astype(np.float32), weight.astype(np.float32), float(bias)
    )
