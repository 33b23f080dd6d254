"""Inputs and answers as JSON: numbers, truth values, text, lists, tensors. Nothing is unpickled."""

import torch


def encoded(value):
    """A value as JSON can hold it; of anything else only the name of its type."""
    if isinstance(value, torch.Tensor):
        numbers = value.detach().cpu()
        return {"dtype": str(numbers.dtype).removeprefix("torch."), "tensor": numbers.tolist()}
    if value is None or type(value) in (bool, int, float, str):
        return {"plain": value}
    if isinstance(value, list | tuple):
        return {"list": [encoded(x) for x in value]}
    try:
        return encoded(torch.as_tensor(value))
    except (TypeError, ValueError, RuntimeError):
        return {"other": type(value).__name__}


def decoded(message):
    """The value that was encoded; what could not be is an empty object of a type of that name."""
    if "tensor" in message:
        return torch.tensor(message["tensor"], dtype=getattr(torch, message["dtype"]))
    if "list" in message:
        return [decoded(x) for x in message["list"]]
    if "other" in message:
        return type(str(message["other"]), (), {})()
    return message["plain"]
