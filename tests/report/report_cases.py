"""A report in which every part is there, of a network of a few neurons, and how a page is read."""

import copy
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np

from qblif.api.network import load
from qblif.boards.planning import plan_for
from qblif.hw.layout.compile import compile
from qblif.report.collect import Frames, collect
from qblif.report.results import Results

__all__ = ["COMMANDS", "Page", "contents", "figures_of", "leaves", "outer", "replaced",
           "shipped"]

COMMANDS = {"this": "qblif report a & b.safetensors", "data": "qblif report F --data DIR",
            "rtl": "qblif report F --rtl", "synth": "qblif report F --synth"}
VOID = {"meta", "link", "br", "img", "input", "hr"}

RTL = {"simulator": "verilator", "images": 30, "accuracy": {"rtl": 0.36666666},
       "levels_compared": 9001, "membranes_compared": 11701, "synapses": [],
       "mismatches": {"levels": 5, "membranes": 6, "classes": 7},
       "cycles": {"mean": 71.25, "interval_mean": 33.125, "model_equal": True}}

PLACED = {"device": "ecp5-25k", "part": "LFE5U-25F-6BG381", "seed": 3, "fmax_mhz": 151.37,
          "lut": 31, "ff": 43, "bram": 2, "dsp": 0, "spram": 0,
          "capacities": {"lut": 24288, "ff": 24289, "bram": 56, "dsp": 28, "spram": 0},
          "path": {"steps": [
              {"kind": "clock-to-out", "ns": 0.525, "type": "register",
               "cell": "hidden.engine_i.x"},
              {"kind": "routing", "ns": 1.75, "type": "LUT", "cell": "hidden.engine_i.y"},
              {"kind": "logic", "ns": 0.25, "type": "LUT", "cell": "hidden.engine_i.y"},
              {"kind": "routing", "ns": 2.125, "type": "carry", "cell": "out.population.z"},
              {"kind": "logic", "ns": 0.5, "type": "carry", "cell": "out.population.z"},
              {"kind": "setup", "ns": 0.0, "type": "register", "cell": "out.population.z"}]}}

FLOORPLAN = {
    "grid": [73, 51], "path": [[4, 5], [9, 7], [8, 2]],
    "instances": ["hidden.engine_input.synapse", "hidden.population", "out.engine_hidden", "out",
                  "", "frames"],
    "cells": [[4, 5, 0, "lut", 17], [4, 5, 0, "ff", 13], [40, 30, 0, "bram", 2],
              [9, 7, 1, "lut", 7], [9, 8, 1, "ff", 5], [20, 8, 2, "lut", 4], [8, 2, 3, "ff", 11],
              [60, 2, 4, "lut", 3], [61, 2, 5, "ff", 14]],
    "arrivals": {"longest_ns": 6.606, "counts": [0, 3, 29, 1]}}


SWEEP = {"space": {}, "wanted": 6, "refused": [{"parameters": {}, "reason": ""}] * 23,
         "objectives": [{"name": "accuracy", "unit": "share of the images", "more_is_better": True},
                        {"name": "luts", "unit": "", "more_is_better": False},
                        {"name": "fmax", "unit": "MHz", "more_is_better": True}],
         "points": [{"parameters": {"lanes": lanes, "neuron": "lif"}, "front": front,
                     "figures": {"accuracy": share, "luts": luts, "fmax": fmax}}
                    for lanes, share, luts, fmax, front in (
                        (4, 0.8125, 1009, 141.5, True), (8, 0.8125, 2003, 133.25, False),
                        (16, 0.84375, 3001, 125.0, True))]}


def contents(tiny, **changed):
    """The JSON of a full report; ``changed`` replaces arguments of :func:`collect`."""
    trained, layout, frames = tiny
    arguments = {"title": "a <b> network", "device": "ecp5-25k", "commands": COMMANDS,
                 "frames": Frames(frames, frames[:, 0] % 3, "draws"), "neuron": "hidden/3",
                 "results": Results(RTL, PLACED, FLOORPLAN, "qblif synth", SWEEP)}
    return collect(trained, layout, **arguments | changed)


def shipped(name, lanes):
    """``contents`` of a network that ships, on one image of noise: what a clone has of it."""
    trained = load(name)
    draw, size = np.random.default_rng(1), trained.spec.input.size
    levels = draw.integers(1, trained.spec.input.n_max + 1, (1, size))
    noise = Frames(levels * (draw.random((1, size)) < 0.1), np.array([3]), "noise")
    layout = compile(trained.spec, plan_for(trained, lanes))
    return contents((trained, layout, noise.levels), title=name, frames=noise, neuron=None,
                    results=None)


def leaves(part, path=()):
    """``(path, number)`` of every number."""
    if isinstance(part, dict | list):
        for key, value in part.items() if isinstance(part, dict) else enumerate(part):
            yield from leaves(value, (*path, key))
    elif isinstance(part, int | float) and not isinstance(part, bool):
        yield path, part


def replaced(report, path, value):
    """A copy with another number at a path."""
    found = copy.deepcopy(report)
    part = found
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    return found


class Page(HTMLParser):
    """A page whose tags must match; ``values`` are the exact figures that it carries."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.ids, self.links, self.values = [], [], [], [], []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.tags.append((tag, attributes))
        self.links += [attributes[name] for name in (
            "href", "src", "xlink:href", "srcset", "action") if name in attributes]
        self.ids += [attributes["id"]] if "id" in attributes else []
        self.values += [attributes["value"]] if tag == "data" else []
        self.values += (attributes.get("data-values") or "").split()
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"</{tag}> within {self.open}"
        self.open.pop()

    def handle_data(self, data):
        self.text += data


def figures_of(text):
    return set(Page(text).values)


def outer(text):
    """Each outermost ``<svg>`` of a page, as XML."""
    depth, start = 0, 0
    for tag in re.finditer(r"<svg\b|</svg>", text):
        start = tag.start() if not depth else start
        depth += 1 if tag[0] == "<svg" else -1
        if not depth:
            yield ElementTree.fromstring(text[start:tag.end()])
