"""The colours of every figure, on the page and in files."""

BLUE, ORANGE = "#0065a8", "#b84a00"
"""Models and floors, or two models: `--one` and `--other` of the page's light theme"""
HEALTHY, DISEASED = "#009E73", "#CC79A7"
COLOURS = ("#0072B2", "#D55E00", HEALTHY, DISEASED, "#E69F00", "#56B4E9", "#8A8A8A", "#B5A900")
"""Classes: Okabe and Ito's, which colour-blind people tell apart; black and yellow, which one theme would swallow, are
others. Beyond them, markers differ too."""
