"""The colours of every figure, on the page and in files."""

BLUE, ORANGE = "#0065a8", "#b84a00"
"""Models and floors, or two models: `--one` and `--other` of the page's light theme"""
HEALTHY, DISEASED = "#009E73", "#CC79A7"
COLOURS = ("#0072B2", "#D55E00", HEALTHY, DISEASED, "#E69F00", "#56B4E9", "#8A8A8A", "#B5A900")
"""Classes: the palette of Okabe and Ito, which colour-blind people can distinguish, with black and yellow replaced,
because each is invisible in one of the themes. Further classes also differ in their markers."""
