"""How much longer an experiment has to run, from what it knows of its own noise."""

import math

from assistant.experiments.power import Plan, days_with_daily_looks

LONGEST_DAYS = 365


def days_left(
    *, num_control: int, num_treated: int, standard_error: float, difference: float, alpha: float, days_so_far: float
) -> int | None:
    """The days until `difference`, if it is there, would be found with a chance of four in five, by daily looks at the
    pace so far. None if that cannot be said, or if it should have been found by now."""
    num = num_control + num_treated
    if not (num_control and num_treated and difference > 0 and standard_error > 0 and days_so_far >= 1):
        return None
    share = num_treated / num
    plan = Plan(
        deviation=standard_error * math.sqrt(num * share * (1 - share)),
        difference=difference,
        per_day=num / days_so_far,
        share=share,
        alpha=alpha,
    )
    needed = days_with_daily_looks(plan, longest_days=LONGEST_DAYS)
    return math.ceil(needed - days_so_far) if needed is not None and needed > days_so_far else None
