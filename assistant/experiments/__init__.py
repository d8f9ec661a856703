"""Experiments: who sees which arm, and what may be concluded from what they did.

    bucketing ▶ who gets which arm
    moments · histograms · counts · funnels  what is kept of an arm: frozen values that add up over days and shards
    effects                              difference and lift of two arms, with a fixed or an always-valid interval
    strata                               the same, of people compared with those who were like them when they came
    rare · bounded · quantiles           exact methods where the central limit theorem is slow
    preferences                          which of two answers people like better, from blind votes
    bayes · health · multiplicity · power · recommendation

Plain functions on frozen values, no database. "Always valid" means: at every moment at once, so people may look every
day and stop when they like, and the error rate stays what it says.
"""
