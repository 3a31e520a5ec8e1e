"""The colours of every figure, on the page and in files."""

BLUE, ORANGE = "#0065a8", "#b84a00"
"""The colours of models and floors, or of two models that are compared: `--one` and `--other` of the page's light
theme"""
HEALTHY, DISEASED = "#009E73", "#CC79A7"
COLOURS = ("#0072B2", "#D55E00", HEALTHY, DISEASED, "#E69F00", "#56B4E9", "#8A8A8A", "#B5A900")
"""The colours of classes: the palette of Okabe and Ito, which colour-blind people can distinguish, with black and
yellow replaced, because each is invisible in one of the themes. Classes beyond the eighth repeat a colour, but with a
different marker."""
