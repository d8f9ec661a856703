"""One model on several ranks: processes, each with a GPU or, in tests, some cores.

    plan.py     which part of each tensor a rank has (Shoeybi et al. 2019, arXiv:1909.08053)
    weights.py  a checkpoint as one rank sees it: only its parts are read
    ranks.py    joining the group, and what ranks say to one another
    layers.py   matrices whose results are summed or gathered over the ranks
    llama.py    the decoder: rank 0 schedules, all compute
    load.py     a rank's part under the engine's settings
    launch.py   rank 0 of a server starts the others, watches and ends them
    follower.py what such a process does
    __main__.py a reply from the command line, on ranks that torchrun started

                     rank 0             rank 1
    hidden        all of it          all of it
    q k v         heads 0-15         heads 16-31        split by rows: nothing to say
    attention     heads 0-15         heads 16-31        each with its own keys and values
    o             columns 0-15       columns 16-31      split by columns: summed
    gate, up      rows 0-n/2         rows n/2-n
    down          columns 0-n/2      columns n/2-n      summed
    head          words 0-v/2        words v/2-v        gathered on rank 0

So two sums a layer and one gather a step is all that goes over the wire, and the batch, which is small.
"""
