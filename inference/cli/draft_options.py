"""The options that say where drafts come from, alike for the server and the commands."""

import argparse
from typing import Literal

Drafts = Literal["lookup", "model", "eagle", "off"]


def add_draft_options(group: argparse._ArgumentGroup) -> None:
    """`--drafts` and `--draft-model`."""
    group.add_argument(
        "--drafts",
        choices=["lookup", "model", "eagle", "off"],
        help="guess tokens ahead: look them up, or ask --draft-model (default: lookup, or model if one is given)",
    )
    group.add_argument(
        "--draft-model", default="", help="smaller model with the same tokenizer, or the folder of an EAGLE-3 head"
    )


def drafts_of(options: argparse.Namespace) -> Drafts:
    """Where drafts come from. Whether that goes with `--draft-model` is checked by `EngineConfig`."""
    drafts: Drafts = options.drafts or ("model" if options.draft_model else "lookup")
    return drafts
