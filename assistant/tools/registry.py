"""All tools that can be had."""

import importlib
import pkgutil

from assistant.tools import kit
from assistant.tools.tool import Tool, ToolServices


def tools_for(services: ToolServices) -> tuple[Tool, ...]:
    """The tools of the modules in `kit/`, by name; without those that lack what they need."""
    modules = (importlib.import_module(f"{kit.__name__}.{found.name}") for found in pkgutil.iter_modules(kit.__path__))
    tools = (module.tool(services) for module in modules)
    return tuple(tool for tool in tools if tool is not None)
